"""Arms against their baselines, seed by seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from unroll.contract import Direction
from unroll.evidence.arms import final_values
from unroll.evidence.intervals import t_factor
from unroll.evidence.permutation import max_t, resolution, sign_flip_p, smallest_p

LEVEL = 0.05
"""Adjusted p-value up to which a verdict is given."""

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(("arm", "baseline"), pl.String),
    "n": pl.Int64,
    **dict.fromkeys(("difference", "low", "high", "relative", "superiority", "p", "p_adjusted"), pl.Float64),
    "planned_pairs": pl.Int64,
    "smallest_p": pl.Float64,
    "verdict": pl.String,
    **dict.fromkeys(("diverged", "baseline_diverged"), pl.Int64),
    "unpaired_seeds": pl.List(pl.Int64),
}


def paired_differences(
    trials: pl.DataFrame, metric: str, *, baselines: Mapping[str, str], direction: Direction
) -> pl.DataFrame:
    """Compare every arm with its baseline over the seeds that both completed.

    A pair is two trials with the same seed: they saw the same data order and the same initial weights wherever name
    and shape agree. Rows are joined by that seed, never by position.

    Args:
        trials: one row per planned trial: ``arm, seed, status`` and the column ``metric``.
        metric: full name of the metric.
        baselines: arm -> the arm that it is compared to; one that is its own is a baseline, and compared to none.
        direction: which sign of a difference is an improvement.

    Returns:
        One row per arm that is no baseline, in order of appearance: ``arm, baseline, n`` (pairs), ``difference`` (mean
        of arm minus baseline), ``low, high`` (95 % t interval; null below two pairs), ``relative`` (difference over
        the baseline's absolute mean on the same seeds), ``superiority`` (effect size: share of pairs in which the arm
        is better, ties half; Grissom and Kim 2012, the paired probability of superiority), ``p`` (exact two-sided
        sign-flip), ``p_adjusted`` (:func:`~unroll.evidence.permutation.max_t` over all rows, whatever their
        baselines), ``planned_pairs``, ``smallest_p`` (what the planned pairs can reach at best), ``verdict``
        (``better``, ``worse``, ``undecided``), ``diverged`` and ``baseline_diverged`` (trials of each side that the
        verdict leaves out because they diverged: it is over survivors), ``unpaired_seeds`` (planned for both, not
        completed by both).
    """
    pairs = pair_seeds(trials, metric, baselines=baselines)
    others = [arm for arm in trials["arm"].unique(maintain_order=True) if arm != baselines[arm]]
    rows = [_compare(arm, pairs.filter(pl.col("arm") == arm), direction) for arm in others]
    diverged = Counter(trials.filter(pl.col("status") == "diverged")["arm"])
    adjust(rows, pairs.select("arm", "seed", "difference", error=_error("value") + _error("reference")))
    for row in rows:
        if row["p_adjusted"] is None or row["p_adjusted"] > LEVEL or not row["difference"]:
            row["verdict"] = "undecided"
        else:
            row["verdict"] = "better" if (row["difference"] < 0) == (direction == "minimize") else "worse"
        row["baseline"] = baselines[row["arm"]]
        row["diverged"], row["baseline_diverged"] = diverged[row["arm"]], diverged[row["baseline"]]
    return pl.DataFrame(rows, schema=SCHEMA)


def pair_seeds(trials: pl.DataFrame, metric: str, *, baselines: Mapping[str, str]) -> pl.DataFrame:
    """Put every trial beside its baseline's trial of the same seed; arguments as :func:`paired_differences` has them.

    Returns:
        ``arm, baseline, seed, value, reference, difference`` for every seed planned for both, seeds ascending, arms in
        order of appearance; null where a side has no finite final value. A difference that rounding of the two values
        explains is 0.
    """
    values = final_values(trials, metric).select("arm", "seed", "value")
    sides = trials.select("arm", "seed").join(
        values, on=["arm", "seed"], how="left", validate="1:1", maintain_order="left"
    )
    against = pl.col("arm").replace_strict(dict(baselines), return_dtype=pl.String).alias("baseline")
    others = sides.select("arm", against, "seed", "value").filter(pl.col("arm") != pl.col("baseline"))
    reference = sides.select(pl.col("arm").alias("baseline"), "seed", pl.col("value").alias("reference"))
    paired = others.sort("seed", maintain_order=True).join(
        reference, on=["baseline", "seed"], validate="m:1", maintain_order="left"
    )
    difference, error = pl.col("value") - pl.col("reference"), _error("value") + _error("reference")
    return paired.with_columns(difference=pl.when(difference.abs() > error).then(difference).otherwise(0 * difference))


def adjust(rows: Sequence[dict[str, Any]], differences: pl.DataFrame) -> None:
    """Add ``p_adjusted`` to comparisons that have ``p``: null where that is.

    Args:
        rows: one for each comparison, with the name of its ``arm``.
        differences: ``arm, seed, difference, error``: what each seed says of each comparison, null where nothing, and
            how far that may be off by rounding.
    """
    seeds = {seed: place for place, seed in enumerate(sorted(differences["seed"].unique()))}
    arms = {row["arm"]: place for place, row in enumerate(rows)}
    matrix = np.full((len(seeds), len(arms)), np.nan)
    errors = np.zeros_like(matrix)
    for arm, seed, difference, error in differences.drop_nulls("difference").iter_rows():
        matrix[seeds[seed], arms[arm]], errors[seeds[seed], arms[arm]] = difference, error
    for row, p in zip(rows, max_t(matrix, errors=errors), strict=True):
        # Of more seeds than are enumerated p is an estimate, of the comparison alone perhaps not.
        row["p_adjusted"] = None if row["p"] is None else max(row["p"], float(p))


def _compare(arm: str, pairs: pl.DataFrame, direction: Direction) -> dict[str, Any]:
    done = pairs.drop_nulls("difference")
    differences = done["difference"]
    error = float(done.select(_error("value") + _error("reference")).sum().item())  # of the sum of all differences
    n = len(differences)
    mean, sd, reference = done.select(
        pl.col("difference").mean(), sd=pl.col("difference").std(), reference=pl.col("reference").mean()
    ).row(0)
    half = None if sd is None else t_factor(n) * sd / n**0.5  # Polars' std of one value is null
    return {
        "arm": arm,
        "n": n,
        "difference": mean,
        "low": None if half is None else mean - half,
        "high": None if half is None else mean + half,
        "relative": mean / abs(reference) if mean is not None and reference else None,
        # Of pairs that are ties by rounding alone pair_seeds made zeros, so that they count half here, too.
        "superiority": _superiority(differences, direction),
        "p": sign_flip_p(differences.to_numpy(), error=error) if n else None,
        "planned_pairs": len(pairs),
        "smallest_p": smallest_p(len(pairs)),
        "unpaired_seeds": sorted(set(pairs["seed"]) - set(done["seed"])),
    }


def _error(side: str) -> pl.Expr:
    """How far the values of a side may be off by rounding; null where one is missing."""
    return pl.col(side).map_batches(
        lambda values: pl.Series(resolution(values.fill_null(0.0).to_numpy())), return_dtype=pl.Float64
    )


def _superiority(differences: pl.Series, direction: Direction) -> float | None:
    if differences.is_empty():
        return None
    better = differences < 0 if direction == "minimize" else differences > 0
    return (int(better.sum()) + int((differences == 0).sum()) / 2) / len(differences)
