"""How often each arm diverges, and whether it does so more often than its baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import bdtr, betaincinv

from unroll.evidence.intervals import CONFIDENCE
from unroll.evidence.pairs import LEVEL, adjust, adjust_in_looks, has_ended, make_looks
from unroll.evidence.sequential import Look, sequential_max_t
from unroll.ledger import FINAL
from unroll.study.declaration import Looks

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "arm": pl.String,
    **dict.fromkeys(("planned", "n", "diverged"), pl.Int64),
    **dict.fromkeys(("rate", "low", "high"), pl.Float64),
    "baseline": pl.String,
    **dict.fromkeys(("pairs", "planned_pairs", "alone", "baseline_alone"), pl.Int64),
    **dict.fromkeys(("p", "p_adjusted", "smallest_p"), pl.Float64),
    "verdict": pl.String,
}


def divergence_rates(trials: pl.DataFrame, *, baselines: Mapping[str, str], looks: Looks | None = None) -> pl.DataFrame:
    """Rate of divergence of every arm, and the exact comparison of each with its baseline, seed by seed.

    Only trials with a result count: completed or diverged. Whether one that failed, was stopped or has not run would
    have diverged is unknown.

    Args:
        trials: one row per planned trial: ``arm, seed, status``.
        baselines: arm -> the arm that it is compared to; one that is its own is a baseline, and compared to none.
        looks: when seeds were added to what was undecided: ``p_adjusted`` is then that of the looks for which all
            comparisons have their seeds, as of paired differences.

    Returns:
        One row per arm in order of appearance: ``arm, planned, n`` (trials with a result), ``diverged, rate``
        (diverged / n), ``low, high`` (exact 95 % interval of the rate, Clopper and Pearson 1934; null without a
        result), then against its baseline, null in rows of baselines: ``baseline, pairs`` (seeds on which both have a
        result), ``planned_pairs``, ``alone`` (seeds on which the arm diverged and its baseline did not),
        ``baseline_alone`` (the other way round), ``p`` (:func:`discordant_p`; null without a pair), ``p_adjusted``
        (for all comparisons, whatever their baselines, as of paired differences: one side diverged alone, the other
        one did, or no difference), ``smallest_p`` (what the planned pairs can reach at best), ``verdict`` (``more
        often``, ``less often``, ``undecided``).
    """
    arms = trials["arm"].unique(maintain_order=True).to_list()
    ends = {arm: _ends(trials.filter(pl.col("arm") == arm)) for arm in arms}
    rows = [_rate(arm, ends[arm]) for arm in arms]
    compared = [row | _compare(row["arm"], baselines[row["arm"]], ends) for row in rows]
    compared = [row for row in compared if row["arm"] != row["baseline"]]
    if looks is None:
        scores = _scores(compared, ends)
        adjust(compared, scores, np.zeros_like(scores))
    else:
        _adjust_in_looks(compared, trials, looks)
    for row in compared:
        undecided = row["p_adjusted"] is None or row["p_adjusted"] > LEVEL or not row.pop("closed", True)
        more = "more often" if row["alone"] > row["baseline_alone"] else "less often"
        row["verdict"] = "undecided" if undecided else more
    by_arm = {row["arm"]: row for row in compared}
    told = [by_arm.get(row["arm"], row) for row in rows]
    return pl.DataFrame([{name: row.get(name) for name in SCHEMA} for row in told], schema=SCHEMA)


def _adjust_in_looks(rows: Sequence[dict[str, Any]], trials: pl.DataFrame, looks: Looks) -> None:
    known = []
    for part in make_looks(trials, looks):
        ends = {arm: _ends(part.filter(pl.col("arm") == arm)) for arm in part["arm"].unique(maintain_order=True)}
        scores = _scores(rows, ends)
        wanted = [(row["arm"], row["baseline"]) for row in rows]
        known.append(Look(scores, np.zeros_like(scores), has_ended(part, sorted(part["seed"].unique()), wanted)))
    found = sequential_max_t(known, looks=looks.at, spending=looks.spending, level=LEVEL)
    adjust_in_looks(rows, found)


def rate_interval(diverged: int, n: int) -> tuple[float, float]:
    """Exact 95 % interval of a rate of ``diverged`` out of ``n`` (Clopper and Pearson 1934); n is at least 1.

    Each end is the rate under which so many, or so few, would be seen in 2.5 % of all studies. It is cautious: it
    covers the true rate in at least 95 %.
    """
    tail = (1 - CONFIDENCE) / 2
    # Binomial tails are incomplete beta functions: their inverses solve P(X >= diverged) and P(X <= diverged) = tail.
    low = float(betaincinv(diverged, n - diverged + 1, tail)) if diverged else 0.0
    high = float(betaincinv(diverged + 1, n - diverged, 1 - tail)) if diverged < n else 1.0
    return low, high


def discordant_p(alone: int, baseline_alone: int) -> float:
    """Two-sided p-value of two arms diverging equally often, from the seeds on which only one of them did.

    If both diverged equally often, each such seed would be as likely the other way round: the binomial tail of the
    smaller count at 1/2, doubled (McNemar 1947, in its exact form). Seeds on which both or neither diverged carry no
    information on a difference; without any other seed the value is 1.
    """
    discordant = alone + baseline_alone
    return min(1.0, 2 * float(bdtr(min(alone, baseline_alone), discordant, 0.5))) if discordant else 1.0


def _ends(trials: pl.DataFrame) -> dict[int, bool | None]:
    """Seed -> whether its trial diverged; None where it has no result."""
    return {
        seed: status == "diverged" if status in FINAL else None
        for seed, status in trials.select("seed", "status").iter_rows()
    }


def _rate(arm: str, ends: dict[int, bool | None]) -> dict[str, Any]:
    results = [diverged for diverged in ends.values() if diverged is not None]
    n, diverged = len(results), sum(results)
    low, high = rate_interval(diverged, n) if n else (None, None)
    rate = diverged / n if n else None
    return {"arm": arm, "planned": len(ends), "n": n, "diverged": diverged, "rate": rate, "low": low, "high": high}


def _scores(rows: Sequence[dict[str, Any]], ends: Mapping[str, dict[int, bool | None]]) -> NDArray[np.float64]:
    """What each seed says of each comparison: 1 where the arm diverged alone, -1 where its baseline did, else 0."""
    seeds = sorted({seed for known in ends.values() for seed in known})
    scores = np.full((len(seeds), len(rows)), np.nan)
    for column, row in enumerate(rows):
        mine, other = ends[row["arm"]], ends.get(row["baseline"], {})
        for place, seed in enumerate(seeds):
            pair = mine.get(seed), other.get(seed)
            if pair[0] is not None and pair[1] is not None:
                scores[place, column] = float(pair[0]) - float(pair[1])
    return scores


def _compare(arm: str, baseline: str, ends: Mapping[str, dict[int, bool | None]]) -> dict[str, Any]:
    """Counts over the seeds of both sides, and their p-value; what is adjusted and the verdict need the other arms."""
    mine, other = ends[arm], ends.get(baseline, {})
    shared = [(mine[seed], other[seed]) for seed in mine.keys() & other.keys()]  # planned for both sides
    pairs = [pair for pair in shared if None not in pair]
    alone, baseline_alone = pairs.count((True, False)), pairs.count((False, True))
    return {
        "baseline": baseline,
        "pairs": len(pairs),
        "planned_pairs": len(shared),
        "alone": alone,
        "baseline_alone": baseline_alone,
        "p": discordant_p(alone, baseline_alone) if pairs else None,
        "smallest_p": discordant_p(len(shared), 0),  # all of them discordant, the same way
    }
