"""The table of what was taken for what: in the report where a history has it, and nowhere else."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from tests.report.conftest import MakeLedger
from unroll.ledger import HistoryRow, Ledger
from unroll.reporting import write_report
from unroll.reporting.findings import gather
from unroll.reporting.tables.confusion import confusion_table

COUNTS = {"bad/bad": 8.0, "bad/good": 2.0, "good/bad": 1.0, "good/good": 4.0}


def add_confusion(ledger: Ledger, counts: Mapping[str, float], **more: Mapping[str, float]) -> None:
    """Let every trial tell the same counts at its end, and those of the arms in ``more`` these besides."""
    for trial in ledger.plan().trials:
        rows = [
            HistoryRow(step=5000, epoch=10, seconds=20.0, metric=f"test/confusion/{name}", value=value)
            for name, value in {**counts, **more.get(trial.arm, {})}.items()
        ]
        ledger.trial(trial.id).history.append(rows, step=5000)  # as if it had been logged on the way


def test_every_true_label_of_every_arm_has_a_row_and_every_guess_a_column(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(seeds=3)
    add_confusion(ledger, COUNTS)
    table = confusion_table(gather(ledger), "test", 1)
    assert table.shown.rows()[:2] == [
        ("elman (baseline)", "bad", "10", "80.0 %", "20.0 %"),
        ("elman (baseline)", "good", "5", "20.0 %", "80.0 %"),
    ]
    assert table.shown.columns == ["Arm", "True label", "Examples", "as bad", "as good"]
    assert len(table.shown) == 6


def test_it_is_in_page_text_and_files(make_ledger: MakeLedger, tmp_path: Path) -> None:
    ledger = make_ledger(seeds=2)
    add_confusion(ledger, COUNTS)
    places = write_report(ledger, tmp_path)
    assert '<section id="confusion">' in places.html.read_text(encoding="utf-8")
    assert "| as bad | as good |" in places.markdown.read_text(encoding="utf-8")
    assert pl.read_csv(places.tables / "confusion_1.csv")["share"][0] == pytest.approx(0.8)


def test_an_arm_whose_data_lack_a_label_has_dashes_for_it_and_a_report(make_ledger: MakeLedger, tmp_path: Path) -> None:
    """As where data of two labels are compared with data of three."""
    ledger = make_ledger(seeds=2)
    mild = dict.fromkeys(("mild/mild", "mild/bad", "mild/good", "bad/mild", "good/mild"), 1.0)
    add_confusion(ledger, COUNTS, gru=mild, lstm=mild)
    shown = confusion_table(gather(ledger), "test", 1).shown
    cells = shown.filter(pl.col("True label") == "bad").select("Arm", "as mild").rows()
    assert cells == [("elman (baseline)", "–"), ("gru", "9.1 %"), ("lstm", "9.1 %")]
    assert "| as good | as mild |" in write_report(ledger, tmp_path).markdown.read_text(encoding="utf-8")


def many_labels(labels: int) -> dict[str, float]:
    """Each label is right ten times and classified as the next one as often as its number says."""
    return {f"{i:02}/{i:02}": 10.0 for i in range(labels)} | {
        f"{i:02}/{(i + 1) % labels:02}": float(i) for i in range(1, labels)
    }


def test_of_many_labels_the_most_frequent_confusions_are_shown_and_all_are_in_the_files(
    make_ledger: MakeLedger, tmp_path: Path
) -> None:
    ledger = make_ledger(seeds=2)
    add_confusion(ledger, many_labels(50), gru={"07/30": 99.0})
    table = confusion_table(gather(ledger), "test", 1)
    assert table.shown.columns == ["True label", "Classified as", "elman (baseline)", "gru", "lstm"]
    assert table.shown.rows()[:2] == [
        ("49", "00", "83.1 % (49)", "83.1 % (49)", "83.1 % (49)"),
        ("48", "49", "82.8 % (48)", "82.8 % (48)", "82.8 % (48)"),
    ]
    assert ("07", "30", "–", "85.3 % (99)", "–") in table.shown.rows()
    assert len(table.shown) == 20
    assert "the 20 most frequent of 50 confusions of 50 labels" in table.caption
    written = pl.read_csv(write_report(ledger, tmp_path).tables / "confusion_1.csv")
    assert len(written) == 3 * (50 + 49) + 1
    assert "of 298 rows" not in (tmp_path / "report.html").read_text(encoding="utf-8")  # none of the 20 is left out


def test_eleven_labels_without_an_error_have_an_empty_table(make_ledger: MakeLedger, tmp_path: Path) -> None:
    ledger = make_ledger(seeds=2)
    add_confusion(ledger, {f"{i}/{i}": 4.0 for i in range(11)})
    assert confusion_table(gather(ledger), "test", 1).shown.is_empty()
    write_report(ledger, tmp_path)


def test_without_counts_there_is_no_such_section(make_ledger: MakeLedger, tmp_path: Path) -> None:
    assert 'id="confusion"' not in write_report(make_ledger(seeds=2), tmp_path).html.read_text(encoding="utf-8")


def test_a_label_is_escaped_wherever_it_stands(make_ledger: MakeLedger, tmp_path: Path) -> None:
    ledger = make_ledger(seeds=2)
    labels = ("<script>", "a|b")
    add_confusion(ledger, {f"{true}/{guess}": 1.0 for true in labels for guess in labels})
    places = write_report(ledger, tmp_path)
    assert "as <script>" not in places.html.read_text(encoding="utf-8")
    assert r"as a\|b" in places.markdown.read_text(encoding="utf-8")
