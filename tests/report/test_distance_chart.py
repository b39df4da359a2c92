"""The chart of a metric against distance: in its own unit, with what it is measured by."""

from pathlib import Path

import polars as pl
import pytest

from tests.report.conftest import METRIC, MakeLedger
from unroll.ledger import HistoryRow, Ledger
from unroll.reporting import write_report
from unroll.reporting.document import Chart
from unroll.reporting.findings import gather
from unroll.reporting.sections import compose

REACH = {"elman": 1, "gru": 3, "lstm": 5}


def with_distances(ledger: Ledger, *names: str) -> Ledger:
    """The same study whose trials have logged metrics by distance: 12 up to their reach and 20 beyond."""
    for trial in ledger.plan().trials:
        rows = [
            HistoryRow(step=2000, epoch=9, seconds=0.1, metric=f"{name}/distance_{d}", value=12 if d <= reach else 20)
            for name in names
            for d in (0, 1, 3, 5)
            for reach in (REACH[trial.arm],)
        ]
        ledger.trial(trial.id).history.append(rows, step=2000)  # as if it had been logged on the way
    return ledger


def charts(ledger: Ledger) -> list[Chart]:
    section = next(section for section in compose(gather(ledger)).sections if section.anchor == "profiles")
    return [block for block in section.blocks if isinstance(block, Chart)]


def test_a_metric_of_the_study_is_drawn_as_it_is_and_no_longer_relative(make_ledger: MakeLedger) -> None:
    (chart,) = charts(with_distances(make_ledger(seeds=3), METRIC))
    assert chart.name == "by_distance_1"
    rows = [row for data in chart.spec["datasets"].values() for row in data if "distance" in row]
    assert {(row["arm"], row["distance"]): row["mean"] for row in rows} == {
        (arm, d): (12 if d <= reach else 20) for arm, reach in REACH.items() for d in (0, 1, 3, 5)
    }
    assert chart.caption.startswith(f"{METRIC} against distance as each trial last logged it")
    assert chart.caption.endswith("The dashed line is what the true distribution reaches.")
    assert "true distribution 10.7" in chart.svg


def test_the_metric_of_the_study_comes_first_and_other_profiles_stay_what_they_are(make_ledger: MakeLedger) -> None:
    ledger = with_distances(make_ledger(seeds=2), "test/perplexity", METRIC, "gradient_flow/layer0")
    named = {chart.name: chart.caption for chart in charts(ledger)}
    assert list(named) == ["by_distance_1", "by_distance_2", "profile_1_first"]
    assert named["by_distance_1"].startswith(METRIC)
    assert "relative to its value at distance 0" in named["profile_1_first"]


def test_the_values_are_in_a_file(make_ledger: MakeLedger, tmp_path: Path) -> None:
    places = write_report(with_distances(make_ledger(seeds=2), METRIC), tmp_path)
    frame = pl.read_csv(places.tables / "by_distance.csv")
    assert frame["profile"].unique().to_list() == [METRIC]
    assert frame["mean"].to_list()[:4] == pytest.approx([12, 12, 20, 20])
    assert not (places.tables / "profiles.csv").exists()
    assert "charts/by_distance_1.svg" in places.markdown.read_text(encoding="utf-8")
