"""How hypotheses of different lengths are compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from tasks.decoding.decoding import Hypothesis

LengthNormalization = Literal["none", "mean", "gnmt"]
"""``none``: log-probability, which favours short ones; ``mean``: per token, the end symbol counted; ``gnmt``: divided
by ``((5 + length) / 6)^alpha`` (Wu et al. 2016, arXiv 1609.08144, equation 14)."""


def rank(found: Sequence[Hypothesis], normalization: LengthNormalization, alpha: float) -> list[Hypothesis]:
    """Finished ones before unfinished ones, each from the best to the worst."""
    return sorted(found, key=lambda h: (not h.finished, -_score(h, normalization, alpha)))


def _score(found: Hypothesis, normalization: LengthNormalization, alpha: float) -> float:
    length = len(found.tokens)
    divisors: dict[str, float] = {"none": 1.0, "mean": float(length), "gnmt": math.pow((5 + length) / 6, alpha)}
    return found.log_probability / divisors[normalization]
