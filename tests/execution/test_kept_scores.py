"""What test examples added to metrics is written before the outcome that has these, whole or not at all."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.execution.test_log_rows import Killed, Prepared, attempt, killed_at, prepare, quick_disk
from unroll.contract import ExampleScores, Formula
from unroll.study import load_task

__all__ = ["prepare", "quick_disk"]


@pytest.fixture
def scoring(monkeypatch: pytest.MonkeyPatch, prepare: Callable[..., Prepared]) -> None:
    """Lets the task of these tests say what each of its test examples added; one of its metrics is never logged."""

    def example_scores(task: object, settings: Any, dataset: object, module: Any) -> ExampleScores:
        (batch,) = load_task("line").data(settings, None, 0).test_dataloader()
        with torch.no_grad():
            squares = (module.line(batch) - 3 * batch).square().flatten()
        metrics = {"test/loss": Formula.share("squares"), "test/never": Formula.share("squares")}
        return ExampleScores(test_set="points", sums={"squares": squares.numpy()}, metrics=metrics)

    job, _ = prepare(epochs=1, batches=1)
    monkeypatch.setattr(type(load_task(job.trial.task)), "example_scores", example_scores)


@pytest.mark.usefixtures("scoring")
def test_killed_between_the_last_writes_it_keeps_the_same(
    prepare: Callable[..., Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, make_ledger = prepare(epochs=2, batches=2)
    whole = make_ledger("whole")
    with killed_at(0, "never", monkeypatch) as written:
        expected = attempt(job, whole)
    scores = whole.trial(job.trial.id).scores.read()
    assert scores is not None
    assert scores[0].metrics.keys() == {"test/loss"}, "what was logged"
    known = whole.trial(job.trial.id).scores.of("test/loss")
    assert known is not None
    assert known[1]["squares"].mean() == pytest.approx(expected.metrics["test/loss"], rel=1e-6)
    names = [name.rpartition("/")[2] for name in written]
    first = names.index("scores.parquet")
    assert first < names.index("scores.json") < names.index("0001.json") == len(names) - 1
    for number, moment in itertools.product(range(first, names.index("scores.json") + 3), ("before", "after")):
        ledger = make_ledger(f"{moment}-{number}")
        records = ledger.trial(job.trial.id)
        with pytest.raises(Killed), killed_at(number, moment, monkeypatch):
            attempt(job, ledger)
        place = f"killed {moment} {written[number - 1]}"
        assert records.scores.read() in (None, scores), place
        assert records.result() is None, place
        assert ledger.damage() == [], place
        assert attempt(job, ledger).metrics == expected.metrics, place
        assert records.scores.read() == scores, place
