"""Axes fit their data: no few seeds and no exploded trial take the room from what is to be read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import polars as pl
import pytest

from tests.report.test_charts import rows, walk
from unroll.ledger import Ledger
from unroll.reporting.charts import draw_charts
from unroll.reporting.charts.axis_range import are_cut, cut_intervals, find_ceiling, find_outliers, signed_powers
from unroll.reporting.findings import gather

MakeLedger = Callable[..., Ledger]


def bounds(*pairs: tuple[float, float]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema=["low", "high"], orient="row", infer_schema_length=None)


def drawn(frame: pl.DataFrame) -> list[tuple[float, float]]:
    return frame.select("start", "end").rows()


def test_an_interval_goes_one_range_beyond_the_values_and_not_below_zero() -> None:
    """Two seeds at 12 and 14 have a t interval from below zero to 26."""
    cut = cut_intervals(bounds((0.3, 25.7), (12.5, 13.5)), [12.0, 14.0])
    assert drawn(cut) == [(10.0, 16.0), (12.5, 13.5)]
    assert are_cut(cut)
    wide = cut_intervals(bounds((-40.0, 80.0)), [5.0, 20.0])
    assert drawn(wide) == [(0.0, 35.0)]
    assert drawn(cut_intervals(bounds((-40.0, 80.0)), [5.0, 20.0], logarithmic=True)) == [(2.5, 35.0)]
    assert drawn(cut_intervals(bounds((-40.0, 80.0)), [0.0, 20.0], signed=True)) == [(-20.0, 40.0)]
    assert not are_cut(cut_intervals(bounds((11.0, 15.0)), [12.0, 14.0]))


def test_what_is_a_hundred_times_the_median_is_off_the_chart() -> None:
    assert find_ceiling(pl.Series([700.0, 100.0, 50.0, 40.0])) is None
    assert find_ceiling(pl.Series([700.0, 100.0, 50.0, 40.0, 1e9])) == 700.0
    assert find_ceiling(pl.Series([-1.0, -2.0])) is None


def test_differences_with_outliers_are_measured_by_their_usual_size() -> None:
    assert find_outliers(pl.Series([1.0, -1.2, 0.8, 30.0])) is None
    assert find_outliers(pl.Series([1.0, -1.2, 0.8, 0.0, 900.0])) == 1.0
    assert find_outliers(pl.Series([], dtype=pl.Float64)) is None
    assert signed_powers(1.0, 900.0) == [-100.0, -10.0, -1.0, 0.0, 1.0, 10.0, 100.0]
    assert len(signed_powers(0.01, 1e9)) <= 9


@pytest.mark.parametrize("seeds", [2, 3, 8])
def test_no_axis_of_a_perplexity_is_negative(make_ledger: MakeLedger, seeds: int) -> None:
    findings = gather(make_ledger(seeds=seeds))
    spread = findings.trials.with_columns(pl.col(findings.metric) * (1 + 3 * pl.col("seed")))
    history = findings.history.with_columns(value=pl.col("value") * (1 + 3 * pl.col("seed")))
    charts = draw_charts(dataclasses.replace(findings, trials=spread, history=history))
    for name in ("seeds", "curves"):
        starts = [row["start"] for row in rows(charts[name], "start") if row["start"] is not None]
        assert starts
        assert min(starts) >= 0
        texts = charts[name].svg.split("role-axis-label")[1:]
        assert texts
        assert not [label for label in texts if ">−" in label.split("role-")[0]]


def test_tooltips_have_whole_intervals(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger(seeds=2))
    spread = findings.trials.with_columns(pl.col(findings.metric) * (1 + 3 * pl.col("seed")))
    findings = dataclasses.replace(findings, trials=spread)
    chart = draw_charts(findings)["differences"]
    row, _ = rows(chart, "low")
    assert row["low"] == pytest.approx(findings.differences["low"][0])
    assert row["low"] < row["start"]
    assert "Intervals that reach far beyond all values are cut; they are whole in the tables." in chart.caption


def test_an_exploded_arm_does_not_press_the_others_together(make_ledger: MakeLedger) -> None:
    charts = draw_charts(gather(make_ledger({"elman": 13.0, "gru": 11.9, "lstm": 9800.0}, seeds=4)))
    scales = {
        name: [n["scale"] for n in walk(charts[name].spec) if isinstance(n.get("scale"), dict)] for name in charts
    }
    assert any(scale.get("type") == "symlog" for scale in scales["differences"])
    assert any(scale.get("type") == "log" for scale in scales["seeds"])
    (ceiling,) = {scale["domainMax"] for scale in scales["curves"] if "domainMax" in scale}
    assert ceiling < 100
    assert f"Values above {ceiling:,.4g} are outside the chart." in charts["curves"].caption
    assert "(logarithmic to both sides)" in charts["differences"].svg
    calm = draw_charts(gather(make_ledger(seeds=4)))
    assert "symlog" not in str(calm["differences"].spec)
    assert "domainMax" not in str(calm["curves"].spec)


def test_a_clipped_chart_has_the_same_bytes_again(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger({"elman": 13.0, "gru": 11.9, "lstm": 9800.0}, seeds=4))
    first, second = (draw_charts(findings)["curves"].svg for _ in range(2))
    assert "curves-clip0" in first
    assert first == second
