"""What is on disk: whole, repeatable, safe to open in a spreadsheet, and only rebuilt when needed."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unroll.contract import UserError
from unroll.ledger import Ledger, Outcome
from unroll.reporting import needs_update, write_report
from unroll.reporting.pages.files import to_csv

MakeLedger = Callable[..., Ledger]


def read_all(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_ledger_gives_the_same_bytes(make_ledger: MakeLedger, tmp_path: Path) -> None:
    ledger = make_ledger(ends={("gru", 1): ("diverged", "NaN")})
    write_report(ledger, tmp_path / "first")
    write_report(Ledger.open(ledger.root), tmp_path / "second")
    first, second = read_all(tmp_path / "first"), read_all(tmp_path / "second")
    assert {name for name in first if first[name] != second.get(name)} == set()
    assert first.keys() == second.keys()


def test_tables_hold_the_typed_values(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    folder = write_report(ledger).tables
    trials = pl.read_parquet(folder / "trials.parquet")
    assert trials.equals(ledger.trials_frame(ledger.plan()))
    arms = pl.read_csv(folder / "arms.csv")
    assert arms.schema["mean"] == pl.Float64
    assert arms["mean"].to_list() == pl.read_parquet(folder / "arms.parquet")["mean"].to_list()
    differences = pl.read_parquet(folder / "differences.parquet")
    assert differences["verdict"].to_list() == ["better", "better"]
    assert "11.99 (11.7" in (folder / "arms.tex").read_text(encoding="ascii")


def test_text_cells_are_no_formulas_and_numbers_stay_numbers(make_ledger: MakeLedger) -> None:
    ends = {("gru", 0): ("failed_user", '=HYPERLINK("http://example.org","x")'), ("gru", 1): ("timeout", "  @SUM(A1)")}
    folder = write_report(make_ledger(ends=ends)).tables
    with (folder / "failures.csv").open(encoding="utf-8", newline="") as file:
        messages = [row["message"] for row in csv.DictReader(file)]
    assert messages == ['\'=HYPERLINK("http://example.org","x")', "'  @SUM(A1)"]
    differences = pl.read_csv(folder / "differences.csv")
    assert differences["difference"].dtype == pl.Float64
    assert differences["difference"].max() < 0  # type: ignore[operator]


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=8))
@example(["\x1f=1", "\ufeff+1", "\u200b@A1", "\x85-1", "\x00=1"])
@settings(deadline=None, max_examples=100)
def test_no_text_begins_like_a_formula(texts: list[str]) -> None:
    frame = pl.DataFrame({"=text": texts, "number": [-1.5] * len(texts)})
    read = pl.read_csv(to_csv(frame), infer_schema=False)
    assert read.columns == ["'=text", "number"]
    assert set(read["number"]) == {"-1.5"}
    for text, written in zip(texts, read["'=text"], strict=True):
        assert written in (text, f"'{text}")
        seen = "".join(c for c in written if unicodedata.category(c) not in ("Cc", "Zs", "Zl", "Zp"))
        assert not seen.lstrip("\u00ad\u200b\u200d\u2060\ufeff").startswith(("=", "+", "-", "@"))


def test_a_report_is_rebuilt_only_when_the_ledger_changed(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(ends={("gru", 7): ("missing", "")})
    assert needs_update(ledger)
    files = write_report(ledger)
    assert not needs_update(Ledger.open(ledger.root))
    missing = ledger.plan().trials[15]
    ledger.register(missing)
    ledger.record(Outcome(trial=missing.id, status="completed", metrics={"validation/perplexity": 12.0}, seconds=1.0))
    assert needs_update(ledger)
    write_report(ledger)
    assert not needs_update(ledger)
    files.html.unlink()
    assert needs_update(ledger)


def test_a_ledger_without_a_plan_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must hold a plan"):
        write_report(Ledger.create(tmp_path / "empty"))
    assert not (tmp_path / "empty" / "report").exists()


def test_trials_of_the_tuning_phase_are_no_evidence(make_ledger: MakeLedger) -> None:
    ledger = make_ledger()
    plan = ledger.plan()
    first, *others = plan.trials
    drawn = first.model_copy(update={"id": "draw1", "phase": "tune"})
    ledger.save_plan(plan.model_copy(update={"trials": [drawn, first, *others]}))
    ledger.register(drawn)
    ledger.record(Outcome(trial="draw1", status="completed", metrics={"validation/perplexity": 1.0}))
    arms = pl.read_parquet(write_report(ledger).tables / "arms.parquet")
    assert arms["planned"].to_list() == [8, 8, 8]
    assert arms["best"].min() > 2  # type: ignore[operator]
