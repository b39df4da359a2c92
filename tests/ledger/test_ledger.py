"""The record of truth: written once, read back, moved, damaged, written by many."""

import errno
import json
import math
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from unroll.contract import UserError
from unroll.ledger import (
    CheckpointStore,
    DamagedRecord,
    Fenced,
    HistoryRow,
    Ledger,
    Outcome,
    Progress,
    RunRecord,
    StorageError,
    UnknownFormat,
    write_record,
)
from unroll.ledger.files import read_file
from unroll.study.plan import Plan
from unroll.study.trial import Trial

READ = "unroll.ledger.records.read_file"
MakeTrial = Callable[..., Trial]
MakePlan = Callable[..., Plan]
MakeOutcome = Callable[..., Outcome]
WRITE = """
import os, sys
from pathlib import Path
from unroll.ledger import Ledger, Outcome
ledger = Ledger(Path(sys.argv[1]))
children = []
for writer in range(10):
    child = os.fork()
    if not child:
        for number in range(50):
            outcome = Outcome(trial=f"trial{number % 5:04}", status="stopped", message=f"{writer} {number}")
            ledger.record(outcome)
        os._exit(0)
    children.append(child)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""
WRITE_UNTIL_KILLED = """
import itertools, sys
from pathlib import Path
from unroll.ledger import CheckpointStore, HistoryRow, Ledger, Outcome
ledger = Ledger(Path(sys.argv[1]))
store = CheckpointStore(ledger.trial("trial0000").folder / "checkpoint")
for step in itertools.count(1):
    rows = [HistoryRow(step=step, epoch=1, seconds=0.0, metric=metric, value=step) for metric in "ab"]
    ledger.trial("trial0000").append_history(rows, step=step)
    store.save(b"%d" % step * 1000, step=step)
    ledger.record(Outcome(trial="trial0000", status="stopped", steps=step))
    print(step, flush=True)
"""


@pytest.fixture
def full(ledger: Ledger, make_plan: MakePlan, make_outcome: MakeOutcome, make_row: Callable[..., HistoryRow]) -> Ledger:
    """A folder with a record of every kind."""
    plan = make_plan()
    ledger.save_plan(plan)
    for trial in plan.trials:
        ledger.register(trial)
    ledger.record(make_outcome(0, status="stopped"))
    for number in range(2):
        ledger.trial(f"trial{number:04}").append_history([make_row(1), make_row(2)], step=2)
        ledger.record(make_outcome(number, steps=2))
    ledger.save_run(RunRecord(started="2026-01-01T00:00:00+00:00", command=["unroll", "run", "cells"]))
    ledger.compact(plan)
    return ledger


# Folders


def test_opens_only_results_folders(tmp_path: Path) -> None:
    for place, received in ((tmp_path, "another folder"), (tmp_path / "absent", "no folder")):
        with pytest.raises(UserError) as caught:
            Ledger.open(place)
        assert str(caught.value) == (
            f"{place}: a results folder must hold trials and runs (received {received}); "
            "give the folder that `unroll run` printed, such as results/quickstart"
        )
    assert os.listdir(tmp_path) == []


def test_creates_in_new_empty_and_own_folders(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".gitkeep").touch()
    for place in (tmp_path / "new" / "folder", tmp_path / "empty"):
        Ledger.create(place)
        Ledger.create(place)
        Ledger.open(place)


def test_leaves_strange_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    for place in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(UserError, match="results must go to a new folder, an empty one or one that holds results"):
            Ledger.create(place)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_moved_folder_reads_the_same(full: Ledger, make_plan: MakePlan, tmp_path: Path) -> None:
    plan = make_plan()
    trials, history = full.trials_frame(plan), full.history_frame(plan)
    moved = Ledger.open(Path(shutil.move(full.root, tmp_path / "elsewhere")))
    assert moved.plan() == plan
    assert moved.trials_frame(plan).equals(trials, null_equal=True)
    assert moved.history_frame(plan).equals(history, null_equal=True)
    moved.register(plan.trials[0])
    assert moved.damage() == []


def test_no_record_holds_a_path_of_the_machine(full: Ledger, tmp_path: Path) -> None:
    files = [path for path in full.root.rglob("*") if path.is_file()]
    assert len(files) >= 10
    assert not [path for path in files if os.fsencode(tmp_path) in path.read_bytes()]


def test_ids_name_no_other_place(ledger: Ledger) -> None:
    for name in ("", "..", "../x", "/abs", "a/b", ".hidden", "a\0", "x" * 200, "é", "a\n"):
        with pytest.raises(UserError, match="a trial's id must be letters, digits, - and _"):
            ledger.trial(name)


def test_a_ledger_travels_between_processes(full: Ledger) -> None:
    copy = pickle.loads(pickle.dumps(full))
    assert copy.outcomes(["trial0000"]) == full.outcomes(["trial0000"])


# Plan, trials, runs


def test_the_plan_is_replaced(ledger: Ledger, make_plan: MakePlan) -> None:
    with pytest.raises(UserError, match="a results folder must hold a plan before it can be reported on"):
        ledger.plan()
    for count in (2, 3):
        ledger.save_plan(make_plan(count))
        assert ledger.plan() == make_plan(count)


def test_metrics_named_like_columns_are_refused_before_anything_runs(ledger: Ledger, make_plan: MakePlan) -> None:
    plan = make_plan()
    with pytest.raises(UserError, match=r"seconds: a metric must not be named like .* call it .* validation/seconds"):
        ledger.save_plan(plan.model_copy(update={"metrics": {"seconds": plan.metrics["validation/perplexity"]}}))


def test_a_trial_is_written_once(ledger: Ledger, make_trial: MakeTrial) -> None:
    trial = make_trial(settings={"training": {"clip_norm": math.inf, "seed": 2**62, "name": "NaN", "x": math.nan}})
    ledger.register(trial)
    path = ledger.trial(trial.id).folder / "trial.json"
    before = path.stat().st_ino
    ledger.register(trial)
    assert path.stat().st_ino == before
    changed = {"parameters": 5, "settings": {"training": {"clip_norm": 1.0, "seed": 2**62}}}
    with pytest.raises(
        UserError, match=r"trial\.json: .*content \(received another parameters and training.clip_norm\)"
    ):
        ledger.register(trial.model_copy(update=changed))


def test_what_an_id_does_not_stand_for_may_change(ledger: Ledger, make_trial: MakeTrial) -> None:
    trial = make_trial(settings={"training": {"epochs": 3}})
    ledger.register(trial)
    later = {"training": {"epochs": 3, "added_with_a_default": 0}, "section": {"new": 1}}
    ledger.register(trial.model_copy(update={"arm": "cell=lstm", "study": "another", "settings": later}))


def test_a_trial_that_was_written_under_a_values_former_name_is_the_same(ledger: Ledger, make_trial: MakeTrial) -> None:
    ledger.register(make_trial(settings={"network": {"loop": "common"}}))
    now = make_trial(settings={"network": {"loop": "compiled"}}, former={"network.loop": "common"})
    ledger.register(now)
    with pytest.raises(UserError, match=r"received another network.loop"):
        ledger.register(now.model_copy(update={"former": {}}))


def test_a_damaged_trial_is_written_again(ledger: Ledger, make_trial: MakeTrial) -> None:
    ledger.register(make_trial())
    path = ledger.trial("trial0000").folder / "trial.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:20])
    ledger.register(make_trial())
    assert path.read_bytes() == whole


def test_runs_are_kept_and_completed(ledger: Ledger) -> None:
    begun = RunRecord(started="2026-01-01T00:00:00+00:00", command=["unroll", "run"], git_commit="abc", planned=3)
    name = ledger.save_run(begun)
    assert ledger.runs() == [begun]
    ended = begun.model_copy(update={"finished": "2026-01-01T00:01:00+00:00", "counts": {"completed": 3}})
    assert ledger.save_run(ended, name=name) == name
    assert ledger.runs() == [ended]
    ledger.save_run(begun)
    assert len(ledger.runs()) == 2


# Outcomes


def test_numbers_come_back_exactly(ledger: Ledger, make_outcome: MakeOutcome) -> None:
    metrics = {"nan": math.nan, "inf": math.inf, "minus": -math.inf, "zero": -0.0, "small": 5e-324, "sum": 0.1 + 0.2}
    ledger.record(make_outcome(metrics=metrics, message="NaN", items=2**62))
    outcome = ledger.trial("trial0000").outcome()
    assert outcome is not None
    assert {name: value.hex() for name, value in outcome.metrics.items()} == {
        name: value.hex() for name, value in metrics.items()
    }
    assert list(outcome.metrics) == list(metrics)
    assert (outcome.message, outcome.items) == ("NaN", 2**62)


def test_the_latest_attempt_counts(ledger: Ledger, make_outcome: MakeOutcome) -> None:
    assert ledger.trial("trial0000").outcome() is None
    assert [ledger.record(make_outcome(status="stopped", steps=steps)) for steps in range(12)] == list(range(1, 13))
    latest = ledger.trial("trial0000").outcome()
    assert latest is not None
    assert latest.steps == 11


def test_a_result_outlives_a_later_note_of_failure(ledger: Ledger, make_outcome: MakeOutcome) -> None:
    """Older versions wrote such notes; this one refuses them."""
    for status in ("stopped", "completed"):
        ledger.record(make_outcome(status=status))
    with pytest.raises(Fenced, match="trial trial0000 is completed, and what is final is not changed"):
        ledger.record(make_outcome(status="failed_infrastructure"))
    folder = ledger.trial("trial0000").folder / "attempts"
    assert len(list(folder.iterdir())) == 2
    write_record(folder / "0003.json", "outcome", make_outcome(status="failed_infrastructure"))
    outcome = ledger.trial("trial0000").outcome()
    assert outcome is not None
    assert outcome.status == "completed"


@pytest.mark.parametrize("status", ["completed", "diverged"])
def test_nobody_changes_what_is_final(
    ledger: Ledger, make_outcome: MakeOutcome, make_row: Callable[..., HistoryRow], status: str
) -> None:
    ledger.trial("trial0000").append_history([make_row(1)], step=1)
    ledger.record(make_outcome(status=status))
    before = {path: path.read_bytes() for path in ledger.root.rglob("*") if path.is_file()}
    for change in (
        lambda: ledger.trial("trial0000").rewind_history(-1),
        lambda: ledger.trial("trial0000").rewind_history(0, place=0),
        lambda: ledger.trial("trial0000").append_history([make_row(2)], step=2),
        lambda: ledger.record(make_outcome()),
    ):
        with pytest.raises(Fenced, match=f"trial trial0000 is {status}"):
            change()
    assert {path: path.read_bytes() for path in ledger.root.rglob("*") if path.is_file()} == before


def test_a_trial_whose_result_is_damaged_is_run_anew(
    full: Ledger, make_plan: MakePlan, make_row: Callable[..., HistoryRow], make_outcome: MakeOutcome
) -> None:
    (full.trial("trial0001").folder / "attempts" / "0001.json").write_bytes(b"half")
    full.trial("trial0001").rewind_history(-1)
    full.trial("trial0001").append_history([make_row(2, 5.0)], step=2)
    full.record(make_outcome(1, steps=2))
    assert full.trials_frame(make_plan())["status"].to_list() == ["completed", "completed", "missing"]
    assert full.history_frame(make_plan())["value"].to_list() == [1.0, 1.0, 5.0]


def test_attempts_are_immutable(ledger: Ledger, make_outcome: MakeOutcome) -> None:
    ledger.record(make_outcome(status="stopped"))
    path = ledger.trial("trial0000").folder / "attempts" / "0001.json"
    before = path.read_bytes()
    ledger.record(make_outcome())
    assert path.read_bytes() == before


def test_many_processes_lose_no_outcome(ledger: Ledger) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", WRITE, str(ledger.root)], check=True, timeout=120, env=environment)
    messages = [
        json.loads(path.read_bytes())["body"]["message"] for path in ledger.root.glob("trials/*/attempts/*.json")
    ]
    assert sorted(messages) == sorted(f"{writer} {number}" for writer in range(10) for number in range(50))
    assert not list(ledger.root.rglob("*.tmp"))


@pytest.mark.parametrize("steps", [1, 7, 30])
def test_a_killed_writer_leaves_whole_records(ledger: Ledger, make_plan: MakePlan, steps: int) -> None:
    """What was acknowledged is there; what was under way is there wholly or not at all."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", WRITE_UNTIL_KILLED, str(ledger.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        for _ in range(steps):
            process.stdout.readline()
        process.kill()
        done = steps + len(process.stdout.readlines())
    outcome, history = ledger.trial("trial0000").outcome(), ledger.history_frame(make_plan())["step"].to_list()
    found = CheckpointStore(ledger.trial("trial0000").folder / "checkpoint").load()
    assert outcome
    assert outcome.steps in (done, done + 1)
    assert history in ([step for step in range(1, last + 1) for _ in "ab"] for last in (done, done + 1))
    assert found in [(last, b"%d" % last * 1000) for last in (done, done + 1)]
    with ledger.lock("unroll run"):
        assert not list(ledger.root.rglob("*.tmp"))
    assert ledger.damage() == []


@pytest.mark.parametrize("lasting", [False, True])
def test_every_failed_record_leaves_all_or_nothing(
    ledger: Ledger, make_outcome: MakeOutcome, failing_disk: Any, lasting: bool
) -> None:
    old, new = make_outcome(status="stopped"), make_outcome()

    def prepare() -> None:
        shutil.rmtree(ledger.trial("trial0000").folder, ignore_errors=True)
        ledger.record(old)

    for error in failing_disk.fail_everywhere(lambda: ledger.record(new), prepare=prepare, lasting=lasting):
        reopened = Ledger.open(ledger.root)
        assert reopened.trial("trial0000").outcome() in ((old, new) if error else (new,))
        with suppress(Fenced):  # the disk failed after it was written
            reopened.record(new)
        assert reopened.trial("trial0000").outcome() == new
        assert reopened.damage() == []


@pytest.mark.parametrize("lasting", [False, True])
def test_every_failed_plan_and_compaction_leaves_old_or_new(
    ledger: Ledger, make_plan: MakePlan, failing_disk: Any, lasting: bool
) -> None:
    import polars as pl

    def write(count: int) -> None:
        ledger.save_plan(make_plan(count))
        ledger.compact(make_plan(count))

    for error in failing_disk.fail_everywhere(lambda: write(3), prepare=lambda: write(2), lasting=lasting):
        plan, trials = ledger.plan(), pl.read_parquet(ledger.root / "trials.parquet")
        assert (plan == make_plan(3) and trials.height == 3) or error
        assert plan in (make_plan(2), make_plan(3))
        assert trials.height in (2, 3)


# Damage


@pytest.mark.parametrize(
    "place",
    [
        "plan.json",
        "runs/*.json",
        "trials/trial0001/trial.json",
        "trials/*1/attempts/*.json",
        "trials/*1/history/*.json",
    ],
)
def test_every_damage_is_named_and_nothing_is_made_up(
    full: Ledger, make_plan: MakePlan, damages: Callable[..., Iterator[bytes]], place: str
) -> None:
    plan = make_plan()
    (path,) = full.root.glob(place)
    whole = path.read_bytes().rstrip()
    trials, history = full.trials_frame(plan).rows(), full.history_frame(plan).rows()
    for damaged in damages(whole, limit=60):
        path.write_bytes(damaged)
        ledger = Ledger.open(full.root)
        if place == "plan.json":
            with pytest.raises(DamagedRecord, match=r"plan\.json"):
                ledger.plan()
            continue
        kept = [row for row in ledger.trials_frame(plan).rows() if "missing" not in row]
        assert kept == [row for row in trials if row in kept]
        assert all(row in history for row in ledger.history_frame(plan).rows())
        ledger.every_trial_frame()
        ledger.runs()
        assert [damage.path for damage in ledger.damage()] == [path]


def test_a_trial_whose_only_outcome_is_damaged_is_missing(full: Ledger, make_plan: MakePlan) -> None:
    (full.trial("trial0001").folder / "attempts" / "0001.json").write_bytes(b"half")
    assert full.outcomes(["trial0000", "trial0001"]).keys() == {"trial0000"}
    assert full.trials_frame(make_plan())["status"].to_list() == ["completed", "missing", "missing"]
    assert full.trial("trial0001").outcome() is None
    assert "trial0001/attempts/0001.json" in str(full.damage()[0])


def test_an_older_outcome_stands_in_for_a_damaged_one(full: Ledger) -> None:
    (full.trial("trial0000").folder / "attempts" / "0002.json").write_bytes(b"half")
    outcome = full.trial("trial0000").outcome()
    assert outcome is not None
    assert outcome.status == "stopped"
    assert len(full.damage()) == 1


def test_damage_that_was_repaired_is_forgotten(full: Ledger) -> None:
    path = full.trial("trial0001").folder / "attempts" / "0001.json"
    whole = path.read_bytes()
    for content, found in ((b"half", 1), (whole, 0)):
        path.write_bytes(content)
        full.trial("trial0001").outcome()
        assert len(full.damage()) == found


def test_a_record_of_another_trial_is_damage(full: Ledger, make_plan: MakePlan) -> None:
    names = ("attempts/0001.json", "history/0000000002.000001.json", "trial.json")
    for name in names:
        shutil.copy(full.trial("trial0000").folder / name, full.trial("trial0001").folder / name)
    assert "trial0001" not in full.every_trial_frame()["trial"]
    assert "trial0001" not in full.history_frame(make_plan())["trial"]
    assert full.trial("trial0001").outcome() is None
    assert [damage.path for damage in full.damage()] == [full.trial("trial0001").folder / name for name in names]
    assert all("a record of trial trial0000" in str(damage) for damage in full.damage())


def test_a_folder_of_a_newer_version_is_refused(full: Ledger, make_plan: MakePlan) -> None:
    """Taking its trials for missing would run them all again."""
    (full.trial("trial0001").folder / "attempts" / "0002.json").write_bytes(b'{"format":3,"what":"tomorrow"}')
    with pytest.raises(UnknownFormat, match=r"0002\.json: .* \(received format 3\)"):
        full.trials_frame(make_plan())


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO])
def test_an_unreadable_file_is_damage_with_its_true_reason(
    full: Ledger, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path, read = full.trial("trial0001").folder / "attempts" / "0001.json", read_file
    with monkeypatch.context() as patch:
        patch.setattr(READ, lambda file: refuse(code) if file == path else read(file))
        assert full.outcomes(["trial0000", "trial0001"]).keys() == {"trial0000"}
        (damage,) = full.damage()
    assert (
        f"0001.json: a record must be what was once written (received it cannot be read: {os.strerror(code)})"
        in str(damage)
    )
    assert full.trial("trial0001").outcome() is not None
    assert full.damage() == []


def test_a_disk_that_does_not_answer_is_no_damage(full: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(READ, lambda _: refuse(errno.ESTALE))
    with pytest.raises(StorageError):
        full.trial("trial0001").outcome()


def refuse(code: int) -> bytes:
    raise OSError(code, os.strerror(code))


def test_nothing_of_a_strangers_folder_is_run(full: Ledger, tmp_path: Path, make_plan: MakePlan) -> None:
    class Gadget:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    for path in [path for path in full.root.rglob("*") if path.is_file()]:
        path.write_bytes(pickle.dumps(Gadget()))
    ledger = Ledger.open(full.root)
    with pytest.raises(DamagedRecord):
        ledger.plan()
    assert ledger.trials_frame(make_plan())["status"].unique().to_list() == ["missing"]
    assert ledger.history_frame(make_plan()).height == ledger.every_trial_frame().height == len(ledger.runs()) == 0
    assert len(ledger.damage()) >= 8
    assert not (tmp_path / "ran").exists()


# Progress


def test_progress_is_a_passing_note(ledger: Ledger, damages: Callable[..., Iterator[bytes]]) -> None:
    note = Progress(trial="trial0000", host="here", pid=1, step=3, epoch=1, metrics={"train/loss": math.inf})
    ledger.note_progress(note.model_copy(update={"step": 2}))
    ledger.note_progress(note)
    assert ledger.progress(["trial0000", "trial0001"]) == {"trial0000": note}
    path = ledger.trial("trial0000").folder / "progress.json"
    for damaged in damages(path.read_bytes()):
        path.write_bytes(damaged)
        ledger.progress(["trial0000"])
    path.write_bytes(b"half")
    assert ledger.progress(["trial0000"]) == {}
    assert ledger.damage() == []


def test_hundreds_of_trials(ledger: Ledger, make_plan: MakePlan, make_outcome: MakeOutcome) -> None:
    plan = make_plan(500)
    for number in range(0, 500, 10):
        ledger.record(make_outcome(number))
    outcomes = ledger.outcomes(trial.id for trial in plan.trials)
    assert outcomes == {f"trial{number:04}": make_outcome(number) for number in range(0, 500, 10)}
    assert ledger.trials_frame(plan).height == 500
