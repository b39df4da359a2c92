"""The state of the best validation is tested, and training ends early, wherever and however often it is interrupted."""

import io
import itertools
import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings, strategies

from tests.execution.test_log_rows import SELECTING, Prepared, attempt, history, prepare, quick_disk
from unroll.contract import Direction, Selection, UserError
from unroll.execution.trial.conditions import Diverged
from unroll.execution.trial.selection import KeepBest
from unroll.ledger import CheckpointStore, Ledger
from unroll.ledger.outcome import Outcome, Selected
from unroll.study.job import Job

__all__ = ["prepare", "quick_disk"]

BATCHES = 2

CASES = [
    ("5 4 3 2 1", "validation/loss", None),
    ("1 2 3 4 5", "validation/loss", 2),
    ("1 2 2 nan 1", "validation/score", 2),
    ("nan inf 3 -inf 2 4 4", "validation/loss", None),
]


def select_slowly(values: Sequence[float], direction: Direction, patience: int | None) -> tuple[int, int | None]:
    """Epochs that are trained, and the best of them counted from one: by looking at everything again each time."""
    for epochs in range(1, len(values) + 1):
        finite = [(at, value) for at, value in enumerate(values[:epochs], 1) if math.isfinite(value)]
        reached = (min if direction == "minimize" else max)((value for _, value in finite), default=None)
        best = next((at for at, value in finite if value == reached), None)
        if epochs == len(values) or (patience is not None and epochs - (best or 0) >= patience):
            return epochs, best
    raise AssertionError("there is at least one epoch")


sequences = strategies.lists(
    strategies.sampled_from([0.0, 1.0, 2.0, 1.0 + 2**-52, 5e-324, math.nan, math.inf, -math.inf]) | strategies.floats(),
    min_size=1,
    max_size=12,
)


@settings(deadline=None)
@given(
    sequences,
    strategies.sampled_from(["minimize", "maximize"]),
    strategies.none() | strategies.integers(1, 4),
    strategies.sets(strategies.integers(1, 12)),
)
def test_as_a_slow_version_selects_also_when_resumed(
    values: list[float], direction: Direction, patience: int | None, resumed: set[int]
) -> None:
    """After the epochs ``resumed`` a new callback goes on from a checkpoint, and sees that epoch end again."""
    epochs, best = select_slowly(values, direction, patience)
    module, latest, at = torch.nn.Linear(1, 1), {"train/loss": 0.5}, [0]

    def keeper() -> KeepBest:
        return KeepBest(
            Selection(best=True, patience=patience),
            monitor="validation/x",
            direction=direction,
            latest=latest,
            position=lambda: (10 * at[0], at[0], 0.0),
        )

    trainer: Any = SimpleNamespace(fit_loop=SimpleNamespace(max_epochs=len(values)))
    keep = keeper()
    while at[0] < trainer.fit_loop.max_epochs:
        at[0] += 1
        torch.nn.init.constant_(module.weight, at[0])
        latest["validation/x"] = values[at[0] - 1]
        keep.on_train_epoch_end(trainer, module)  # type: ignore[arg-type]
        if at[0] in resumed:
            torch.save(keep.state_dict(), file := io.BytesIO())
            file.seek(0)
            keep = keeper()
            keep.load_state_dict(torch.load(file, weights_only=True))
            trainer.fit_loop.max_epochs = len(values)
            keep.on_fit_start(trainer, module)  # type: ignore[arg-type]
            keep.on_train_epoch_end(trainer, module)  # type: ignore[arg-type]
    assert at[0] == epochs
    if best is None:
        with pytest.raises(Diverged):
            keep.restore(module)  # type: ignore[arg-type]
    else:
        assert keep.restore(module) == Selected(epoch=best, step=10 * best)  # type: ignore[arg-type]
        assert module.weight.item() == best
        assert latest == {"train/loss": 0.5, "validation/x": values[best - 1]}


def run(prepare: Callable[..., Prepared], name: str, **training: Any) -> tuple[Job, Ledger, Outcome]:
    job, make_ledger = prepare(batches=BATCHES, **training)
    ledger = make_ledger(name)
    return job, ledger, attempt(job, ledger)


@pytest.mark.parametrize(("script", "metric", "patience"), CASES)
def test_a_trial_tests_what_the_slow_version_selects(
    script: str, metric: str, patience: int | None, prepare: Callable[..., Prepared]
) -> None:
    written = script.split()
    values = [float(value) for value in written]
    direction: Direction = "minimize" if metric == "validation/loss" else "maximize"
    epochs, best = select_slowly(values, direction, patience)
    assert best is not None
    chosen = {"metric": metric, "script": written}
    _, ledger, outcome = run(prepare, "best", epochs=len(values), select="best", patience=patience, **chosen)
    assert outcome.status == "completed"
    assert outcome.selected == Selected(epoch=best, step=best * BATCHES)
    assert outcome.metrics[metric] == values[best - 1]
    assert (outcome.steps, outcome.items) == (epochs * BATCHES, epochs * BATCHES * 3)
    logged = [(row[4], row[6]) for row in history(ledger) if row[5] == metric]
    assert repr(logged) == repr(list(enumerate(values[:epochs], 1))), "the history is what happened"
    tested = [row[4] for row in history(ledger) if row[5] == "test/loss"]
    assert tested == [epochs]
    shorter = run(prepare, "shorter", epochs=best, select="last", **{**chosen, "script": ["1"] * best})[2]
    assert shorter.selected is None
    assert outcome.metrics["test/loss"] == shorter.metrics["test/loss"]


def test_patience_without_selection_tests_the_last_state(prepare: Callable[..., Prepared]) -> None:
    written = ["3", "4", "2", "5", "6", "1"]
    _, _, ended = run(prepare, "ended", epochs=6, patience=2, script=written)
    _, _, shorter = run(prepare, "shorter", epochs=5, script=written)
    assert (ended.selected, ended.metrics, ended.steps) == (None, shorter.metrics, shorter.steps)


def test_stopped_at_every_step_and_resumed(prepare: Callable[..., Prepared]) -> None:
    job, ledger, expected = run(prepare, "whole", **SELECTING)
    assert expected.selected == Selected(epoch=3, step=3 * BATCHES)
    assert expected.steps == 5 * BATCHES
    _, make_ledger = prepare(batches=BATCHES, **SELECTING)
    for step in range(1, expected.steps + 1):
        broken = make_ledger(f"stopped-{step}")
        batches = itertools.count(1)
        stopped = attempt(job, broken, lambda batches=batches, step=step: next(batches) >= step)  # type: ignore[misc]
        assert (stopped.status, stopped.selected) == ("stopped", None)
        resumed = attempt(job, broken)
        assert compared(resumed) == compared(expected), f"stopped after {step} batches"
        assert repr(history(broken)) == repr(history(ledger)), f"stopped after {step} batches"


def compared(outcome: Outcome) -> tuple[Any, ...]:
    """Of an outcome, what no clock decides."""
    return outcome.status, outcome.metrics, outcome.selected, outcome.steps, outcome.items


def test_stopped_while_it_is_tested(prepare: Callable[..., Prepared], monkeypatch: pytest.MonkeyPatch) -> None:
    job, _, expected = run(prepare, "whole", **SELECTING)
    _, make_ledger = prepare(batches=BATCHES, **SELECTING)
    ledger = make_ledger("stopped")
    asked = itertools.count(1)
    stopped = attempt(job, ledger, lambda: next(asked) > expected.steps)
    assert stopped.status == "stopped"
    assert compared(attempt(job, ledger)) == compared(expected)


def test_a_damaged_checkpoint_costs_time_and_no_number(prepare: Callable[..., Prepared]) -> None:
    job, _, expected = run(prepare, "whole", **SELECTING)
    _, make_ledger = prepare(batches=BATCHES, **SELECTING)
    ledger, asked = make_ledger("damaged"), itertools.count(1)
    attempt(job, ledger, lambda: next(asked) >= expected.steps - 1)
    *_, newest = sorted((ledger.trial(job.trial.id).folder / "checkpoint").glob("*.checkpoint"))
    damaged = bytearray(newest.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    newest.write_bytes(damaged)
    assert compared(attempt(job, ledger)) == compared(expected)


def test_a_trial_that_diverges_after_a_good_epoch_has_diverged(prepare: Callable[..., Prepared]) -> None:
    _, _, outcome = run(prepare, "diverged", epochs=5, select="best", fault="diverges")
    assert (outcome.status, outcome.selected, outcome.steps) == ("diverged", None, 6)


def test_a_trial_without_a_finite_validation_has_diverged(prepare: Callable[..., Prepared]) -> None:
    _, _, outcome = run(prepare, "diverged", epochs=5, select="best", patience=3, script=["nan", "inf", "-inf", "1"])
    assert (outcome.status, outcome.selected, outcome.steps) == ("diverged", None, 3 * BATCHES)
    assert outcome.message == "validation/loss became -inf at step 6"


def test_a_bad_validation_at_the_end_ruins_nothing_that_was_selected(prepare: Callable[..., Prepared]) -> None:
    _, _, best = run(prepare, "best", epochs=2, select="best", script=["1", "nan"])
    _, _, last = run(prepare, "last", epochs=2, select="last", script=["1", "nan"])
    assert (best.status, last.status) == ("completed", "diverged")


def test_a_validation_that_never_logs_what_selects_is_the_task_s_mistake(prepare: Callable[..., Prepared]) -> None:
    job, make_ledger = prepare(epochs=2, select="best", fault="forgets")
    outcome = attempt(job, make_ledger("forgotten"))
    assert outcome.status == "failed_user"
    assert outcome.message.startswith("validation/loss: a validation must log the metric that selects the state")


def test_who_selects_nothing_keeps_nothing(prepare: Callable[..., Prepared]) -> None:
    job, make_ledger = prepare(epochs=2)
    assert job.trial.monitor is None
    ledger, asked = make_ledger("plain"), itertools.count(1)
    attempt(job, ledger, lambda: next(asked) >= 3)
    found = CheckpointStore(ledger.trial(job.trial.id).folder / "checkpoint").load()
    assert found
    assert b"KeepBest" not in found[1]


def test_the_monitored_metric_is_part_of_the_identity(prepare: Callable[..., Prepared]) -> None:
    monitors = {}
    for metric in ("validation/loss", "validation/score", "test/loss"):
        (best, _), (plain, _) = prepare(metric=metric, select="best"), prepare(metric=metric)
        monitors[metric] = (best.trial.monitor, best.trial.id, plain.trial.id)
    chosen = [monitor for monitor, _, _ in monitors.values()]
    assert chosen == ["validation/loss", "validation/score", "validation/loss"]
    assert monitors["test/loss"][1] == monitors["validation/loss"][1] != monitors["validation/score"][1]
    assert len({plain for _, _, plain in monitors.values()}) == 1


def test_patience_is_at_least_one_validation() -> None:
    with pytest.raises(UserError, match=r"^patience must be at least 1"):
        Selection(patience=0)
