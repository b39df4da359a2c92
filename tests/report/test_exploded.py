"""Values near the largest float: the report is written, and such values are counted and left out."""

from __future__ import annotations

from collections.abc import Callable

from tests.report.conftest import METRIC
from unroll.ledger import HistoryRow, Ledger
from unroll.reporting import write_report
from unroll.reporting.findings import gather
from unroll.reporting.prose.warnings import warnings

MakeLedger = Callable[..., Ledger]


def test_final_values_whose_squares_are_no_floats_count_in_no_mean(make_ledger: MakeLedger) -> None:
    ledger = make_ledger({"elman": 1.7e308, "gru": -1.7e308, "lstm": 13.0}, seeds=3)
    findings = gather(ledger)
    beyond = f"Completed trials without a usable {METRIC} (none, NaN, or beyond ±1e+150): elman 3 and gru 3."
    assert f"{beyond} They count in no mean." in warnings(findings)
    page = write_report(ledger).markdown.read_text(encoding="utf-8")
    assert "the baseline elman has no usable final value, so nothing can be compared with it" in page
    assert "inf" not in page.replace("infrastructure", "")


def test_histories_of_huge_values_with_alternating_signs_are_drawn(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(seeds=2)
    for trial in ledger.plan().trials:
        sign = 1 if trial.seed else -1
        names = (
            "train/loss",
            "flow/layer0/distance_0",
            "flow/layer0/distance_5",
            f"{METRIC}/distance_1",
            f"{METRIC}/distance_2",
        )
        rows = [
            HistoryRow(step=step, epoch=0, seconds=0.1, metric=name, value=sign * (-1) ** step * 1.7e308)
            for step in (1, 2, 3)
            for name in names
        ]
        ledger.trial(trial.id).history.append(rows, step=1200)  # as if it had been logged on the way
    assert write_report(ledger).html.exists()
