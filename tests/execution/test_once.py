"""Every trial is run by one process and keeps what it logged, however Tune starts actors and drops them."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from unroll.execution.on_ray.bridge import Bridge
from unroll.execution.on_ray.runner import _begun_with
from unroll.execution.on_ray.trainable import WORK, TrialTrainable
from unroll.execution.trial.session import Session
from unroll.ledger import Fenced, Ledger
from unroll.ledger.outcome import Outcome
from unroll.study import load_study, make_jobs, make_plan
from unroll.study.job import Job

ROOT = Path(__file__).parent / "project"
STUDIES = {
    2: ("seeds=1",),
    3: ("seeds=3", "training.optimization=automatic"),
    4: ("seeds=2",),
}
"""Trials -> what makes so many of them."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(ROOT, folder)
    return folder


def run_with_a_late_actor(line: Any, project: Path, name: str, trials: int) -> None:
    """Whichever of Ray's two workers comes second starts 5 s late; by then the first is done with the first trial."""
    results, marks = project / "results" / name, project / "marks" / name
    marks.mkdir(parents=True)
    line.call(
        *("run", str(project / "studies" / "marked"), "--results", str(results), "--no-report"),
        f"training.marks={marks}",
        *STUDIES[trials],
        UNROLL_ROOT=str(project),
        PYTHONPATH=str(project / "slow_start"),
        FIRST_WORKER=str(marks.with_suffix(".first")),
        LATE_SECONDS="5",
    )
    assert (marks.with_suffix(".first")).exists(), "the workers were slowed"
    seeds = sorted(int(mark.name.split("-")[0]) for mark in marks.iterdir())
    assert len(seeds) == trials, "each trial was run once"
    ledger = Ledger.open(results)
    frame = ledger.trials_frame(ledger.plan())
    assert frame["status"].to_list() == ["completed"] * trials
    assert ledger.damage() == []
    assert len(list(results.glob("trials/*/attempts/*.json"))) == trials
    assert not list(results.glob("trials/*/claims/*"))
    rows = ledger.history_frame(ledger.plan()).group_by("trial").len()["len"].to_list()
    assert len(rows) == trials
    assert min(rows) >= 8


def test_a_late_actor_costs_no_history_and_no_second_run(line: Any, project: Path) -> None:
    run_with_a_late_actor(line, project, "once", 4)


@pytest.mark.slow
@pytest.mark.parametrize("trials", STUDIES)
def test_ten_late_actors_cost_nothing(line: Any, project: Path, trials: int) -> None:
    for number in range(10):
        run_with_a_late_actor(line, project, f"{trials}-{number}", trials)


@pytest.fixture
def job(project: Path, monkeypatch: pytest.MonkeyPatch, other_tasks: None) -> Job:
    monkeypatch.setenv("UNROLL_ROOT", str(project))
    declared = project / "studies" / "marked" / "study.yaml"
    study = load_study(declared)
    return make_jobs(make_plan(study, cache=project / "cache"), study, cache=project / "cache")[0]


def to_its_end(session: Session) -> Outcome:
    while not isinstance(seen := session.advance(timeout=120), Outcome):
        assert seen, "it takes too long"
    return seen


def test_an_attempt_that_was_taken_for_lost_leaves_when_another_has_its_trial(job: Job, tmp_path: Path) -> None:
    slow = job.settings["training"] | {"batches": 20, "batch_seconds": 0.05}
    job = job.model_copy(update={"settings": job.settings | {"training": slow}})
    found = []
    for name in ("whole", "taken over"):
        ledger = Ledger.create(tmp_path / name)
        ledger.register(job.trial)
        with ledger.lock("unroll run") as lock:
            first = Session(job, ledger, token=lock.token, guarded=False)
            if name == "taken over":
                assert first.advance(timeout=120), "it is in the middle"
                second = Session(job, ledger, token=lock.token, guarded=False)
                with pytest.raises(Fenced, match=f"another attempt has trial {job.trial.id}"):
                    to_its_end(first)
                outcome = to_its_end(second)
            else:
                outcome = to_its_end(first)
        rows = ledger.trial(job.trial.id).history.rows()
        found.append((outcome.metrics, outcome.items, [(step, *row) for step, _, _, *row in rows]))
        assert len(list((ledger.trial(job.trial.id).folder / "attempts").iterdir())) == 1
        assert not list((ledger.trial(job.trial.id).folder / "claims").iterdir())
    assert found[0] == found[1]


def test_an_actor_that_is_given_no_step_starts_nothing(job: Job, tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "results")
    ledger.register(job.trial)
    before = sorted(ledger.root.rglob("*"))
    with ledger.lock("unroll run") as lock:
        before = sorted(ledger.root.rglob("*"))
        work = {WORK: {"job": job.model_dump_json(), "results": str(ledger.root), "token": lock.token}}
        actor = TrialTrainable(work)
        actor.reset_config(work)
        actor.stop()
        assert sorted(ledger.root.rglob("*")) == before


def test_a_trial_that_has_its_result_is_not_run_again(job: Job, tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path / "results")
    ledger.register(job.trial)
    with ledger.lock("unroll run") as lock:
        work = {WORK: {"job": job.model_dump_json(), "results": str(ledger.root), "token": lock.token}}
        first, second = TrialTrainable(work), TrialTrainable(work)  # as Tune has it when one of them is to be dropped
        seen: list[dict[str, Any]] = []
        while not seen or not seen[-1]["done"]:
            seen.append(first.step())
        records = {path: path.read_bytes() for path in ledger.root.glob("trials/*/*/*.json")}
        assert len(records) >= 3
        assert second.step() == second.step() == first.step() == seen[-1]
        first.stop()
        second.stop()
        assert {path: path.read_bytes() for path in ledger.root.glob("trials/*/*/*.json")} == records
    assert json.dumps(seen[-1])


def test_what_tune_gives_up_although_it_has_retries_is_run_again(job: Job, tmp_path: Path) -> None:
    """A process that dies while it takes a trial over has failed it for good, whatever ``max_failures`` says."""
    ledger, said = Ledger.create(tmp_path / "results"), list[Any]()
    ledger.register(job.trial)
    watch: Any = SimpleNamespace(message=said.append, finished=lambda outcome: said.append(outcome.status))
    work, counts = {WORK: {"job": job.model_dump_json()}}, {"num_failures": 1, "max_failures": 3}
    dead = SimpleNamespace(config=work, pickled_error_file=None, get_error=lambda: RuntimeError("it died"), **counts)
    with ledger.lock("unroll run") as lock:
        bridge = Bridge(ledger, lock.token, watch, [job])
        bridge.died(dead)
        assert bridge.given_up == {job.trial.id}
        assert ledger.trial(job.trial.id).outcome() is None
        last = Bridge(ledger, lock.token, watch, [job], again=False)
        last.died(dead)
        dead.num_failures = 4
        bridge.died(dead)
    told = f"{job.trial.arm} seed {job.trial.seed}: its attempt was lost; trying again"
    assert said == [told, "failed_infrastructure", "failed_infrastructure"]


def test_what_is_run_again_takes_along_what_begins_with_it(job: Job) -> None:
    def made(name: str, start: str | None) -> Job:
        return job.model_copy(update={"trial": job.trial.model_copy(update={"id": name, "warm_start": start})})

    jobs = [made(*names) for names in (("a", None), ("b", None), ("c", "a"), ("d", "c"), ("e", "b"))]
    assert [each.trial.id for each in _begun_with({"a"}, jobs)] == ["a", "c", "d"]
    assert _begun_with(set(), jobs) == []
