"""Killed between any two writes, a trial logs the same rows in the end, each once and in the same order.

Lightning hands out the rows of a step after the hooks in which a checkpoint is captured, and a task may log more than
once at one step: the checkpoint and the history around it must agree on which of them were written.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from unroll.contract import UserError
from unroll.execution.trial.attempt import Attempt
from unroll.execution.trial.history import HistoryLogger
from unroll.ledger import CheckpointStore, Ledger, files
from unroll.ledger.outcome import Outcome
from unroll.study import load_study, make_jobs, make_plan
from unroll.study.job import Job

ROOT = Path(__file__).parent / "project"

SELECTING = {"select": "best", "patience": 2, "epochs": 9, "script": ["4", "inf", "1", "2", "1", "0"]}
"""Trains for five epochs and tests the state after the third."""

Prepared = tuple[Job, Callable[[str], Ledger]]


class Killed(BaseException):
    """Ends an attempt as a signal would: nothing of ours catches it."""


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture
def prepare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_tasks: None) -> Callable[..., Prepared]:
    monkeypatch.setenv("UNROLL_ROOT", str(ROOT))
    return partial(prepared_job, tmp_path)


@pytest.fixture(params=["automatic", "manual", "every_second", "selecting"])
def prepared(request: pytest.FixtureRequest, prepare: Callable[..., Prepared]) -> Prepared:
    if request.param == "selecting":
        return prepare(batches=2, **SELECTING)
    return prepare(epochs=2, batches=3, optimization=request.param)


def prepared_job(tmp_path: Path, metric: str = "validation/loss", keep: str = "last", **training: Any) -> Prepared:
    declared = {
        "question": "Is every row there once?",
        "task": "line",
        "settings": {"training": training},
        "compare": {"network.hidden": [1]},
        "metric": metric,
        "keep": keep,
        "seeds": 1,
        "limits": {"checkpoint_seconds": 1e-9},
        "log_every_steps": 2,
        "wandb": {"mode": "disabled"},
    }
    (tmp_path / "study.yaml").write_text(json.dumps(declared), encoding="utf-8")
    study = load_study(tmp_path / "study.yaml")
    plan = make_plan(study, cache=tmp_path / "cache")
    (job,) = make_jobs(plan, study, cache=tmp_path / "cache")

    def ledger(name: str) -> Ledger:
        made = Ledger.create(tmp_path / name)
        made.save_plan(plan)
        made.register(job.trial)
        return made

    return job, ledger


def attempt(job: Job, ledger: Ledger, stop_asked: Callable[[], bool] = lambda: False) -> Outcome:
    return Attempt(job, ledger, stop_asked=stop_asked, fence=lambda: None, report=lambda _: None, guarded=False).run()


def history(ledger: Ledger) -> list[tuple[Any, ...]]:
    return ledger.history_frame(ledger.plan()).drop("seconds").rows()


def same_weights(ledger: Ledger, other: Ledger, job: Job) -> bool:
    """Whether both kept the same of a trial."""
    one, two = (each.trial(job.trial.id).weights.read() for each in (ledger, other))
    return one.keys() == two.keys() and all(torch.equal(part, two[name]) for name, part in one.items())


@contextmanager
def killed_at(write: int, moment: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Kill before or after the n-th durable write; gives the names of what was written."""
    real, written = files._temporary, []

    @contextmanager
    def temporary(path: Path, data: bytes, *, durable: bool) -> Iterator[Path]:
        if durable:
            written.append(f"{path.parent.name}/{path.name}")
            if len(written) == write and moment == "before":
                raise Killed
        with real(path, data, durable=durable) as made:
            yield made
        if durable and len(written) == write:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(files, "_temporary", temporary)
        yield written


def test_killed_between_any_two_writes(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    job, make_ledger = prepared
    whole = make_ledger("whole")
    with killed_at(0, "never", monkeypatch) as written:
        expected = attempt(job, whole)
    assert expected.status == "completed"
    assert sum(name.startswith("checkpoint/") for name in written) >= 6
    rows = history(whole)
    assert len({(row[0], row[3], row[5]) for row in rows}) == len(rows) >= 10
    for number in range(1, len(written) + 1):
        for moment in ("before", "after"):
            ledger = make_ledger(f"{moment}-{number}")
            with pytest.raises(Killed), killed_at(number, moment, monkeypatch):
                attempt(job, ledger)
            place = f"killed {moment} {written[number - 1]}"
            found = ledger.trial(job.trial.id).result() or attempt(job, ledger)
            assert (found.status, found.metrics) == ("completed", expected.metrics), place
            assert (found.steps, found.items) == (expected.steps, expected.items), place
            assert found.selected == expected.selected, place
            assert history(ledger) == rows, place
            ledger.trials_frame(ledger.plan())
            assert ledger.damage() == [], place
            assert same_weights(ledger, whole, job), place


def test_a_checkpoint_of_an_older_version_goes_on_from_its_step(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, make_ledger = prepared
    whole, broken = make_ledger("whole"), make_ledger("broken")
    expected = attempt(job, whole)
    with pytest.raises(Killed), killed_at(7, "after", monkeypatch):
        attempt(job, broken)
    store = CheckpointStore(broken.trial(job.trial.id).folder / "checkpoint")
    newest = store.load()
    assert newest
    step, data = newest
    store.save(data[data.index(b"PK") :], step=step)  # Lightning's state alone, without its place in the history
    assert attempt(job, broken).metrics == expected.metrics
    assert history(broken) == history(whole)


def test_killed_between_any_two_writes_again_and_again(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt ends before its fifth write: one checkpoint further on at most."""
    job, make_ledger = prepared
    whole, broken = make_ledger("whole"), make_ledger("broken")
    expected = attempt(job, whole)
    attempts = 0
    while broken.trial(job.trial.id).result() is None:
        attempts += 1
        try:
            with killed_at(3 + attempts % 3, ("before", "after")[attempts % 2], monkeypatch):
                attempt(job, broken)
        except Killed:
            assert attempts < 40
    found = broken.trial(job.trial.id).result()
    assert found
    assert attempts > 3
    assert (found.metrics, found.items, found.selected) == (expected.metrics, expected.items, expected.selected)
    assert history(broken) == history(whole)


def test_a_metric_named_like_a_column_is_refused_as_it_is_logged() -> None:
    logger = HistoryLogger(lambda: (1, 1, 0.5))
    logger.log_metrics({"train/loss": 1.0})
    with pytest.raises(UserError, match=r"^seconds: a metric must not be named like a column of the trials"):
        logger.log_metrics({"seconds": 2.0})
    assert logger.latest == {"train/loss": 1.0}


def test_an_outcome_tells_the_sources_that_ran_and_not_those_that_were_planned(
    prepared: Prepared,
) -> None:
    job, make_ledger = prepared
    ledger, planned = make_ledger("edited"), "0123456789abcdef"
    outcome = attempt(job.model_copy(update={"sources": planned}), ledger)
    assert outcome.sources == job.sources != planned, "the files that this process has imported"
    assert (ledger.root / "sources" / f"{outcome.sources}.json").is_file()
    assert ledger.changed(ledger.plan()) == {}
