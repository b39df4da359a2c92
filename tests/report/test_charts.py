"""Charts: what they show, under names that Vega understands."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import altair as alt
import polars as pl
import pytest

from unroll.ledger import Ledger
from unroll.reporting.charts import draw_charts
from unroll.reporting.charts.axis_range import is_wide
from unroll.reporting.charts.curves import bound_points
from unroll.reporting.charts.style import ARM_COLOURS, colour_arms, dash_arms, make_chart
from unroll.reporting.document import ON_CHOICE, TIPS, Chart, Note
from unroll.reporting.findings import Findings, gather
from unroll.reporting.sections import compose
from unroll.study.groups import Group

MakeLedger = Callable[..., Ledger]


def walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from walk(value)


def rows(chart: Chart, field: str) -> list[dict[str, Any]]:
    """Data rows of a chart that have this field."""
    return [row for data in chart.spec["datasets"].values() for row in data if field in row]


def test_fields_are_plain_names(make_ledger: MakeLedger) -> None:
    for chart in draw_charts(gather(make_ledger())).values():
        fields = {node["field"] for node in walk(chart.spec) if isinstance(node.get("field"), str)}
        assert fields
        assert all(re.fullmatch(r"[a-z]+", field) for field in fields)


def test_the_floor_is_drawn_and_labelled(make_ledger: MakeLedger) -> None:
    charts = draw_charts(gather(make_ledger()))
    for name in ("curves", "seeds"):
        assert rows(charts[name], "floor") == [{"floor": 10.7, "label": "true distribution 10.70"}]
        assert "true distribution 10.70" in charts[name].svg
        assert "The dashed line is what the true distribution reaches." in charts[name].caption


def test_a_distant_floor_does_not_press_the_seeds_together(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    plan = ledger.plan()
    arms = [arm.model_copy(update={"bounds": {plan.metric: 1.0}}) for arm in plan.arms]
    ledger.save_plan(plan.model_copy(update={"arms": arms}))
    charts = draw_charts(gather(ledger))
    assert rows(charts["seeds"], "floor") == []
    assert "What the true distribution reaches, 1.00, is outside the drawn range." in charts["seeds"].caption
    assert rows(charts["curves"], "floor")


def with_chance(ledger: Ledger, chance: float) -> Ledger:
    plan = ledger.plan()
    arms = [arm.model_copy(update={"chance": {plan.metric: chance}}) for arm in plan.arms]
    ledger.save_plan(plan.model_copy(update={"arms": arms}))
    return ledger


def test_chance_is_a_second_line_of_another_kind(make_ledger: MakeLedger) -> None:
    charts = draw_charts(gather(with_chance(make_ledger(), 15.5)))
    for name in ("curves", "seeds"):
        assert rows(charts[name], "chance") == [{"chance": 15.5, "label": "chance 15.50"}]
        assert rows(charts[name], "floor"), "what the true distribution reaches is drawn as before"
        marks = [node["mark"] for node in walk(charts[name].spec) if isinstance(node.get("mark"), dict)]
        patterns = {tuple(mark["strokeDash"]) for mark in marks if "strokeDash" in mark}
        assert patterns == {(5, 4), (2, 4)}
        assert "The dotted line is the best that is reached without the input." in charts[name].caption
    assert "chance" not in charts["differences"].svg


def test_distant_chance_presses_neither_seeds_nor_curves_together(make_ledger: MakeLedger) -> None:
    charts = draw_charts(gather(with_chance(make_ledger(), 900.0)))
    assert rows(charts["seeds"], "chance") == []
    assert "The best that is reached without the input, 900.00, is outside the drawn range." in charts["seeds"].caption
    assert rows(charts["curves"], "chance") == [], "nor the curves"
    assert "The best that is reached without the input, 900.00, is outside the drawn range." in charts["curves"].caption


def test_every_trial_and_every_pair_has_its_dot(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger(ends={("gru", 1): ("diverged", "NaN")}))
    charts = draw_charts(findings)
    drawn = {(row["arm"], row["seed"]): row["value"] for row in rows(charts["seeds"], "value")}
    trials = findings.trials.filter(findings.trials["status"] == "completed")
    assert drawn == {(r["arm"], r["seed"]): r[findings.metric] for r in trials.iter_rows(named=True)}
    assert len(drawn) == 23
    pairs = rows(charts["differences"], "seed")
    assert len(pairs) == 15
    for row in pairs:
        expected = drawn[row["arm"], row["seed"]] - drawn["elman", row["seed"]]
        assert row["difference"] == pytest.approx(expected)
    assert "1 planned trial without a finite value: not drawn." in charts["seeds"].caption


def test_no_value_is_nan(make_ledger: MakeLedger) -> None:
    for chart in draw_charts(gather(make_ledger(seeds=1))).values():
        json.dumps(chart.spec, allow_nan=False)
        assert "NaN" not in chart.svg


@pytest.mark.parametrize(
    ("values", "wide"),
    [([10.0, 50.0], True), ([10.0, 30.0], False), ([0.0, 50.0], False), ([-1.0, 50.0], False), ([], False)],
)
def test_wide_spreads_get_a_logarithmic_axis(values: list[float], wide: bool) -> None:
    assert is_wide(values) is wide


def test_a_band_below_zero_does_not_break_the_logarithmic_axis(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger(seeds=2))
    spread = findings.history.with_columns(value=pl.col("value") * (1 + 3 * pl.col("seed")))
    findings = dataclasses.replace(findings, history=spread)
    assert all(low < 0 for low in findings.curves["low"])
    curves = [row for row in rows(draw_charts(findings)["curves"], "start") if row["start"] is not None]
    assert curves
    assert all(row["start"] > 0 and math.isfinite(row["end"]) for row in curves)


def logged_once(findings: Findings) -> Findings:
    """The same study whose validation metric was logged at its last step only, its loss at every one."""
    first = findings.history.filter(pl.col("epoch") == 0)
    return dataclasses.replace(
        findings,
        history=pl.concat(
            [first, *(findings.history.with_columns(metric=pl.lit(name)) for name in ("train/gradient", "train/loss"))]
        ),
    )


def test_training_is_drawn_smaller_than_validation(make_ledger: MakeLedger) -> None:
    findings = logged_once(gather(make_ledger()))
    assert findings.curve_metric is None
    charts = draw_charts(findings)
    assert "curves" not in charts
    assert charts["training"].caption.startswith("train/loss along training: mean")
    assert charts["training"].spec["height"] < draw_charts(gather(make_ledger()))["curves"].spec["height"]
    (section,) = (section for section in compose(findings).sections if section.anchor == "curves")
    note, epoch, chart = section.blocks  # and no table of curves
    assert epoch.text == "Every trial is tested as it was at its last epoch."  # type: ignore[union-attr]
    assert note == Note("The validation metrics were logged at one step only: a curve needs several.")
    assert chart == charts["training"]


def test_short_names_share_a_line_of_the_legend(make_ledger: MakeLedger) -> None:
    names = {"elman": 13.0, "irnn": 12.9, "gru": 12.0, "lstm": 12.2}
    spec = draw_charts(gather(make_ledger(names, seeds=1)))["curves"].spec
    assert {node["columns"] for node in walk(spec) if "columns" in node} == {4}
    for letters, columns in ((24, 3), (40, 2), (60, 1)):
        long = {"elman": 13.0, **{f"{'x' * letters}{i}": 12.0 for i in range(3)}}
        spec = draw_charts(gather(make_ledger(long, seeds=1)))["curves"].spec
        assert {node["columns"] for node in walk(spec) if "columns" in node} == {columns}


def test_arms_of_two_factors_are_written_to_their_ends(make_ledger: MakeLedger) -> None:
    names = {f"classifier=bilstm, training_sentences={n}": 12.0 + n / 100 for n in (100, 300)}
    charts = draw_charts(gather(make_ledger(names, seeds=2)))
    for chart in (charts["curves"], charts["differences"]):
        written = re.findall(r"<text[^>]*>([^<]*)</text>", chart.svg)
        assert "classifier=bilstm, training_sentences=300" in written
        assert not [text for text in written if text.endswith("…")]


def test_nothing_to_draw_draws_nothing(make_ledger: MakeLedger) -> None:
    ends = {(arm, seed): ("missing", "") for arm in ("elman", "gru", "lstm") for seed in range(8)}
    assert draw_charts(gather(make_ledger(ends=ends))) == {}


def test_arms_are_distinguished_when_colours_begin_again() -> None:
    names = [f"a{i}" for i in range(3 * len(ARM_COLOURS))]
    groups = [Group(baseline="a0", shared="", labels={name: name for name in names})]
    colours, dashes = colour_arms(groups), dash_arms(groups)
    assert len({(colours[name], tuple(dashes[name])) for name in names}) == len(names)
    assert list(colours) == names


def test_no_two_ticks_of_whole_numbers_have_one_label(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger(seeds=2))
    few = findings.history.filter(pl.col("epoch") < 3).with_columns(step=pl.col("epoch") + 4)
    svg = draw_charts(dataclasses.replace(findings, history=few))["curves"].svg
    axis = svg.partition(">step<")[0].rpartition("role-axis-label")[2]
    assert re.findall(r">(\d+)</text>", axis) == ["4", "5", "6"]


def test_a_chart_of_many_arms_has_few_points_of_each_and_no_limit() -> None:
    arms, steps = 100, 200
    places = [(f"arm{arm:03}", step) for arm in range(arms) for step in range(steps)]
    thinned = bound_points(pl.DataFrame(places, schema=["arm", "step"], orient="row"))
    assert thinned.group_by("arm").len()["len"].unique().to_list() == [20]
    assert {0, steps - 1} < set(thinned["step"])
    points = alt.Chart(pl.DataFrame({"place": range(6_000)})).mark_point().encode(x="place:Q")
    (rows,) = make_chart("x", "", [points], height=10).spec["datasets"].values()
    assert len(rows) == 6_000  # where Altair itself would refuse


def many(make_ledger: MakeLedger, cells: int, lengths: int, **changes: Any) -> Findings:
    """Arms of two factors, each of which is worse than the one before."""
    names = [(f"c{cell:02}", length) for cell in range(cells) for length in range(lengths)]
    ledger = make_ledger({f"cell={c}, length={n}": 12.0 + i / 10 for i, (c, n) in enumerate(names)}, **changes)
    plan = ledger.plan()
    arms = [
        arm.model_copy(update={"levels": {"network.cell": cell, "data.length": length}})
        for arm, (cell, length) in zip(plan.arms, names, strict=True)
    ]
    factors = {"network.cell": [f"c{n:02}" for n in range(cells)], "data.length": [str(n) for n in range(lengths)]}
    ledger.save_plan(plan.model_copy(update={"arms": arms, "factors": factors}))
    return gather(ledger)


def test_many_arms_are_one_line_for_each_level_or_verdict(make_ledger: MakeLedger) -> None:
    findings = many(make_ledger, 7, 2, seeds=2)
    (chart,) = (draw_charts(findings)[name] for name in ("curves",))
    means = rows(chart, "mean")
    assert list(dict.fromkeys(row["arm"] for row in means)) == [f"cell=c{n:02}" for n in range(7)]
    assert {row["n"] for row in means} == {2}
    last = findings.curves.filter(pl.col("arm").str.starts_with("cell=c03"), pl.col("step") == 1200)
    (drawn,) = (row for row in means if row["arm"] == "cell=c03" and row["step"] == 1200)
    told = [drawn[name] for name in ("mean", "low", "high")]
    assert told == pytest.approx([last["mean"].mean(), last["mean"].min(), last["mean"].max()], rel=1e-5)
    assert (
        "A line is the mean over all arms of one cell, its band reaches from the lowest to the highest" in chart.caption
    )
    one_factor = gather(make_ledger({f"a{n:02}": 12.0 + (n > 6) * 3 for n in range(13)}, seeds=6))
    (chart,) = (draw_charts(one_factor)[name] for name in ("curves",))
    lines = list(dict.fromkeys(row["arm"] for row in rows(chart, "mean")))
    assert lines == list(dict.fromkeys(["baseline", *one_factor.differences["verdict"]]))
    assert "arms of one verdict" in chart.caption


def test_twelve_arms_have_lines_and_each_its_band_on_choice(make_ledger: MakeLedger) -> None:
    chart = draw_charts(gather(make_ledger({f"a{n:02}": 12.0 + n / 10 for n in range(12)}, seeds=2)))["curves"]
    assert len({row["arm"] for row in rows(chart, "mean")}) == 12
    band, line, dots = chart.spec["layer"][:3]
    assert (band["name"], dots["name"]) == (ON_CHOICE, TIPS)
    assert band["encoding"]["opacity"]["value"] == 0
    assert chart.svg.count("mark-area") == 0, "a drawing cannot be clicked"
    assert chart.svg.count("mark-line") == 12
    assert line["mark"]["strokeWidth"] < 2
    assert "single it out and see its band." in chart.caption


def test_a_chart_for_a_paper_is_the_same_file_each_time(make_ledger: MakeLedger) -> None:
    chart = draw_charts(gather(make_ledger(seeds=2)))["differences"]
    first = chart.pdf()
    assert first.startswith(b"%PDF-")
    assert first.rstrip().endswith(b"%%EOF")
    assert {chart.pdf() for _ in range(5)} == {first}


def test_a_drawing_is_small(make_ledger: MakeLedger) -> None:
    svg = draw_charts(gather(make_ledger()))["seeds"].svg
    assert not re.search(r' (d|transform)="[^"]*\d\.\d{2}', svg)
    assert "aria-label" not in svg
