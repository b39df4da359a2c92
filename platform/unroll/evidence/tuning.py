"""What tuning was worth: the best score that so many draws can be expected to find, and what was spent on it."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from unroll.contract import Direction


def expected_best(values: Sequence[float], *, direction: Direction) -> list[float]:
    """Expected best of n draws, for n from 1 to as many as there are.

    The draws are taken to be independent, from the empirical distribution of ``values``: with F their distribution
    function, the best of n is at most v with the probability F(v)^n, so its expectation is the sum over the distinct
    values v of v (F(v)^n - F(v-)^n), where F(v-) is the share of smaller values (Dodge et al. 2019, "Show Your Work",
    equation 3). Where the smallest is the best, the same holds of the negated values.

    Args:
        values: one finite score per draw; none gives an empty list.
        direction: which way is better.
    """
    sign = 1.0 if direction == "maximize" else -1.0
    total = len(values)
    signed = sorted(sign * value for value in values)
    shares = [(value, place / total, (place + 1) / total) for place, value in enumerate(signed)]
    return [
        sign * sum(value * (up_to**number - below**number) for value, below, up_to in shares)
        for number in range(1, total + 1)
    ]


def crossings(one: Sequence[float], other: Sequence[float], *, direction: Direction) -> list[tuple[int, bool]]:
    """Where two curves of expected best scores change places.

    Args:
        one: expected best of 1, 2, ... draws.
        other: likewise; what only one of them has is not looked at.
        direction: which way is better.

    Returns:
        (number of draws, whether ``one`` leads from there), beginning with the leader at the first number at which they
        differ; one entry if they never cross, none if they never differ.
    """
    found: list[tuple[int, bool]] = []
    for number, (mine, theirs) in enumerate(zip(one, other, strict=False), 1):
        leads = mine < theirs if direction == "minimize" else mine > theirs
        if mine != theirs and (not found or found[-1][1] != leads):
            found.append((number, leads))
    return found


def spent(trials: pl.DataFrame) -> pl.DataFrame:
    """What was spent on each arm in each phase, on trials that ended in whatever way.

    Args:
        trials: one row per trial of both phases: ``arm, phase, status, steps, seconds``.

    Returns:
        One row per arm and phase in order of appearance: ``arm, phase, trials`` (that have ended), ``steps, seconds``.
    """
    ended = trials.filter(pl.col("status") != "missing")
    return ended.group_by("arm", "phase", maintain_order=True).agg(
        trials=pl.len().cast(pl.Int64), steps=pl.col("steps").sum(), seconds=pl.col("seconds").sum()
    )
