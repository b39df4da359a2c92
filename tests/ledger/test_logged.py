"""``history.parquet`` is scanned in place of the records, and is never another thing than they are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unroll.ledger import HistoryRow, Ledger
from unroll.ledger.history import History
from unroll.ledger.logged import MADE, TABLE
from unroll.ledger.records import Reader
from unroll.study.plan import Plan
from unroll.study.trial import Trial

MakePlan = Callable[..., Plan]
MakeRow = Callable[..., HistoryRow]


@pytest.fixture
def full(ledger: Ledger, make_plan: MakePlan, make_row: MakeRow) -> Ledger:
    """Three trials, of which two logged something, one of them in two segments."""
    for trial in make_plan().trials:
        ledger.register(trial)
    for number in range(2):
        ledger.trial(f"trial{number:04}").history.append([make_row(1), make_row(2)], step=2)
    ledger.trial("trial0000").history.append([make_row(2, 7.0, "other"), make_row(3)], step=3)
    return ledger


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of trials whose segments are read, since the list was last cleared."""
    seen: list[str] = []
    frame = History.frame

    def noted(history: History) -> pl.DataFrame:
        seen.append(history._trial)
        return frame(history)

    monkeypatch.setattr(History, "frame", noted)
    return seen


def check(ledger: Ledger, plan: Plan) -> Ledger:
    """Another process finds the rows of the records, in the same order; gives its ledger."""
    other = Ledger.open(ledger.root)
    rows = pl.concat(
        [
            pl.DataFrame(
                [(t.id, t.arm, t.seed, *row) for row in other.trial(t.id).history.rows()],
                schema=other.history_frame(plan).schema,
                orient="row",
            )
            for t in plan.trials
        ]
    )
    assert other.logged(plan).rows.collect().equals(rows, null_equal=True)
    return other


@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 4), st.sampled_from("ab"), st.floats()), max_size=6), min_size=1, max_size=4
    )
)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_frame_has_the_rows_whatever_was_logged_again(
    tmp_path_factory: pytest.TempPathFactory, segments: list[list[tuple[int, str, float]]]
) -> None:
    history = History(tmp_path_factory.mktemp("h"), "t", Reader())
    for number, segment in enumerate(segments):
        rows = [HistoryRow(step=s, epoch=1, seconds=number, metric=m, value=v) for s, m, v in segment]
        history.append(rows, step=4)
    expected = pl.DataFrame(history.rows(), schema=history.frame().schema, orient="row")
    assert history.frame().equals(expected, null_equal=True)


def test_records_are_read_once(full: Ledger, make_plan: MakePlan, read: list[str]) -> None:
    plan = make_plan()
    before = full.logged(plan)
    full.compact(plan)
    read.clear()
    after = check(full, plan).logged(plan)
    assert not set(read) - {trial.id for trial in plan.trials}
    read.clear()
    assert Ledger.open(full.root).logged(plan).digest == after.digest == before.digest
    full.compact(plan)
    assert read == []


def test_only_what_was_changed_is_read_again(
    full: Ledger, make_plan: MakePlan, make_row: MakeRow, read: list[str]
) -> None:
    plan = make_plan()
    full.compact(plan)
    full.trial("trial0001").history.append([make_row(9, 0.5)], step=9)
    read.clear()
    full.compact(plan)
    assert read == ["trial0001"]
    check(full, plan)
    grown = make_plan(4)
    full.register(grown.trials[3])
    full.trial("trial0003").history.append([make_row(2, 0.25)], step=2)
    read.clear()
    full.compact(grown)
    assert read == ["trial0003"]
    check(full, grown)
    check(full, plan)  # the table holds more than is asked for


def test_a_folder_whose_name_is_a_pattern_is_that_folder(
    full: Ledger, make_plan: MakePlan, make_row: MakeRow, tmp_path: Path
) -> None:
    plan = make_plan()
    full.compact(plan)
    for name in ("[", "r[12]", "r*", "r1"):
        moved = Ledger.open(Path(shutil.copytree(full.root, tmp_path / name)))
        check(moved, plan)
        moved.trial("trial0001").history.append([make_row(9, len(name))], step=9)
        moved.compact(plan)
        check(moved, plan)


def test_labels_are_those_of_the_plan(full: Ledger, make_plan: MakePlan, read: list[str]) -> None:
    plan = make_plan()
    full.compact(plan)
    renamed = [Trial(**{**trial.model_dump(), "arm": "renamed"}) for trial in plan.trials]
    other = plan.model_copy(update={"trials": renamed})
    read.clear()
    full.compact(other)
    assert read == []
    assert Ledger.open(full.root).logged(other).rows.collect()["arm"].unique().to_list() == ["renamed"]


def test_damage_is_told_every_time(full: Ledger, make_plan: MakePlan) -> None:
    plan = make_plan()
    full.compact(plan)
    segment = next((full.root / "trials" / "trial0001" / "history").glob("*.json"))
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-5])
    for _ in range(2):
        ledger = Ledger.open(full.root)
        ledger.compact(plan)
        assert segment in {damage.path for damage in ledger.damage()}
        ledger = Ledger.open(full.root)
        assert "trial0001" not in ledger.logged(plan).rows.collect()["trial"]
        assert segment in {damage.path for damage in ledger.damage()}
    segment.write_bytes(whole)
    full.compact(plan)
    check(full, plan)


@pytest.mark.parametrize("name", [TABLE, MADE])
@pytest.mark.parametrize("harm", ["cut", "gone", "empty", "pipe", "other"])
def test_a_table_that_is_not_what_was_written_counts_as_none(
    full: Ledger, make_plan: MakePlan, name: str, harm: str
) -> None:
    plan = make_plan()
    full.compact(plan)
    whole = {each: (full.root / each).read_bytes() for each in (TABLE, MADE)}
    file: Path = full.root / name
    if harm in ("gone", "pipe"):
        file.unlink()
    if harm == "pipe":
        os.mkfifo(file)
    elif harm == "other":
        pl.DataFrame({"trial": ["trial0000"]}).write_parquet(file)
    elif harm != "gone":
        file.write_bytes(whole[name][: len(whole[name]) // 2 if harm == "cut" else 0])
    ledger = check(full, plan)
    ledger.compact(plan)
    assert {each: (full.root / each).read_bytes() for each in whole} == whole
