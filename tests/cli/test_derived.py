"""``trials.parquet`` and ``history.parquet`` never lag behind the records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from unroll.ledger import Ledger, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Said

    Unroll = Callable[..., Said]

pytestmark = pytest.mark.usefixtures("project", "runner")
TRIALS, HISTORY = Path("results/tiny/trials.parquet"), Path("results/tiny/history.parquet")
REBUILD = [("run", "tiny", "--no-report"), ("run", "tiny"), ("report", "tiny")]


@pytest.mark.parametrize("words", REBUILD)
def test_a_lost_or_damaged_table_is_rebuilt(unroll: Unroll, words: tuple[str, ...]) -> None:
    unroll("run", "tiny")
    whole = TRIALS.read_bytes(), HISTORY.read_bytes()
    TRIALS.unlink()
    HISTORY.write_bytes(whole[1][:-9])
    unroll(*words)
    assert (TRIALS.read_bytes(), HISTORY.read_bytes()) == whole


@pytest.mark.parametrize("words", REBUILD)
def test_a_table_follows_the_records(unroll: Unroll, words: tuple[str, ...]) -> None:
    unroll("run", "tiny")
    ledger = Ledger.open(Path("results/tiny"))
    metrics = {"validation/perplexity": 1.25}
    trial = ledger.plan().trials[0].id
    ledger.trial(trial)._add(Outcome(trial=trial, status="completed", metrics=metrics))
    unroll(*words)
    assert pl.read_parquet(TRIALS)["validation/perplexity"][0] == 1.25


def test_fewer_seeds_without_a_report_are_fewer_rows(unroll: Unroll) -> None:
    unroll("run", "tiny", "--no-report")
    unroll("run", "tiny", "seeds=1", "--no-report")
    assert len(pl.read_parquet(TRIALS)) == 2


def test_a_table_that_is_right_is_not_touched(unroll: Unroll) -> None:
    unroll("run", "tiny", "--no-report")
    before = TRIALS.stat().st_mtime_ns
    unroll("run", "tiny", "--no-report")
    unroll("report", "tiny")
    assert TRIALS.stat().st_mtime_ns == before


def test_a_checklist_that_lies_there_is_written_anew_with_the_report(unroll: Unroll) -> None:
    unroll("run", "tiny", "--no-report")
    said = unroll("report", "tiny", "--checklist", "acl")
    assert [line.split()[-1] for line in said.out.splitlines() if line.startswith("checklist")] == [
        "results/tiny/report/checklist-acl.md",
        "results/tiny/report/checklist-acl.tex",
    ]
    file = Path("results/tiny/report/checklist-acl.md")
    whole = file.read_text(encoding="utf-8")
    assert "artificial, no natural language" in whole  # the toy language: its plan names no file
    file.write_text("stale", encoding="utf-8")
    unroll("report", "tiny")
    assert file.read_text(encoding="utf-8") == whole
    assert unroll("report", "tiny", "--checklist", "alc").code == 2
