"""Trials that begin with another one's weights: what they learn, when they run, and what a kill makes of them."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies

import unroll
from tests.execution.test_log_rows import ROOT, Killed, attempt, killed_at, quick_disk
from unroll.contract import UserError
from unroll.execution import find_missing, run_plan
from unroll.execution.job_queue import JobQueue
from unroll.execution.trial import process
from unroll.ledger import Ledger, Outcome
from unroll.reporting.findings import Findings
from unroll.reporting.prose.plan import warm_start_sentences
from unroll.reporting.tables.results import arms_table
from unroll.study import Job, Plan, load_study, load_task, make_jobs, make_plan
from unroll.workflow.warnings import warnings

__all__ = ["quick_disk"]

BATCHES = 3
ARMS = {
    "plain": {},
    "bent": {"training.warm_epochs": 1, "training.bends": True},
    "doubled": {"training.warm_epochs": 1, "training.bends": True, "training.reading": "doubled"},
}
"""``bent`` begins with what is prepared for it, ``doubled`` with ``bent``; the control of both is ``plain``."""
PREPARED = "preparation of bent"

Made = tuple[Plan, list[Job], Callable[[str], Ledger]]


class Quiet:
    """Watches, and keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.begun = False

    def started(self, total: int, missing: int) -> None:
        self.said.append(f"{missing} of {total}")

    def refresh(self) -> None: ...

    def finished(self, outcome: Outcome) -> None: ...

    def message(self, text: str) -> None:
        self.said.append(text)

    def ready(self) -> None:
        self.begun = True


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_tasks: None) -> Callable[..., Made]:
    monkeypatch.setenv("UNROLL_ROOT", str(ROOT))

    def make(seeds: int = 1, keep: str = "last", **training: Any) -> Made:
        declared = {
            "question": "Is it the same?",
            "task": "line",
            "settings": {"training": {"epochs": 3, "batches": BATCHES, **training}},
            "compare": {"arm": ARMS},
            "metric": "test/loss",
            "keep": keep,
            "seeds": seeds,
            "limits": {"checkpoint_seconds": 1e-9},
            "log_every_steps": 1,
            "wandb": {"mode": "disabled"},
        }
        (tmp_path / "study.yaml").write_text(json.dumps(declared), encoding="utf-8")
        study = load_study(tmp_path / "study.yaml")
        plan = make_plan(study, cache=tmp_path / "cache")

        def ledger(name: str) -> Ledger:
            made = Ledger.create(tmp_path / name)
            made.save_plan(plan)
            for trial in plan.every_trial:
                made.register(trial)
            return made

        return plan, make_jobs(plan, study, cache=tmp_path / "cache"), ledger

    return make


def run(jobs: list[Job], ledger: Ledger, *, retry: bool = False) -> dict[str, Outcome]:
    """Run what is missing, one after another; gives how every trial ended."""
    queue = JobQueue(find_missing(jobs, ledger, retry=retry), ledger)
    while job := queue.next():
        attempt(job, ledger)
        queue.ended(job.trial.id)
    assert queue.exhausted
    return outcomes(jobs, ledger)


def outcomes(jobs: list[Job], ledger: Ledger) -> dict[str, Outcome]:
    found = ledger.outcomes(job.trial.id for job in jobs)
    return {job.trial.arm: found[job.trial.id] for job in jobs if job.trial.id in found}


def statuses(jobs: list[Job], ledger: Ledger) -> dict[str, str]:
    return {arm: outcome.status for arm, outcome in outcomes(jobs, ledger).items()}


def of(jobs: list[Job], arm: str) -> Job:
    return next(job for job in jobs if job.trial.arm == arm)


def train_slowly(job: Job, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Descent with momentum, written out, from given weights over a job's own epochs."""
    task: Any = load_task("line")
    loader = task.data(task.settings.model_validate(job.settings), None, job.trial.seed).train_dataloader()
    weight, bias = weights["line.weight"].clone(), weights["line.bias"].clone()
    speed = [torch.zeros_like(weight), torch.zeros_like(bias)]
    for step, batch in enumerate(itertools.chain.from_iterable([*loader] for _ in range(2))):
        process.reseed(job.trial.seed, step, "train")
        error = batch @ weight.T + bias - 3 * batch + 0.1 * torch.rand(())
        for part, slope in enumerate((2 * (error * batch).mean(0)[None], 2 * error.mean(0))):
            speed[part] = 0.5 * speed[part] + slope
        weight, bias = weight - 0.01 * speed[0], bias - 0.01 * speed[1]
    return {"line.weight": weight, "line.bias": bias}


def test_a_trial_goes_on_from_the_weights_of_another(make: Callable[..., Made]) -> None:
    plan, jobs, make_ledger = make()
    assert [(arm.name, arm.warm_start, arm.control) for arm in plan.every_arm] == [
        (PREPARED, None, False),
        ("plain", None, False),
        ("bent", PREPARED, False),
        ("doubled", "bent", False),
    ]
    ledger = make_ledger("whole")
    ends = run(jobs, ledger)
    assert {end.status for end in ends.values()} == {"completed"}
    assert {arm: end.steps for arm, end in ends.items()} == {PREPARED: 3, "plain": 9, "bent": 6, "doubled": 0}
    kept = {arm: ledger.trial(of(jobs, arm).trial.id).weights.read() for arm in ends}
    learned = train_slowly(of(jobs, "bent"), kept[PREPARED])
    for name, part in learned.items():
        torch.testing.assert_close(kept["bent"][name], part)
    for name, part in kept["bent"].items():
        assert torch.equal(kept["doubled"][name], part), "what trains nothing is what it begins with"
    points = torch.tensor([2.5, 3.5])
    lines = {arm: kept[arm]["line.weight"].item() * points + kept[arm]["line.bias"].item() for arm in ends}
    assert ends["bent"].metrics["test/loss"] == pytest.approx(float((lines["bent"] - 3 * points).square().mean()))
    assert ends["doubled"].metrics == {
        "test/loss": pytest.approx(float((2 * lines["bent"] - 3 * points).square().mean()))
    }
    assert ends["doubled"].items == 0
    rows = ledger.history_frame(plan).filter(arm="doubled")
    assert rows.select("step", "epoch", "metric").rows() == [(0, 0, "test/loss")]


def test_weights_that_others_begin_with_are_kept_whatever_the_study_keeps(make: Callable[..., Made]) -> None:
    for keep, there in (("none", {PREPARED, "bent"}), ("best", {PREPARED, "plain", "bent", "doubled"})):
        _, jobs, make_ledger = make(keep=keep)
        ledger = make_ledger(keep)
        ends = run(jobs, ledger)
        assert {end.status for end in ends.values()} == {"completed"}
        assert {arm for arm in ends if ledger.trial(of(jobs, arm).trial.id).weights.present} == there


def test_what_begins_with_a_diverged_trial_diverges_at_once(make: Callable[..., Made]) -> None:
    _, jobs, make_ledger = make(warm_epochs=0, fault="diverges", batches=8)
    ends = run(jobs, make_ledger("diverged"))
    assert {arm: end.status for arm, end in ends.items()} == dict.fromkeys(ends, "diverged")
    first = ends[PREPARED].message
    assert first == "train/loss became nan at step 6"
    assert ends["bent"].message == f"begins with '{PREPARED}' seed 0, which diverged: {first}"
    assert ends["doubled"].message == f"begins with 'bent' seed 0, which diverged: {ends['bent'].message}"
    assert (ends["bent"].steps, ends["bent"].items, ends["bent"].metrics) == (0, 0, {})


def test_what_begins_with_a_failed_trial_waits(make: Callable[..., Made]) -> None:
    _, jobs, make_ledger = make(fault="refuses", batches=8)
    ledger = make_ledger("failed")
    run(jobs, ledger)
    assert statuses(jobs, ledger) == {PREPARED: "failed_user", "plain": "failed_user"}
    assert find_missing(jobs, ledger, retry=False) == []
    again = [job.trial.arm for job in find_missing(jobs, ledger, retry=True)]
    assert again == ["plain", PREPARED, "bent", "doubled"] or again == [PREPARED, "plain", "bent", "doubled"]


def test_a_preparation_that_nobody_needs_is_not_run(make: Callable[..., Made]) -> None:
    plan, jobs, make_ledger = make()
    ledger = make_ledger("whole")
    run(jobs, ledger)
    shutil.rmtree(ledger.trial(of(jobs, PREPARED).trial.id).folder)
    assert find_missing(jobs, ledger, retry=True) == []
    shutil.rmtree(ledger.trial(of(jobs, "doubled").trial.id).folder)
    assert [job.trial.arm for job in find_missing(jobs, ledger, retry=True)] == ["doubled"]
    shutil.rmtree(ledger.trial(of(jobs, "bent").trial.id).folder)
    missing = find_missing(jobs, ledger, retry=True)
    assert [job.trial.arm for job in missing] == [PREPARED, "bent", "doubled"]
    watch = Quiet()
    with pytest.raises(Killed):
        run_plan(plan, missing, ledger, token="", runner=Nobody(), observer=watch, ready=watch.ready)
    assert watch.said == ["3 of 4"]


class Nobody:
    """A runner that shows that it was reached."""

    def run(self, *_: Any, **__: Any) -> None:
        raise Killed


@pytest.mark.parametrize("loss", ["gone", "damaged"])
def test_weights_that_are_lost_are_told_before_anything_starts(make: Callable[..., Made], loss: str) -> None:
    plan, jobs, make_ledger = make()
    ledger = make_ledger("lost")
    run(jobs, ledger)
    start, watch = ledger.trial(of(jobs, "bent").trial.id), Quiet()
    shutil.rmtree(ledger.trial(of(jobs, "doubled").trial.id).folder)
    if loss == "gone":
        start.weights.remove()
    else:
        file = start.folder / "weights.safetensors"
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    missing = find_missing(jobs, ledger, retry=False)
    with pytest.raises(UserError) as told:
        run_plan(plan, missing, ledger, token="", runner=Nobody(), observer=watch, ready=watch.ready)
    received = {"gone": "none", "damaged": "weights.safetensors: weights that do not match their checksum"}[loss]
    assert str(told.value) == (
        f"{ledger.root}: the weights of 'bent' seed 0 must have been kept: other trials begin with them (received "
        f"{received}); bring its files back from a copy, or remove trials/{of(jobs, 'bent').trial.id} in the results "
        "folder: it is run anew, and the others then begin with it"
    )
    assert not watch.begun
    shutil.rmtree(start.folder)
    assert {end.status for end in run(jobs, ledger).values()} == {"completed"}


def test_what_a_trial_cost_is_told_with_and_without_what_it_begins_with(make: Callable[..., Made]) -> None:
    plan, jobs, make_ledger = make(seeds=2)
    ledger = make_ledger("whole")
    run(jobs, ledger)
    trials = ledger.trials_frame(plan)
    costs = trials.filter(seed=1).select("arm", "steps", "steps_before", "items", "items_before").rows()
    assert costs == [("plain", 9, None, 27, None), ("bent", 6, 3, 18, 9), ("doubled", 0, 9, 0, 27)]
    prepared = ledger.preparations_frame(plan)
    assert prepared.select("arm", "seed", "steps").rows() == [(PREPARED, 0, 3), (PREPARED, 1, 3)]
    assert trials.filter(arm="bent")["warm_start"].to_list() == prepared["trial"].to_list()
    assert trials.filter(arm="bent")["seconds_before"].to_list() == prepared["seconds"].to_list()
    findings = Findings(plan, trials, ledger.logged(plan).rows, runs=())
    (column,) = [column for column in arms_table(findings).columns if column.head == "Begins with"]
    assert column.cells == ["–", f"{PREPARED}: 3 of 9 steps", "bent: 9 of 9 steps"]
    assert [*warm_start_sentences(plan)] == [
        f"bent begins with the final weights of a trial that is not compared: {PREPARED}."
    ]
    assert "test/loss" not in findings.logged, "it has no curve, although arms are tested after different steps"
    assert findings.curves.filter(arm="bent")["step"].to_list() == [6, 9], "of all steps, as the control's"
    assert findings.curves.filter(arm="plain")["step"].to_list() == [3, 6, 9]


def test_a_plan_tells_what_is_prepared_and_how_much_of_it_is_missing(
    make: Callable[..., Made], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "cache"))
    _, jobs, make_ledger = make(seeds=2, keep="none")
    overview = unroll.plan(tmp_path / "study.yaml", results=tmp_path / "none")
    assert overview.count == "6 trials, 0 done, 6 missing, and 2 that others begin with, 0 done, 2 missing"
    assert overview.arms.select("arm", "begins_with").rows() == [
        ("plain", None),
        ("bent", PREPARED),
        ("doubled", "bent"),
    ]
    prepared = overview.prepared.select("prepared", "for", "trials", "done", "missing").rows()
    assert prepared == [(PREPARED, "bent", 2, 0, 2)]
    assert overview.kept_bytes == 4 * 2 * (2 + 3), "of what others begin with, although nothing else is kept"
    ledger = make_ledger("done")
    run(jobs, ledger)
    shutil.rmtree(ledger.trial(of(jobs, PREPARED).trial.id).folder)
    done = unroll.plan(tmp_path / "study.yaml", results=ledger.root)
    assert done.count == "6 trials, 6 done, 0 missing, and 2 that others begin with, 1 done, 0 missing"


def test_the_status_tells_what_waits_for_what(make: Callable[..., Made]) -> None:
    plan, jobs, make_ledger = make(seeds=2, fault="refuses", batches=8)
    ledger = make_ledger("failed")
    assert warnings(plan, ledger, "status") == []
    run(jobs, ledger)
    assert warnings(plan, ledger, "status") == [
        f"4 trials wait for what they begin with: '{PREPARED}' seed 0 (failed_user), '{PREPARED}' seed 1 (failed_user)"
    ]


@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_between_any_two_writes(make: Callable[..., Made], monkeypatch: pytest.MonkeyPatch, stride: int) -> None:
    """Of all trials of a study in a row; the next run goes on, and comes to the undisturbed numbers."""
    _, jobs, make_ledger = make(epochs=2, batches=2)
    whole = make_ledger("whole")
    with killed_at(0, "never", monkeypatch) as written:
        expected = summary(jobs, whole)
    assert len(written) > 20
    moments = [(number, moment) for number in range(1, len(written) + 1) for moment in ("before", "after")]
    for number, moment in moments[1 :: 2 * stride - 1]:
        ledger = make_ledger(f"{moment}-{number}")
        with pytest.raises(Killed), killed_at(number, moment, monkeypatch):
            run(jobs, ledger)
        assert summary(jobs, ledger) == expected, f"killed {moment} {written[number - 1]}"
        shutil.rmtree(ledger.root)


def summary(jobs: list[Job], ledger: Ledger) -> list[Any]:
    """Run what is missing; gives all that was reached, without what a clock decides."""
    ends = run(jobs, ledger)
    assert ledger.damage() == []
    plan = ledger.plan()
    rows = ledger.history_frame(plan).drop("seconds").rows()
    weights = {
        f"{arm} {name}": part.tolist()
        for arm in ends
        for name, part in ledger.trial(of(jobs, arm).trial.id).weights.read().items()
    }
    return [{arm: (end.status, end.steps, end.items, end.metrics) for arm, end in ends.items()}, rows, weights]


@settings(deadline=None, max_examples=60)
@given(strategies.data())
def test_a_queue_hands_out_each_job_once_and_none_before_what_it_begins_with(data: strategies.DataObject) -> None:
    number = data.draw(strategies.integers(1, 9))
    starts = [data.draw(strategies.sampled_from([None, *range(job)])) for job in range(number)]
    failing = data.draw(strategies.sets(strategies.integers(0, number - 1)))
    running, done = list[int](), set[int]()
    jobs: Any = [Stub(str(job), start) for job, start in enumerate(starts)]
    ledger: Any = Results(done)
    queue: Any = JobQueue(jobs, ledger)
    while True:
        while job := queue.next():
            assert job.start is None or job.start in done
            running.append(int(job.trial.id))
        if not running:
            break
        ended = running.pop(data.draw(strategies.integers(0, len(running) - 1)))
        if ended not in failing:
            done.add(ended)
        queue.ended(str(ended))
    assert queue.exhausted
    assert done == {job for job in range(number) if not failing.intersection(chain(job, starts))}


def chain(job: int | None, starts: list[int | None]) -> Iterator[int]:
    while job is not None:
        yield job
        job = starts[job]


class Stub:
    """A job of which a queue sees no more."""

    def __init__(self, name: str, start: int | None) -> None:
        self.start, self.trial, self.awaits = start, self, None
        self.id, self.warm_start = name, None if start is None else str(start)


class Results:
    """A ledger of which a queue sees no more."""

    def __init__(self, there: set[int], name: str = "") -> None:
        self.there, self.name = there, name

    def trial(self, name: str) -> Results:
        return Results(self.there, name)

    def result(self) -> bool:
        return int(self.name) in self.there
