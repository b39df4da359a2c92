"""Charts of the results, as Vega-Lite specifications.

Rows enter a page under plain field names (a dot or slash in a field name means a path to Vega), already averaged.
Every view and parameter is named, so that the same findings give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import altair as alt
import polars as pl

from unroll.report.charts.axis_range import are_cut, find_ceiling
from unroll.report.charts.curves import drawn_references, layer_curves
from unroll.report.charts.differences import interval_rows, layer_differences
from unroll.report.charts.distance import layer_by_distance
from unroll.report.charts.divergence import layer_divergence
from unroll.report.charts.fading import layer_fading
from unroll.report.charts.seeds import is_near, layer_seeds, mean_rows
from unroll.report.charts.theme import CHART_CONFIG, is_unmistakable
from unroll.report.document import Chart
from unroll.report.findings import Findings
from unroll.report.numbers import count, plain
from unroll.report.wording import (
    REFERENCES,
    Reference,
    decimals,
    describe_baseline,
    goal,
    list_factors,
    metric_decimals,
)
from unroll.study.groups import kept_factors, varied_factors

SMALLER = 220
"""Pixels of height of a chart beside the point."""
MOST_PROFILES = 2
"""Profiles that are drawn; all are in the tables."""
DIVERGENCE = (
    "Share of the seeds with a result on which an arm diverged: the rate as a dot, its exact 95 % interval (Clopper "
    "and Pearson) as a bar."
)
CUT = " Intervals that reach far beyond all values are cut; they are whole in the tables."


def draw_charts(findings: Findings) -> dict[str, Chart]:
    """Every chart that the results allow, by name."""
    return {chart.name: chart for chart in _draw(findings)}


def _draw(findings: Findings) -> Iterator[Chart]:
    if findings.differences["difference"].count():
        yield _chart("differences", _difference_caption(findings), layer_differences(findings))
    if findings.any_diverged:
        yield _chart("divergence", DIVERGENCE, layer_divergence(findings))
    if findings.curve_metric is not None and not findings.curves.is_empty():
        yield _chart(
            "curves",
            _curve_caption(findings, findings.curve_metric, findings.curves),
            layer_curves(findings, findings.curves, metric=findings.curve_metric),
        )
    if findings.training_metric is not None:
        caption = _curve_caption(findings, findings.training_metric, findings.training_curves)
        training = layer_curves(findings, findings.training_curves, metric=findings.training_metric, height=SMALLER)
        yield _chart("training", caption, training)
    yield from _draw_metrics_by_distance(findings)
    yield from _draw_profiles(findings)
    if findings.summary["n"].sum():
        yield _chart("seeds", _seed_caption(findings), layer_seeds(findings))


def _draw_metrics_by_distance(findings: Findings) -> Iterator[Chart]:
    for number, (name, rows) in enumerate(list(findings.metrics_by_distance.items())[:MOST_PROFILES], 1):
        caption = (
            f"{name} against distance as each trial last told it: mean over seeds with its 95 % t band."
            f"{_lines(findings, name, REFERENCES)}{_key(findings)}"
        )
        yield _chart(f"by_distance_{number}", caption, layer_by_distance(findings, rows, metric=name))


def _draw_profiles(findings: Findings) -> Iterator[Chart]:
    """Of the first profiles by name, what was logged first and what last."""
    for number, (name, profile) in enumerate(list(findings.profiles.items())[:MOST_PROFILES], 1):
        for (moment,), rows in profile.partition_by("moment", as_dict=True).items():
            caption = _profile_caption(findings, name, str(moment), rows["step"].unique().sort().to_list())
            yield _chart(f"profile_{number}_{moment}", caption, layer_fading(findings, rows))


def _chart(name: str, caption: str, layers: alt.LayerChart) -> Chart:
    fitted = layers.properties(width="container", autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
    return Chart(name, plain(caption), {**fitted.to_dict(), "config": CHART_CONFIG})


def _difference_caption(findings: Findings) -> str:
    side = "left" if findings.direction == "minimize" else "right"
    cut = CUT if are_cut(interval_rows(findings)) else ""
    return (
        f"Difference of {findings.metric} to {describe_baseline(findings.plan)} on the same seed: one small dot per "
        f"seed, the mean as a large dot, its 95 % interval as a bar. Better is to the {side} of zero."
        f"{cut}{_survivors(findings)}"
    )


def _survivors(findings: Findings) -> str:
    left = sum(planned - n for planned, n in findings.differences.select("planned_pairs", "n").iter_rows())
    seeds = f": {count(left, 'pair')} of which a side has no final value {'is' if left == 1 else 'are'} left out"
    return f" Survivors only{seeds}." if findings.any_diverged and left else ""


def _curve_caption(findings: Findings, metric: str, curves: pl.DataFrame) -> str:
    known = findings.plan.metrics.get(metric)
    told = f"{metric} ({goal(known.direction)})" if known else metric
    ended = (
        " A trial that diverged ends there: from then on the mean is over survivors." if findings.any_diverged else ""
    )
    ceiling = find_ceiling(curves["mean"])
    above = "" if ceiling is None else f" What lies above {ceiling:,.4g} is off the chart."
    lines = _lines(findings, metric, drawn_references(findings, curves, metric))
    return (
        f"{told} along training: mean over the seeds that got so far, with its 95 % t band."
        f"{above}{ended}{lines}{_key(findings)} Click an arm in the legend to single it out."
    )


def _lines(findings: Findings, metric: str, drawn: Sequence[Reference]) -> str:
    """What the lines of a chart are, and the numbers of those that it has no room for."""
    told = [(kind, values) for kind in REFERENCES if (values := kind.values(findings, metric))]
    return "".join(
        kind.drawn(values) if kind in drawn else kind.left_out(values, metric_decimals(findings, metric))
        for kind, values in told
    )


def _key(findings: Findings) -> str:
    """What colours and line patterns mean where there are several baselines, as far as none has begun again."""
    if not (findings.several_baselines and is_unmistakable(findings.groups)):
        return ""
    plan = findings.plan
    colour, pattern = (list_factors(plan, each) for each in (varied_factors(plan), kept_factors(plan)))
    return f" Grey: baselines. One colour is one {colour}, one line pattern one {pattern}."


def _profile_caption(findings: Findings, name: str, moment: str, steps: list[int]) -> str:
    at = f"step {steps[0]:,}" if len(steps) == 1 else f"steps {steps[0]:,} to {steps[-1]:,}"
    return (
        f"{name} against distance as it was {moment} logged ({at}), relative to its value at distance 0: mean over "
        "seeds of the logarithm, with its 95 % t band. A level line keeps what it began with."
        f"{_key(findings)}"
    )


def _seed_caption(findings: Findings) -> str:
    missing = findings.planned - int(findings.summary["n"].sum())
    return "".join(
        (
            f"Final {findings.metric} of every completed trial. A thin line joins the trials of one seed",
            " that are compared; the " if findings.several_baselines else "; the ",
            "bar below the dots is the mean with its 95 % interval.",
            CUT if are_cut(mean_rows(findings)) else "",
            f" {count(missing, 'planned trial')} without a finite value: not drawn." if missing else "",
            *(_told(findings, kind) for kind in REFERENCES),
        )
    )


def _told(findings: Findings, kind: Reference) -> str:
    if not (values := kind.values(findings, findings.metric)):
        return ""
    return kind.drawn(values) if is_near(findings, kind) else kind.left_out(values, decimals(findings))
