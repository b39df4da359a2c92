"""State and word are compared by a matrix."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from tasks.encoder_decoder.attention import Attention


@final
class General(Attention):
    """``score(s, h) = s^T W h`` (Luong et al. 2015, arXiv 1508.04025, equation 8).

    Args:
        queries: size of s.
        features: size of h.
    """

    def __init__(self, *, queries: int, features: int) -> None:
        super().__init__()
        self.key = nn.Linear(features, queries, bias=False)
        self._features = features

    def keys(self, values: Tensor) -> Tensor:
        """``W h``."""
        projected: Tensor = self.key(values)
        return projected

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """See :meth:`Attention.scores`."""
        # s' (W h): as in the paper, with the product that needs no query done once for all steps.
        return queries @ keys.transpose(1, 2)

    def operations_per_source_word(self) -> int:
        """The product, and the context."""
        return 2 * (self.key.out_features + self._features)
