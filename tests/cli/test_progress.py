"""What a person sees while a study runs."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from unroll.ledger import Ledger, Outcome, Progress, Status
from unroll.study import Plan, load_study, make_plan
from unroll.terminal.live_table import RUNNING_ROWS, headline
from unroll.terminal.progress import QUIET_SECONDS, watch
from unroll.workflow.tally import Counted, Tally


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def plan(project: Path, tmp_path: Path) -> Plan:
    return make_plan(load_study("tiny", ["seeds=10"]), cache=tmp_path / "cache")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "results")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def note(plan: Plan, number: int, *, step: int = 25, updated: float = 1.0, seconds: float = 61.0) -> Progress:
    trial = plan.trials[number].id
    metrics = {"train/loss": 4.5, "validation/perplexity": 90.0}
    return Progress(
        trial=trial,
        host="here",
        pid=1,
        step=step,
        epoch=2,
        steps=100,
        seconds=seconds,
        updated=updated,
        metrics=metrics,
    )


def outcome(plan: Plan, number: int, status: Status = "completed") -> Outcome:
    message = "" if status == "completed" else "the loss became nan"
    return Outcome(trial=plan.trials[number].id, status=status, message=message, seconds=2.0)


def everything(plan: Plan) -> set[str]:
    return {trial.id for trial in plan.trials}


def test_the_time_left_follows_from_what_is_done_and_begun(plan: Plan, ledger: Ledger, clock: Clock) -> None:
    tally = Tally(plan, ledger, missing=everything(plan), clock=clock)
    tally.started()
    assert tally.seconds_left(tally.running()) is None
    clock.now += 30
    for number in range(4):
        tally.finished(outcome(plan, number))
    ledger.note_progress(note(plan, 4, step=50))
    ledger.note_progress(note(plan, 5, step=50))
    running = tally.running()
    assert len(running) == 2
    assert tally.seconds_left(running) == pytest.approx(30 * (20 - 5) / 5)
    assert headline(tally, running) == "4 of 20 trials ended, 2 running, about 1 min 30 s left"


def test_the_time_that_ray_needs_to_start_is_no_pace(plan: Plan, ledger: Ledger, clock: Clock) -> None:
    tally = Tally(plan, ledger, missing=everything(plan), clock=clock)
    tally.started()
    clock.now += 120
    ledger.note_progress(note(plan, 0, step=10, seconds=2.0))
    assert tally.seconds_left(tally.running()) is None
    clock.now += 8
    ledger.note_progress(note(plan, 0, step=50, seconds=10.0, updated=2.0))
    assert tally.seconds_left(tally.running()) == pytest.approx(10 * 19.5 / 0.5)


def test_notes_of_an_earlier_run_are_not_taken_for_running_trials(plan: Plan, ledger: Ledger, clock: Clock) -> None:
    ledger.note_progress(note(plan, 0, updated=5.0))
    tally = Tally(plan, ledger, missing=everything(plan), clock=clock)
    assert tally.running() == []
    ledger.note_progress(note(plan, 0, updated=6.0))
    assert [progress.trial for progress in tally.running()] == [plan.trials[0].id]


def test_trials_that_are_not_run_again_count_as_ended(plan: Plan, ledger: Ledger, clock: Clock) -> None:
    ledger.record(outcome(plan, 0))
    ledger.record(outcome(plan, 1, "failed_user"))
    tally = Tally(plan, ledger, missing=everything(plan) - {plan.trials[0].id, plan.trials[1].id}, clock=clock)
    tally.finished(outcome(plan, 2))
    assert headline(tally, []) == "3 of 20 trials ended, 0 running"
    assert tally.statuses() == {"completed": 2, "failed_user": 1, "missing": 17}


def test_a_trial_that_ends_twice_is_counted_once(plan: Plan, ledger: Ledger, clock: Clock) -> None:
    tally = Tally(plan, ledger, missing=everything(plan), clock=clock)
    tally.finished(outcome(plan, 0, "failed_infrastructure"))
    tally.finished(outcome(plan, 0))
    assert (tally.ended, tally.ends) == (1, {"completed": 1})


def test_lines_are_sparing(plan: Plan, ledger: Ledger, clock: Clock) -> None:
    file = io.StringIO()
    tally = Tally(plan, ledger, missing=everything(plan), clock=clock)
    with watch(tally, Console(file=file, width=1000)) as viewer:
        observer = Counted(tally, viewer)
        observer.started(20, 20)
        observer.message("starting Ray")
        for _ in range(int(QUIET_SECONDS * 2)):
            clock.now += 1
            observer.refresh()
        observer.finished(outcome(plan, 0, "diverged"))
        observer.message("a node was\nlost")
    assert file.getvalue().splitlines() == [
        "20 trials, 0 done before, 20 to run",
        "starting Ray",
        "waiting for the first trial to start",
        "waiting for the first trial to start",
        "[1/20] elman seed 0 diverged (2.0 s): the loss became nan",
        "a node was lost",
    ]


def test_the_live_table_shows_arms_and_running_trials(plan: Plan, ledger: Ledger, clock: Clock) -> None:
    file = io.StringIO()
    voice = Console(file=file, width=120, height=60, force_terminal=True, color_system=None, markup=False)
    tally = Tally(plan, ledger, missing=everything(plan), clock=clock)
    with watch(tally, voice) as viewer:
        observer = Counted(tally, viewer)
        observer.started(20, 20)
        observer.message("starting Ray")
        assert "starting Ray" in file.getvalue()
        for number in range(1, RUNNING_ROWS + 4):
            ledger.note_progress(note(plan, number))
        observer.finished(outcome(plan, 0))
        observer.finished(outcome(plan, 1, "diverged"))
        observer.refresh()
    text = file.getvalue()
    assert "━━╌╌" in text
    assert "╌ 1/10" in text
    assert "1 diverged" in text
    assert "elman seed 1" in text
    assert "25 of 100" in text
    assert "validation/perplexity 90.00" in text
    assert "and 3 more" in text
    assert "lstm seed 0 diverged (2.0 s): the loss became nan" in text
    assert "2 of 20 trials ended, 14 running" in text
