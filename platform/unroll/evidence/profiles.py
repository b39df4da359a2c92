"""Profiles: values logged against a distance, in metrics that are called ``<profile>/distance_<n>``."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from unroll.evidence.intervals import half_width

_POINT = re.compile(r"(.+)/distance_(\d+)")


def find_profiles(metrics: Iterable[str]) -> list[str]:
    """Names of the profiles among these metrics that tell of a whole, sorted.

    A profile whose name begins with that of another one and a slash is a part of it, and is left out.
    """
    names = {match[1] for metric in metrics if (match := _POINT.fullmatch(metric))}
    return sorted(name for name in names if not any(name.startswith(f"{other}/") for other in names))


def fading(history: pl.DataFrame, profile: str) -> pl.DataFrame:
    """How a profile fades with distance, when it was first and when it was last logged, averaged over an arm's trials.

    Values are taken relative to the one at the smallest distance, trial by trial, and averaged as logarithms to base
    10. A trial's last profile is its last one that goes as far as any of its own; there is none where that is the
    first. Zeros, NaN and infinities are left out: ``n`` falls.

    Args:
        history: one row per logged value: ``trial, arm, step, metric, value``.
        profile: name of the profile.

    Returns:
        ``arm, moment ("first" or "last"), distance, step`` (the latest of the trials'), ``n, mean, low, high`` (95 % t
        band; null below two trials), arms in order of appearance, distances ascending.
    """
    points = _points(history, profile)
    relative = pl.concat([_relative(points, moment) for moment in ("first", "last")])
    keys = ["arm", "moment", "distance"]
    means = relative.group_by(keys).agg(
        step=pl.col("step").max(),
        n=pl.len().cast(pl.Int64),
        mean=pl.col("decades").mean(),
        sd=pl.col("decades").std(),
    )
    half = half_width(pl.col("n"), pl.col("sd"))
    means = means.with_columns(low=pl.col("mean") - half, high=pl.col("mean") + half).drop("sd").sort(keys[1:])
    arms = history.select(pl.col("arm").unique(maintain_order=True))
    return arms.join(means, on="arm", maintain_order="left_right")


def by_distance(history: pl.DataFrame, profile: str) -> pl.DataFrame:
    """A profile as it was last logged, in its own unit, averaged over an arm's trials.

    A trial's last profile is that of its last step. NaN and infinities are left out: ``n`` falls.

    Args:
        history: one row per logged value: ``trial, arm, step, metric, value``.
        profile: name of the profile.

    Returns:
        ``arm, distance, n, mean, low, high`` (95 % t band; null below two trials), arms in order of appearance,
        distances ascending.
    """
    points = _points(history, profile)
    last = points.filter(pl.col("step") == pl.col("step").max().over("trial"), pl.col("value").is_finite())
    means = last.group_by("arm", "distance").agg(
        n=pl.len().cast(pl.Int64), mean=pl.col("value").mean(), sd=pl.col("value").std()
    )
    half = half_width(pl.col("n"), pl.col("sd"))
    means = means.with_columns(low=pl.col("mean") - half, high=pl.col("mean") + half).drop("sd").sort("distance")
    arms = history.select(pl.col("arm").unique(maintain_order=True))
    return arms.join(means, on="arm", maintain_order="left_right")


def _points(history: pl.DataFrame, profile: str) -> pl.DataFrame:
    """``trial, arm, step, distance, value`` of one profile, one row each."""
    start = f"{profile}/distance_"
    named = history.filter(pl.col("metric").str.starts_with(start))
    distance = pl.col("metric").str.strip_prefix(start).cast(pl.Int64, strict=False)
    points = named.select("trial", "arm", "step", distance.alias("distance"), "value").drop_nulls("distance")
    return points.unique(["trial", "step", "distance"], keep="last", maintain_order=True)


def _relative(points: pl.DataFrame, moment: str) -> pl.DataFrame:
    """``decades`` of each trial's profile below its nearest value, at the first or last step that goes far enough."""
    reach = pl.col("distance").max()
    whole = points.filter(reach.over("trial", "step") == reach.over("trial"))
    first, last = pl.col("step").min().over("trial"), pl.col("step").max().over("trial")
    chosen = whole.filter((pl.col("step") == first) if moment == "first" else (pl.col("step") == last) & (last > first))
    nearest = pl.col("value").sort_by("distance").first().over("trial")
    decades = chosen.with_columns(decades=(pl.col("value") / nearest).log(10), moment=pl.lit(moment))
    return decades.filter(pl.col("decades").is_finite())
