"""How the share of right tokens falls in the course of training (Bengio et al. 2015, arXiv 1506.03099, section 2.4)."""

from __future__ import annotations

import math
from typing import Final, Literal

AnnealingName = Literal["linear", "exponential", "inverse_sigmoid", "constant"]

LARGEST_EXPONENT: Final = 700.0
"""Behind it ``exp`` overflows a float64; the share is 0 to the last bit by then."""


def refuse_impossible(name: AnnealingName, rate: float | None) -> None:
    """Refuse a rate with which a schedule is none (section 2.4 of the paper).

    Raises:
        ValueError: c of linear is above 1; k of exponential is not below 1; k of inverse_sigmoid is below 1.
    """
    if rate is None:
        return
    rules = {
        "linear": ("takes annealing_rate off the share of right tokens at each update: at most 1", rate <= 1),
        "exponential": ("multiplies the share of right tokens by annealing_rate at each update: below 1", rate < 1),
        "inverse_sigmoid": ("is k / (k + exp(i / k)), k the annealing_rate: at least 1", rate >= 1),
    }
    if name in rules and not rules[name][1]:
        raise ValueError(f"annealing {name} {rules[name][0]} is possible, received {rate:g}")


def right_share(name: AnnealingName, update: int, updates: int, *, rate: float | None, floor: float) -> float:
    """Probability that a right token is read at an update.

    ``linear``: ``1 - c i``; ``exponential``: ``k^i``; ``inverse_sigmoid``: ``k / (k + exp(i / k))``; ``constant``: the
    floor from the first update on. None falls below the floor.

    Args:
        name: of the schedule.
        update: i, updates before this one.
        updates: of the whole run.
        rate: c or k; None: chosen so that the whole run sees the schedule: linear reaches the floor at its end,
            exponential 1/100 of its start, inverse sigmoid is at 1/2 at about half of it.
        floor: least share.
    """
    if name == "constant":
        return floor
    if name == "linear":
        slope = (1 - floor) / updates if rate is None else rate
        share = 1 - slope * update
    elif name == "exponential":
        base = 0.01 ** (1 / updates) if rate is None else rate
        share = base**update
    else:
        k = half_way(updates) if rate is None else rate
        share = k / (k + math.exp(min(update / k, LARGEST_EXPONENT)))
    return max(floor, share)


def half_way(updates: int) -> float:
    """The k >= 1 whose inverse sigmoid is 1/2 half way through a run: ``k ln k = updates / 2``, by Newton's method."""
    target, k = updates / 2, math.e
    if target <= 0:
        return 1.0
    for _ in range(60):
        k = max(1.0, (k + target) / (1 + math.log(k)))
    return k
