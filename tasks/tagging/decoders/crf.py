"""Whole tag sequences, scored move by move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, final

from torch import Tensor, nn

from tasks.tagging.crf import ConditionalRandomField
from tasks.tagging.decoder import Decoder
from tasks.tagging.entities import legal_moves


@final
class CrfDecoder(Decoder):
    """A linear-chain CRF on ``W h_t + b``: one normalisation for the sentence, so no label bias (Lafferty et al. 2001).

    Learned by exact likelihood, decoded by Viterbi. Huang et al. 2015 (arXiv 1508.01991); Lample et al. 2016 (arXiv
    1603.01360); see :class:`~tasks.tagging.crf.ConditionalRandomField`.

    Args:
        inputs: size of h.
        tags: the tags.
        illegal_moves: ``forbidden``: moves that BIO does not have, to ``I-x`` from all but ``B-x`` and ``I-x``, have no
            probability; ``allowed``: the data alone speak.

    Raises:
        UserError: moves are to be forbidden, and the tags are no entity tags.
    """

    def __init__(
        self, *, inputs: int, tags: Sequence[str], illegal_moves: Literal["allowed", "forbidden"] = "allowed"
    ) -> None:
        super().__init__()
        self.output = nn.Linear(inputs, len(tags))
        allowed = legal_moves(tags) if illegal_moves == "forbidden" else None
        self.field = ConditionalRandomField(len(tags), allowed=allowed)

    def loss(self, outputs: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
        """See :meth:`Decoder.loss`; per token, so that a learning rate means what it means to a softmax."""
        return -self.field.log_likelihood(self.output(outputs), tags, lengths).sum() / lengths.sum()

    def decode(self, outputs: Tensor, lengths: Tensor) -> Tensor:
        """The best sequence of each sentence, see :meth:`Decoder.decode`."""
        return self.field.decode(self.output(outputs), lengths)
