"""The chart of a metric beside the same of a model that reads its own words."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.report.conftest import METRIC, MakeLedger
from tests.report.test_baselines import group_up
from unroll.contract import distance_metric, free_running_metric, parse_free_running_metric
from unroll.ledger import HistoryRow, Ledger
from unroll.reporting import write_report
from unroll.reporting.charts import draw_charts
from unroll.reporting.document import Chart
from unroll.reporting.findings import gather
from unroll.reporting.sections import compose
from unroll.study.plan import MetricSpec

RIGHT = "validation/accuracy"
OWN = free_running_metric(RIGHT)
METRICS = {
    METRIC: MetricSpec(direction="minimize", unit="", description="exp of the mean NLL per token"),
    RIGHT: MetricSpec(direction="maximize", unit="", description="behind right words"),
    OWN: MetricSpec(direction="maximize", unit="", description="behind its own words"),
}
GAP = {"elman": 0.3, "gru": 0.1, "lstm": 0.05}


def with_gaps(
    ledger: Ledger, *, distances: tuple[int, ...] = (1, 2, 5), gap: Callable[[str], float] = GAP.__getitem__
) -> Ledger:
    """Trials that are right on 0.8 behind right words, less by the arm's gap behind their own, more so further on."""
    for trial in ledger.plan().trials:
        lost = gap(trial.arm) + 0.001 * trial.seed
        values = {(step, name): 0.8 - (lost if name == OWN else 0) for step in (100, 200) for name in (RIGHT, OWN)}
        values |= {
            (200, distance_metric(name, n)): 0.9 - (lost * n if name == OWN else 0)
            for name in (RIGHT, OWN)
            for n in distances
        }
        rows = [
            HistoryRow(step=step, epoch=0, seconds=0.1, metric=name, value=value)
            for (step, name), value in values.items()
        ]
        ledger.trial(trial.id).history.append(rows, step=1200)
    return ledger


def rows_of(chart: Chart, along: str) -> list[dict[str, object]]:
    return [row for data in chart.spec["datasets"].values() for row in data if along in row]


def test_names_go_there_and_back() -> None:
    assert OWN == "validation/free_running_accuracy"
    assert parse_free_running_metric(OWN) == RIGHT
    assert parse_free_running_metric(RIGHT) is None


def test_both_are_drawn_along_training_and_by_distance(make_ledger: MakeLedger) -> None:
    findings = gather(with_gaps(make_ledger(seeds=3, metrics=METRICS)))
    charts = draw_charts(findings)
    curve, distance = charts["free_running_step_1"], charts["free_running_distance_1"]
    found = {(row["arm"], row["metric"], row["step"]): row["mean"] for row in rows_of(curve, "step")}
    assert found["elman", RIGHT, 200] == pytest.approx(0.8)
    assert found["elman", OWN, 200] == pytest.approx(0.8 - 0.301)
    found = {(row["arm"], row["metric"], row["distance"]): row["mean"] for row in rows_of(distance, "distance")}
    assert found["gru", OWN, 5] == pytest.approx(0.9 - 5 * 0.101)
    assert "by_distance_1" not in charts  # not once more alone
    assert f"{RIGHT} (whole lines) reads right words, {OWN} (broken lines)" in curve.caption
    sections = {
        section.anchor: [getattr(b, "name", "") for b in section.blocks] for section in compose(findings).sections
    }
    assert "free_running_step_1" in sections["curves"]
    assert "free_running_distance_1" in sections["profiles"]


def test_what_has_no_twin_is_drawn_alone(make_ledger: MakeLedger) -> None:
    metrics = {name: spec for name, spec in METRICS.items() if name != RIGHT}
    charts = draw_charts(gather(with_gaps(make_ledger(seeds=2, metrics=metrics))))
    assert not [name for name in charts if name.startswith("free_running_")]
    assert charts["by_distance_1"].caption.startswith(OWN)


def test_the_values_are_in_files(make_ledger: MakeLedger, tmp_path: Path) -> None:
    places = write_report(with_gaps(make_ledger(seeds=2, metrics=METRICS)), tmp_path)
    frame = pl.read_csv(places.tables / "free_running.csv")
    assert set(frame["metric"]) == {RIGHT, OWN}
    assert set(pl.read_csv(places.tables / "by_distance.csv")["profile"]) == {RIGHT, OWN}
    assert "charts/free_running_step_1.svg" in places.markdown.read_text(encoding="utf-8")


def test_every_group_of_arms_has_a_chart_of_its_own(make_ledger: MakeLedger) -> None:
    """Groups share colours, and line patterns already tell right words from own ones."""
    ledger = group_up(make_ledger, {"elman": 0.0, "gru": -1.5}, seeds=2, metrics=METRICS)
    charts = draw_charts(gather(with_gaps(ledger, gap=lambda arm: 0.1 if "elman" in arm else 0.2)))
    names = [name for name in charts if name.startswith("free_running_step_")]
    assert names == ["free_running_step_1_1", "free_running_step_1_2"]
    for chart, length in zip((charts[name] for name in names), (20, 50), strict=True):
        assert {row["arm"] for row in rows_of(chart, "step")} == {
            f"cell={c}, length={length}" for c in ("elman", "gru")
        }
        assert chart.caption.endswith(f"length={length}.")
