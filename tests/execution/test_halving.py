"""Draws that are behind the others of their arm are ended early; what was seen outlives the run."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from unroll.execution.halving import Halving
from unroll.ledger import HistoryRow, Ledger, Outcome
from unroll.study import load_study, make_jobs, make_plan
from unroll.study.job import Job

ROOT = Path(__file__).parent / "project"
METRIC = "validation/loss"
STEPS = 4


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_tasks: None) -> list[Job]:
    folder = tmp_path / "project"
    shutil.copytree(ROOT, folder)
    monkeypatch.setenv("UNROLL_ROOT", str(folder))
    monkeypatch.syspath_prepend(str(folder))
    study = load_study(str(folder / "studies" / "halved"))
    return make_jobs(make_plan(study, cache=tmp_path), study, cache=tmp_path)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "results")


class Arm:
    """One arm's trials, which log what a test gives them and are judged."""

    def __init__(self, name: str, jobs: list[Job], ledger: Ledger) -> None:
        self.jobs = [job for job in jobs if job.trial.arm == name and job.trial.phase == "tune"]
        self.ledger, self.every = ledger, jobs

    def judge(self, halving: Halving, draw: int, epoch: int, value: float) -> Outcome | None:
        job = self.jobs[draw]
        records, step = self.ledger.trial(job.trial.id), STEPS * epoch
        if not (records.folder / "history").is_dir() or step > max(
            (row[0] for row in records.history.rows()), default=0
        ):
            row = HistoryRow(step=step, epoch=epoch, seconds=1.5 * epoch, metric=METRIC, value=value)
            records.append_history([row], step=step)
        return halving.end(job, epoch=epoch, step=step, metrics={METRIC: value})


def test_each_arm_is_halved_alone(jobs: list[Job], ledger: Ledger) -> None:
    halving = Halving(jobs, ledger)
    quick, slow = Arm("automatic", jobs, ledger), Arm("every_second", jobs, ledger)
    assert quick.judge(halving, 0, 1, 1.0) is None, "the first is behind nobody"
    assert slow.judge(halving, 0, 1, 50.0) is None, "far behind the other arm, which does not matter"
    ended = quick.judge(halving, 1, 1, 2.0)
    assert ended is not None
    assert (ended.status, ended.steps, ended.metrics, ended.seconds) == ("pruned", STEPS, {METRIC: 2.0}, 1.5)
    assert ended.message == "ended early, behind other draws of its arm after epoch 1"
    assert ledger.trial(quick.jobs[1].trial.id).result() == ended
    assert slow.judge(halving, 1, 1, 40.0) is None
    assert quick.judge(halving, 2, 1, 0.5) is None
    assert quick.judge(halving, 2, 2, 9.0) is None, "between two rungs"
    assert quick.judge(halving, 0, 4, 0.7) is None
    assert quick.judge(halving, 2, 4, 0.9) is not None, "the second rung"


def test_a_trial_at_its_end_is_left_to_end_by_itself(jobs: list[Job], ledger: Ledger) -> None:
    at_four = [
        job.model_copy(update={"settings": {**job.settings, "training": {**job.settings["training"], "epochs": 4}}})
        for job in jobs
    ]
    halving, arm = Halving(at_four, ledger), Arm("automatic", at_four, ledger)
    assert arm.judge(halving, 0, 4, 1.0) is None
    assert arm.judge(halving, 1, 4, 2.0) is None


def test_what_earlier_runs_have_seen_counts(jobs: list[Job], ledger: Ledger) -> None:
    arm, first = Arm("automatic", jobs, ledger), Halving(jobs, ledger)
    assert arm.judge(first, 0, 1, 1.0) is None
    alone, again = Halving([], ledger), Halving(jobs, ledger)
    assert arm.judge(alone, 1, 1, 2.0) is None, "without what was seen it would be the first"
    assert arm.judge(again, 2, 1, 2.5) is not None


def test_a_value_that_is_no_number_ends_nothing(jobs: list[Job], ledger: Ledger) -> None:
    halving, arm = Halving(jobs, ledger), Arm("automatic", jobs, ledger)
    assert arm.judge(halving, 0, 1, 1.0) is None
    assert arm.judge(halving, 1, 1, float("nan")) is None
    assert halving.end(arm.jobs[2], epoch=1, step=STEPS, metrics={}) is None


def test_nothing_else_is_judged(jobs: list[Job], ledger: Ledger) -> None:
    halving = Halving(jobs, ledger)
    confirm = [job for job in jobs if job.trial.phase == "confirm"]
    for value, job in enumerate(confirm):
        assert halving.end(job, epoch=1, step=STEPS, metrics={METRIC: float(value)}) is None


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["inline", "ray"])
def test_a_study_with_asha_runs_to_its_end(runner: str, line: Any, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(ROOT, folder)
    study, results = str(folder / "studies" / "halved"), tmp_path / "results"
    line.call("run", study, "--results", str(results), "--no-report", "--runner", runner, UNROLL_ROOT=str(folder))
    ledger = Ledger.open(results)
    plan = ledger.plan()
    ends = ledger.tune_frame(plan)["status"].to_list()
    assert set(ends) == {"completed", "pruned"}
    assert ledger.trials_frame(plan)["status"].to_list() == ["completed"] * 4
    assert ledger.damage() == []
    for winner in ledger.winners().values():
        chosen = winner.candidates[winner.draw]
        assert chosen.statuses == ("completed",)
        assert winner.value == min(c.value for c in winner.candidates if c.value is not None)
    for trial in plan.tune_trials:
        records = ledger.trial(trial.id)
        assert not list((records.folder / "checkpoint").glob("*")), "what was ended early leaves no state"
