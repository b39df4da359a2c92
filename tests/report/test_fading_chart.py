"""The chart of profiles: in the report where a history has them, and nowhere else."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from unroll.ledger import HistoryRow, Ledger
from unroll.reporting import write_report
from unroll.reporting.charts import draw_charts
from unroll.reporting.document import Chart, Note
from unroll.reporting.findings import Findings, gather
from unroll.reporting.sections import compose

MakeLedger = Callable[..., Ledger]
FADE = {"elman": 0.1, "gru": 0.5, "lstm": 0.9}
DISTANCES = (0, 1, 2, 5, 10, 20)


def with_profiles(ledger: Ledger, *names: str, steps: tuple[int, ...] = (0, 400)) -> Ledger:
    """The same study whose trials have logged profiles that fade geometrically, later ones half as fast."""
    for trial in ledger.plan().trials:
        rows = [
            HistoryRow(
                step=step, epoch=0, seconds=0.1, metric=f"{name}/distance_{d}", value=3 * fade(trial.arm, step) ** d
            )
            for name in names
            for step in steps
            for d in DISTANCES
        ]
        ledger.trial(trial.id).history.append(rows, step=1200)  # as if it had been logged on the way
    return ledger


def fade(arm: str, step: int) -> float:
    return float(FADE[arm] ** (0.5 if step else 1.0))


def drawn(chart: Chart) -> dict[tuple[str, int], float]:
    data = [row for rows in chart.spec["datasets"].values() for row in rows]
    return {(row["arm"], row["distance"]): row["mean"] for row in data}


def section(findings: Findings) -> Any:
    return next((section for section in compose(findings).sections if section.anchor == "profiles"), None)


def test_without_profiles_there_is_no_section(make_ledger: MakeLedger) -> None:
    assert section(gather(make_ledger(seeds=2))) is None


def test_first_and_last_profile_of_every_arm_are_drawn(make_ledger: MakeLedger) -> None:
    findings = gather(with_profiles(make_ledger(seeds=2), "gradient_flow/layer0", "gradient_flow/layer0/c"))
    first, last = section(findings).blocks
    assert (first.name, last.name) == ("profile_1_first", "profile_1_last")
    for chart, step in ((first, 0), (last, 400)):
        for (arm, distance), mean in drawn(chart).items():
            assert mean == pytest.approx(fade(arm, step) ** distance, rel=1e-5)
        assert len(drawn(chart)) == 3 * len(DISTANCES)
        json.dumps(chart.spec, allow_nan=False)
    assert first.caption.startswith("gradient_flow/layer0 against distance as it was first logged (step 0), relative")
    assert last.caption.startswith("gradient_flow/layer0 against distance as it was last logged (step 400), relative")


def test_a_profile_that_was_logged_once_has_one_chart(make_ledger: MakeLedger) -> None:
    findings = gather(with_profiles(make_ledger(seeds=2), "flow", steps=(0,)))
    assert [chart.name for chart in section(findings).blocks] == ["profile_1_first"]


def test_many_profiles_do_not_flood_the_page(make_ledger: MakeLedger, tmp_path: Path) -> None:
    ledger = with_profiles(make_ledger(seeds=2), *(f"flow/layer{i}" for i in range(4)))
    *charts, note = section(gather(ledger)).blocks
    assert len(charts) == 4
    assert note == Note("Not drawn, but in tables/profiles.csv: flow/layer2, flow/layer3.")
    frame = pl.read_csv(write_report(ledger, tmp_path / "report").tables / "profiles.csv")
    assert frame["profile"].unique().sort().to_list() == [f"flow/layer{i}" for i in range(4)]
    assert frame.columns == ["profile", "arm", "moment", "distance", "step", "n", "mean", "low", "high"]


def test_wide_bands_leave_the_lines_readable(make_ledger: MakeLedger) -> None:
    """Two seeds that disagree by decades have a band of dozens."""
    findings = gather(with_profiles(make_ledger(seeds=2), "flow", steps=(0,)))
    spread = findings.history.with_columns(
        value=pl.when(pl.col("metric") == "flow/distance_20")
        .then(pl.col("value") * 10.0 ** (8 * pl.col("seed")))
        .otherwise("value")
    )
    chart = draw_charts(dataclasses.replace(findings, history=spread))["profile_1_first"]
    data = [row for rows in chart.spec["datasets"].values() for row in rows]
    lows = [row["low"] for row in data if row["low"] is not None]
    assert min(lows) == pytest.approx(min(drawn(chart).values()) / 10, rel=1e-4)
    assert "NaN" not in chart.svg


def test_labels_of_the_axis_are_powers_of_ten(make_ledger: MakeLedger) -> None:
    svg = draw_charts(gather(with_profiles(make_ledger(seeds=2), "flow")))["profile_1_first"].svg
    assert ">1</text>" in svg
    assert ">1e-10</text>" in svg
