"""A beam that is as wide as it must be."""

from __future__ import annotations

import math
from typing import final

from torch import Tensor

from tasks.decoding.decoding import Decoding, Hypothesis, Request
from tasks.decoding.decodings._beam_search import search
from tasks.decoding.decodings._length import LengthNormalization, rank


@final
class VariableBeam(Decoding):
    """A beam whose candidates must also be good enough (Freitag and Al-Onaizan 2017, arXiv 1702.01806, section 3).

    Thresholds on scores compare a candidate with the best one of its sentence at the same step, the local threshold
    compares its last token with the most probable one after the same prefix. Probabilities are meant, not logarithms,
    except where a difference is: with ``relative`` 0.6 a candidate has at least 0.6 times the probability of the best.

    Args:
        width: most prefixes of a sentence, whatever the thresholds let through.
        relative: least share of the best candidate's probability, in [0, 1]; 0: any.
        absolute: most that its log-probability may be below the best one's, at least 0; infinity: any.
        relative_local: least share of the probability of its parent's best token, in [0, 1]; 0: any.
        per_parent: most candidates that extend one prefix; the width bounds them, too.
        length_normalization: how hypotheses of different lengths are compared at the end.
        alpha: exponent of ``gnmt``.
    """

    def __init__(
        self,
        *,
        width: int = 20,
        relative: float = 0.6,
        absolute: float = 2.5,
        relative_local: float = 0.02,
        per_parent: int = 3,
        length_normalization: LengthNormalization = "mean",
        alpha: float = 0.6,
    ) -> None:
        self._width, self._per_parent = width, per_parent
        self._below_best = min(_distance(relative), absolute)
        self._below_parent = _distance(relative_local)
        self._normalization, self._alpha = length_normalization, alpha

    def decode(self, request: Request) -> list[list[Hypothesis]]:
        """See :meth:`Decoding.decode`; up to ``width`` hypotheses per sentence."""
        found = search(request, width=self._width, per_parent=self._per_parent, prune=self._prune)
        return [rank(hypotheses, self._normalization, self._alpha) for hypotheses in found]

    def _prune(self, scores: Tensor, steps: Tensor) -> Tensor:
        """The best candidate of a sentence always stays: its last token is its parent's best one."""
        best, parent_best = scores.flatten(1).amax(1)[:, None, None], steps.amax(2, keepdim=True)
        return (scores >= best - self._below_best) & (steps >= parent_best - self._below_parent)


def _distance(share: float) -> float:
    """How far below a log-probability one may be that has this share of its probability."""
    return -math.log(share) if share else math.inf
