"""Profiles: values logged against a distance, in metrics that ``contract.distance_metric`` names."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from unroll.contract import parse_distance_metric
from unroll.evidence.intervals import average_trials, order_arms


def find_profiles(metrics: Iterable[str]) -> list[str]:
    """Names of the profiles among these metrics that are no part of another one, sorted.

    A profile whose name begins with that of another one and a slash is a part of it, and is left out.
    """
    names = {point[0] for metric in metrics if (point := parse_distance_metric(metric))}
    # "gradient_flow/layer0/c" is a part of "gradient_flow/layer0", which is the profile of the whole state.
    return sorted(name for name in names if not any(name.startswith(f"{other}/") for other in names))


def profile_steps(logged: pl.DataFrame, profile: str) -> pl.DataFrame:
    """The steps that :func:`fading` and :func:`by_distance` look at; of millions of rows they need no others.

    A profile goes as far as any of its trial's where its farthest value was logged.

    Args:
        logged: ``trial, metric, begins, ends``: the steps at which each trial first and last logged each metric.
        profile: name of the profile.

    Returns:
        ``trial, step``.
    """
    points = logged.join(_distances(logged, profile), on="metric", maintain_order="left")
    farthest = points.filter(pl.col("distance") == pl.col("distance").max().over("trial"))
    steps = [farthest.select("trial", step="begins"), farthest.select("trial", step="ends")]
    steps.append(points.group_by("trial", maintain_order=True).agg(step=pl.col("ends").max()))
    return pl.concat(steps).unique(maintain_order=True)


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
    steps = relative.group_by("arm", "moment", "distance").agg(pl.col("step").max())
    means = average_trials(relative, "moment", "distance", column="decades")
    columns = ("arm", "moment", "distance", "step", "n", "mean", "low", "high")
    found = means.join(steps, on=["arm", "moment", "distance"], maintain_order="left").select(columns)
    return order_arms(found, history)


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
    return order_arms(average_trials(last, "distance"), history)


def _points(history: pl.DataFrame, profile: str) -> pl.DataFrame:
    """``trial, arm, step, distance, value`` of one profile, one row each."""
    known = history.join(_distances(history, profile), on="metric", maintain_order="left")
    points = known.select("trial", "arm", "step", "distance", "value")
    return points.unique(["trial", "step", "distance"], keep="last", maintain_order=True)


def _distances(rows: pl.DataFrame, profile: str) -> pl.DataFrame:
    """``metric, distance`` of a profile's metrics among those of the rows."""
    parsed = ((metric, parse_distance_metric(metric)) for metric in rows["metric"].unique())
    distances = [(metric, point[1]) for metric, point in parsed if point and point[0] == profile]
    return pl.DataFrame(distances, schema={"metric": pl.String, "distance": pl.Int64}, orient="row")


def _relative(points: pl.DataFrame, moment: str) -> pl.DataFrame:
    """``decades`` of each trial's profile below its nearest value, at the first or last step that goes far enough."""
    reach = pl.col("distance").max()
    whole = points.filter(reach.over("trial", "step") == reach.over("trial"))
    first, last = pl.col("step").min().over("trial"), pl.col("step").max().over("trial")
    # Sequences of a batch differ in length, so not every profile reaches equally far: only those that do are compared.
    chosen = whole.filter((pl.col("step") == first) if moment == "first" else (pl.col("step") == last) & (last > first))
    nearest = pl.col("value").sort_by("distance").first().over("trial")
    decades = chosen.with_columns(decades=(pl.col("value") / nearest).log(10), moment=pl.lit(moment))
    return decades.filter(pl.col("decades").is_finite())
