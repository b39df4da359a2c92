"""The weights that a study keeps are those that it says, whatever happens to the trial; no number depends on it."""

import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.execution.test_log_rows import (
    SELECTING,
    Killed,
    Prepared,
    attempt,
    history,
    killed_at,
    prepare,
    quick_disk,
    same_weights,
)
from unroll.contract import UserError
from unroll.ledger import Ledger, Selected, StorageError, files
from unroll.ledger.outcome import Outcome
from unroll.study import load_task
from unroll.study.job import Job

__all__ = ["prepare", "quick_disk"]

BATCHES = 2


def loss_of_kept(job: Job, ledger: Ledger) -> float:
    """What a module with the kept weights logs for the test data."""
    task = load_task("line")
    module: Any = task.module(task.settings.model_validate(job.settings), None)
    module.load_state_dict(ledger.trial(job.trial.id).weights.read())
    (batch,) = task.data(task.settings.model_validate(job.settings), None, 0).test_dataloader()
    with torch.no_grad():
        return float((module.line(batch) - 3 * batch).square().mean())


def run(prepare: Callable[..., Prepared], name: str, **chosen: Any) -> tuple[Job, Ledger, Outcome]:
    job, make_ledger = prepare(batches=BATCHES, **chosen)
    ledger = make_ledger(name)
    return job, ledger, attempt(job, ledger)


@pytest.mark.parametrize("training", [{"epochs": 3}, SELECTING, {"epochs": 4, "patience": 1, "script": list("2311")}])
def test_what_is_kept_gives_the_tested_numbers_again(
    training: dict[str, Any], prepare: Callable[..., Prepared]
) -> None:
    job, ledger, outcome = run(prepare, "kept", **training)
    assert job.keep == "last"
    assert loss_of_kept(job, ledger) == pytest.approx(outcome.metrics["test/loss"], rel=1e-6)
    record = ledger.trial(job.trial.id).weights.describe()
    assert (record.which, record.selected) == ("last", outcome.selected)


def test_the_best_are_kept_where_the_last_are_tested(prepare: Callable[..., Prepared]) -> None:
    script = ["3", "1", "nan", "2"]
    job, ledger, outcome = run(prepare, "best", epochs=4, script=script, keep="best")
    _, last, same = run(prepare, "last", epochs=4, script=script)
    other, shorter, two = run(prepare, "shorter", epochs=2, script=script)
    assert (outcome.selected, outcome.metrics) == (None, same.metrics)
    assert job.trial.monitor is None
    assert repr(history(ledger)) == repr(history(last))
    assert loss_of_kept(job, ledger) == loss_of_kept(other, shorter) != loss_of_kept(job, last)
    record = ledger.trial(job.trial.id).weights.describe()
    assert (record.which, record.selected) == ("best", Selected(epoch=2, step=2 * BATCHES))
    assert two.metrics["test/loss"] == pytest.approx(loss_of_kept(job, ledger), rel=1e-6)


def test_no_number_and_no_id_depends_on_what_is_kept(prepare: Callable[..., Prepared]) -> None:
    found = []
    for keep in ("none", "last", "best"):
        job, ledger, outcome = run(prepare, keep, epochs=3, script=["2", "1", "3"], keep=keep)
        found.append((job.trial, outcome.metrics, outcome.steps, outcome.items, history(ledger)))
        folder = ledger.trial(job.trial.id).folder
        assert (folder / "weights.json").exists() == (folder / "weights.safetensors").exists() == (keep != "none")
        assert (ledger.root / "kept").exists() == (keep != "none")
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("fault", ["diverges", "raises"])
def test_what_has_not_completed_keeps_nothing(fault: str, prepare: Callable[..., Prepared]) -> None:
    job, ledger, outcome = run(prepare, "failed", epochs=5, fault=fault)
    assert outcome.status in ("diverged", "failed_user")
    assert not list(ledger.trial(job.trial.id).folder.glob("weights*"))


def test_killed_between_the_last_writes_it_keeps_the_same(
    prepare: Callable[..., Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between all others: ``test_log_rows``."""
    job, make_ledger = prepare(epochs=3, batches=BATCHES, script=["2", "1", "3"], keep="best")
    whole = make_ledger("whole")
    with killed_at(0, "never", monkeypatch) as written:
        expected = attempt(job, whole)
    weights = whole.trial(job.trial.id).weights.read()
    names = [name.rpartition("/")[2] for name in written]
    first = names.index("weights.safetensors")
    assert first < names.index("weights.json") < names.index("0001.json") == len(names) - 1
    for number, moment in itertools.product(range(first - 1, len(written) + 1), ("before", "after")):
        ledger = make_ledger(f"{moment}-{number}")
        records = ledger.trial(job.trial.id)
        with pytest.raises(Killed), killed_at(number, moment, monkeypatch):
            attempt(job, ledger)
        place = f"killed {moment} {written[number - 1]}"
        if records.weights.present:
            assert torch.equal(records.weights.read()["line.weight"], weights["line.weight"]), place
        else:
            assert records.result() is None, place
        found = records.result() or attempt(job, ledger)
        assert found.metrics == expected.metrics, place
        assert same_weights(ledger, whole, job), place
        assert ledger.damage() == [], place


def test_a_full_disk_loses_no_result(prepare: Callable[..., Prepared], monkeypatch: pytest.MonkeyPatch) -> None:
    job, make_ledger = prepare(epochs=2, batches=BATCHES)
    expected, ledger = attempt(job, make_ledger("whole")), make_ledger("full")
    real = files._write

    def full(path: Path, data: bytes, *, durable: bool) -> None:
        if "weights.safetensors" in path.name:
            real(path, data[: len(data) // 2], durable=durable)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(path, data, durable=durable)

    with monkeypatch.context() as patch:
        patch.setattr(files, "_write", full)
        with pytest.raises(StorageError, match=r"weights\.safetensors: .*No space left on device"):
            attempt(job, ledger)
    assert ledger.trial(job.trial.id).outcome() is None
    assert not list(ledger.trial(job.trial.id).folder.glob("weights*"))
    assert attempt(job, ledger).metrics == expected.metrics
    assert loss_of_kept(job, ledger) == pytest.approx(expected.metrics["test/loss"], rel=1e-6)


@pytest.mark.parametrize(("before", "after"), [("last", "best"), ("none", "best"), ("best", "last"), ("best", "none")])
def test_what_is_kept_may_change_while_a_trial_runs(before: str, after: str, prepare: Callable[..., Prepared]) -> None:
    script = {"epochs": 4, "batches": BATCHES, "script": ["3", "1", "4", "2"]}
    job, make_ledger = prepare(**script, keep=before)
    ledger, asked = make_ledger("changed"), itertools.count(1)
    assert attempt(job, ledger, lambda: next(asked) >= 3 * BATCHES).status == "stopped"
    changed, _ = prepare(**script, keep=after)
    whole, make_other = prepare(**script, keep=after)
    straight = make_other("straight")
    assert attempt(changed, ledger).metrics == attempt(whole, straight).metrics
    assert history(ledger) == history(straight)
    if after != "none":
        assert loss_of_kept(changed, ledger) == loss_of_kept(whole, straight)


def test_a_module_with_more_than_tensors_in_its_state_is_refused_before_anything_starts(
    prepare: Callable[..., Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare()
    from tasks.line.task import LineModule  # type: ignore[import-untyped]

    monkeypatch.setattr(LineModule, "get_extra_state", lambda _: {"a": 1}, raising=False)
    with pytest.raises(UserError, match=r"tasks/line/task.py: LineModule: a module whose weights are kept must have"):
        prepare(epochs=3)
    prepare(epochs=3, keep="none")
