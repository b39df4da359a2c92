"""A beam of fixed width."""

from __future__ import annotations

from typing import final

from tasks.decoding.decoding import Decoding, Hypothesis, Request
from tasks.decoding.decodings._beam_search import search
from tasks.decoding.decodings._length import LengthNormalization, rank


@final
class Beam(Decoding):
    """The ``width`` most probable prefixes of a sentence, less one for each that has ended.

    Log-probabilities alone say which prefixes stay; length normalization chooses among what was found. A wider beam
    finds more probable sequences, not always better ones (Koehn and Knowles 2017, arXiv 1706.03872, section 3.6).

    Args:
        width: prefixes at most; 1 is greedy.
        length_normalization: how hypotheses of different lengths are compared at the end.
        alpha: exponent of ``gnmt``.
    """

    def __init__(
        self, *, width: int = 5, length_normalization: LengthNormalization = "mean", alpha: float = 0.6
    ) -> None:
        self._width, self._normalization, self._alpha = width, length_normalization, alpha

    def decode(self, request: Request) -> list[list[Hypothesis]]:
        """See :meth:`Decoding.decode`; up to ``width`` hypotheses per sentence."""
        found = search(request, width=self._width, per_parent=self._width, prune=None)
        return [rank(hypotheses, self._normalization, self._alpha) for hypotheses in found]
