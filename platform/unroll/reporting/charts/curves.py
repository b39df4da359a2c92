"""Learning curves: mean over seeds with a band, and what they are measured by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import altair as alt
import polars as pl

from unroll.evidence import thin_curves
from unroll.reporting.charts.axis_range import cut_intervals, find_ceiling, is_wide, lie_near
from unroll.reporting.charts.lines import Lines, find_lines
from unroll.reporting.charts.reference_lines import describe_lines, draw_across
from unroll.reporting.charts.style import DASHES, LABEL_LIMIT, is_unambiguous, make_chart, number_tips
from unroll.reporting.document import ON_CHOICE, TIPS, Chart
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import choose_decimals
from unroll.reporting.wording import CHANCE, REFERENCES, goal, list_factors
from unroll.study.groups import kept_factors, varied_factors

HEIGHT, SMALLER = 360, 220
"""Pixels of height of validation curves and of training curves, which are secondary."""
SURVIVORS = " A trial that diverged ends there: from then on the mean is over survivors."
BEGUN = " Steps of a trial that begins with another one are counted behind those of that one."
DOTS_UP_TO, MOST_DOTS = 40, 1_000
"""Steps per arm up to which each has a visible dot, and dots of a chart."""
MOST_POINTS, LEAST_POINTS = 1_200, 20
"""Of a chart, of which each is some hundred bytes of the page; of an arm nevertheless. The tables hold up to 200."""
MOST_BANDS = 6
"""Lines up to which all bands are seen: more of them hide each other and the lines."""
TICKS = 8
"""About as many ticks of the horizontal axis as a phone has room for."""
LEGEND_WIDTH, SYMBOL, LETTER = 720, 45, 7
"""Pixels: of a line of the legend, of an entry's line and margins, of a letter."""


def draw_curves(findings: Findings) -> Iterator[Chart]:
    """Curves of validation and of training, as far as they were logged."""
    if findings.curve_metric is not None and not findings.curves.is_empty():
        yield _chart(findings, "curves", findings.curve_metric, findings.curves, HEIGHT)
    if findings.training_metric is not None:
        yield _chart(findings, "training", findings.training_metric, findings.training_curves, SMALLER)


def _chart(findings: Findings, name: str, metric: str, curves: pl.DataFrame, height: int) -> Chart:
    """Curves of one metric, as ``evidence.learning_curves`` gives them."""
    lines = find_lines(findings)
    curves = bound_points(lines.merge(curves, "step"))
    ceiling = find_ceiling(curves["mean"])
    shown = [mean for mean in curves["mean"] if ceiling is None or mean <= ceiling]
    # The best possible, which curves approach, is always drawn; chance only if they begin near it.
    near = lie_near(CHANCE.values(findings, metric), shown, logarithmic=is_wide(shown))
    references = [kind for kind in REFERENCES if kind is not CHANCE or near]
    logarithmic = is_wide([*shown, *(value for kind in references for value in kind.values(findings, metric))])
    rows = round_bands(cut_intervals(curves, shown, logarithmic=logarithmic))
    scale = alt.Scale(
        **({"type": "log"} if logarithmic else {"type": "linear", "zero": False}),
        **({} if ceiling is None else {"domainMax": ceiling}),
        nice=False,
        padding=10,
    )
    y = alt.Y("mean:Q", title=metric + (" (log scale)" if logarithmic else ""), scale=scale)
    places = choose_decimals(rows["mean"], rows["high"] - rows["mean"])
    layers = [
        *draw_arms(lines, rows, "step", y, number=f",.{places}f", clip=ceiling is not None),
        *(line for kind in references for line in draw_across(findings, kind, metric, places)),
    ]
    known = findings.plan.metrics.get(metric)
    caption = (
        f"{metric}{f' ({goal(known.direction)})' if known else ''} along training: mean over the seeds that reached "
        f"each step{lines.words}"
        + ("" if findings.begun.is_empty() else BEGUN)
        + ("" if ceiling is None else f" Values above {ceiling:,.4g} are outside the chart.")
        + (SURVIVORS if findings.any_diverged else "")
        + f"{describe_lines(findings, metric, references)}{explain_looks(findings, lines)}"
        + explain_choice(lines)
    )
    return make_chart(name, caption, layers, height=height)


def bound_points(curves: pl.DataFrame) -> pl.DataFrame:
    """Curves thinned to what a chart of all of them has room for."""
    return thin_curves(curves, max(LEAST_POINTS, MOST_POINTS // curves["arm"].n_unique()))


def round_bands(rows: pl.DataFrame) -> pl.DataFrame:
    """Means and bands with the digits that a chart can show."""
    return rows.with_columns(pl.col("mean", "low", "high", "start", "end").round_sig_figs(6))


def draw_arms(
    lines: Lines,
    rows: pl.DataFrame,
    along: str,
    y: alt.Y,
    *,
    number: str,
    clip: bool = False,
    names: Sequence[str] | None = None,
    kinds: str = "",
) -> list[alt.Chart]:
    """A line per arm with its band from ``start`` to ``end``; the legend singles an arm out.

    Of many lines a band is seen only of one that is singled out.

    Args:
        lines: what they look like.
        rows: one for each line and place on the horizontal axis; with ``kinds``, for each of its values.
        along: the field of the horizontal axis, whole numbers.
        y: of the mean.
        number: format of the numbers in tooltips.
        clip: some values are outside the axis.
        names: the lines; None: all.
        kinds: a field by which an arm has several lines, each value with a pattern of its own; "": it has one.
    """
    places = rows[along].unique().sort().to_list()
    whole = range(places[0], places[-1] + 1)
    # Vega would put ticks between few whole numbers and label several of them alike.
    ticks = {"values": list(whole)} if len(whole) <= TICKS else {"tickCount": TICKS}
    axis = alt.Axis(grid=False, format="~s" if places[-1] >= 10_000 else ",d", **ticks)
    names = list(lines.colours) if names is None else list(names)
    colours = [lines.colours[name] for name in names]
    chosen = alt.selection_point(name="chosen_arm", fields=["arm"], bind="legend")
    label = min(LABEL_LIMIT, LETTER * max(map(len, names)))
    legend = alt.Legend(
        columns=max(1, min(len(names), LEGEND_WIDTH // (SYMBOL + label)))
    )  # each as wide as the longest
    colour = alt.Color("arm:N", sort=names, scale=alt.Scale(domain=names, range=colours), legend=legend)
    patterns = [lines.dashes[name] for name in names]
    dash = alt.StrokeDash("arm:N", sort=names, scale=alt.Scale(domain=names, range=patterns), legend=legend)
    if kinds:
        values = rows[kinds].unique(maintain_order=True).to_list()
        dash = alt.StrokeDash(
            f"{kinds}:N", sort=values, scale=alt.Scale(domain=values, range=list(DASHES[: len(values)]))
        )

    def strength(on: float, off: float) -> alt.ConditionalValue:
        return alt.when(chosen).then(alt.value(on)).otherwise(alt.value(off))

    base = alt.Chart(rows).encode(x=alt.X(f"{along}:Q", title=along, axis=axis), color=colour)
    if kinds:
        base = base.encode(detail=f"{kinds}:N")
    crowded = len(names) > MOST_BANDS
    seen = (
        alt.when(chosen, empty=False).then(alt.value(0.16)).otherwise(alt.value(0)) if crowded else strength(0.16, 0.02)
    )
    band = base.mark_area(clip=clip).encode(y=alt.Y("start:Q"), y2="end:Q", opacity=seen)
    width = 1.7 if crowded else 2.2
    line = base.mark_line(strokeWidth=width, clip=clip).encode(y=y, strokeDash=dash, opacity=strength(1, 0.15))
    tips = [
        alt.Tooltip("arm:N"),
        *([alt.Tooltip(f"{kinds}:N")] if kinds else []),
        alt.Tooltip(f"{along}:Q", format=","),
        *number_tips(number, "mean", "low", "high"),
        alt.Tooltip("n:Q", title="arms" if lines.groups else "seeds"),
    ]
    # Of many steps the dots are invisible, and there all the same: they carry the tooltips.
    longest = max(len(curve) for curve in rows.partition_by("arm", *([kinds] if kinds else [])))
    many = crowded or longest > DOTS_UP_TO or len(rows) > MOST_DOTS
    dots = base.mark_circle(size=46, clip=clip).encode(y=y, opacity=strength(0 if many else 1, 0), tooltip=tips)
    return [
        # Each mark has a name: Altair's own count up within a process, and the bytes of a page would depend on it.
        band.properties(name=ON_CHOICE if crowded else "band"),
        line.add_params(chosen).properties(name="mean"),
        dots.properties(name=TIPS if many else "dots"),
    ]


def explain_choice(lines: Lines) -> str:
    """What the legend does, where a reader can click it."""
    what = "a line" if lines.groups else "an arm"
    bands = " and see its band" if len(lines.colours) > MOST_BANDS else ""
    return f" Click {what} in the legend to single it out{bands}."


def explain_looks(findings: Findings, lines: Lines) -> str:
    """What colours and line patterns mean beside several baselines, unless the palette or the patterns repeat."""
    if lines.groups or not (findings.several_baselines and is_unambiguous(findings.groups)):
        return ""
    plan = findings.plan
    colour, pattern = (list_factors(plan, each) for each in (varied_factors(plan), kept_factors(plan)))
    return f" Grey: baselines. One colour is one {colour}, one line pattern one {pattern}."
