"""A trial stopped after any step and taken up again, by other means, is bit for bit the trial that was left alone."""

import errno
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from tests.tasks.variants import Variant
from unroll.execution.trial.attempt import Attempt, Update
from unroll.ledger import CheckpointStore, Ledger, StorageError
from unroll.ledger.outcome import Outcome
from unroll.study import discover_tasks, load_study, load_task, make_jobs, make_plan
from unroll.study.job import Job


def study_of(name: str) -> dict[str, Any]:
    """A study of one trial: a task that was found, as small as it can be, in several batches and with dropout."""
    settings = Variant(name, {}).settings(12, batch=2, dropout=0.2).model_dump(mode="json", exclude_defaults=True)
    size = load_task(name).size_setting
    section, _, field = size.partition(".")
    settings.get(section, {}).pop(field, None)  # it is what the study varies
    return {
        "question": "Is a stopped trial the same trial?",
        "task": name,
        "settings": settings,
        "compare": {size: [4]},
        "seeds": 1,
        "wandb": {"mode": "disabled"},
        "limits": {"checkpoint_seconds": 1e6},
        "log_every_steps": 1,
    }


@pytest.fixture(scope="module", params=discover_tasks())
def prepared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Job, Callable[[Path], Ledger]]:
    folder = tmp_path_factory.mktemp("resume")
    (folder / "study.yaml").write_text(json.dumps(study_of(request.param)), encoding="utf-8")
    study = load_study(folder / "study.yaml")
    plan = make_plan(study, cache=folder / "cache")
    (job,) = make_jobs(plan, study, cache=folder / "cache")

    def ledger(at: Path) -> Ledger:
        made = Ledger.create(at)
        made.save_plan(plan)
        made.register(job.trial)
        return made

    return job, ledger


def attempt(job: Job, ledger: Ledger, *, stop_after: int | None = None) -> Outcome:
    """Run one attempt; from optimizer step ``stop_after`` on it is asked to stop, which it does between two batches."""
    holder: list[Attempt] = []

    def asked() -> bool:
        return stop_after is not None and holder[0].recorder.position()[0] >= stop_after

    def report(update: Update) -> None:
        assert update.epoch >= 1

    holder.append(Attempt(job, ledger, stop_asked=asked, fence=lambda: None, report=report, guarded=False))
    return holder[0].run()


def history(ledger: Ledger) -> pl.DataFrame:
    return ledger.history_frame(ledger.plan()).drop("seconds").sort("step", "metric")


def disturb() -> None:
    """Leave the process in another state than it was found in."""
    torch.manual_seed(random.randrange(2**31))
    np.random.seed(random.randrange(2**31))
    torch.rand(17)


def test_every_step_is_a_good_place_to_stop(prepared: tuple[Job, Callable[[Path], Ledger]], tmp_path: Path) -> None:
    job, make_ledger = prepared
    whole = make_ledger(tmp_path / "whole")
    expected = attempt(job, whole)
    assert expected.status == "completed"
    assert expected.steps >= 8
    step = 0
    places = []
    while True:
        ledger = make_ledger(tmp_path / f"stopped-{step}")
        stopped = attempt(job, ledger, stop_after=step + 1)
        step = stopped.steps
        if step == expected.steps:
            break
        places.append(step)
        assert stopped.status == "stopped"
        disturb()
        resumed = attempt(job, ledger)
        assert (resumed.status, resumed.metrics) == ("completed", expected.metrics), f"stopped at {step}"
        assert (resumed.steps, resumed.items) == (expected.steps, expected.items)
        assert history(ledger).equals(history(whole)), f"stopped at {step}"
        kept, same = (each.trial(job.trial.id).scores.read() for each in (ledger, whole))
        assert kept == same, f"stopped at {step}"
    assert len(places) >= 8, "in the middle of epochs and between them"


def test_a_trial_stopped_at_every_step_in_turn_is_still_the_same(
    prepared: tuple[Job, Callable[[Path], Ledger]], tmp_path: Path
) -> None:
    job, make_ledger = prepared
    whole, broken = make_ledger(tmp_path / "whole"), make_ledger(tmp_path / "broken")
    expected = attempt(job, whole)
    stopped = attempt(job, broken, stop_after=1)
    while stopped.status == "stopped":
        disturb()
        stopped = attempt(job, broken, stop_after=stopped.steps + 1)
    assert stopped.metrics == expected.metrics
    assert history(broken).equals(history(whole))


def test_a_full_disk_ends_the_attempt_and_the_last_state_stays(
    prepared: tuple[Job, Callable[[Path], Ledger]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, make_ledger = prepared
    expected = attempt(job, make_ledger(tmp_path / "whole"))
    ledger = make_ledger(tmp_path / "full")
    stopped = attempt(job, ledger, stop_after=5)
    assert stopped.status == "stopped"

    def full(store: CheckpointStore, data: bytes, *, step: int) -> None:
        raise StorageError(tmp_path, OSError(errno.ENOSPC, "No space left on device"))

    with monkeypatch.context() as patched:
        patched.setattr(CheckpointStore, "save", full)
        with pytest.raises(StorageError, match="must be writable and have space"):
            attempt(job, ledger, stop_after=stopped.steps + 1)
    assert ledger.trial(job.trial.id).outcome() == stopped
    assert attempt(job, ledger).metrics == expected.metrics
