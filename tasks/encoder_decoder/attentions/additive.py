"""A small network compares state and word."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from tasks.encoder_decoder.attention import Attention


@final
class Additive(Attention):
    """``score(s, h) = v^T tanh(W s + U h)`` (Bahdanau et al. 2015, arXiv 1409.0473, appendix A.1.2).

    Args:
        queries: size of s.
        features: size of h.
        attention_size: size of v.
    """

    def __init__(self, *, queries: int, features: int, attention_size: int = 256) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(queries, attention_size, bias=False), nn.Linear(features, attention_size)
        self.score = nn.Linear(attention_size, 1, bias=False)
        self._features = features

    def keys(self, values: Tensor) -> Tensor:
        """``U h``, with a bias."""
        projected: Tensor = self.key(values)
        return projected

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """See :meth:`Attention.scores`; needs memory for batch * target * source * attention_size values."""
        hidden = (self.query(queries).unsqueeze(2) + keys.unsqueeze(1)).tanh()  # one row per word
        scores: Tensor = self.score(hidden).squeeze(3)
        return scores

    def operations_per_source_word(self) -> int:
        """``v^T`` and the context."""
        return 2 * (self.score.in_features + self._features)
