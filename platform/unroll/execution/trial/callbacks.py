"""What the platform adds to Lightning's training loop: one small callback per promise."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch

from unroll.execution.trial import process
from unroll.execution.trial.conditions import Diverged, Stopped
from unroll.execution.trial.lightning_internals import restore_loader

if TYPE_CHECKING:
    from unroll.execution.trial.checkpoint_io import LedgerCheckpointIO


class Reseed(pl.Callback):
    """Counter-based randomness: every batch starts from (seed, optimizer step), so a resumed run draws the same."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: pl.Trainer, *args: Any) -> None:  # noqa: ARG002
        """Seed the batch."""
        process.reseed(self.seed, trainer.global_step, "train")

    def on_validation_epoch_start(self, trainer: pl.Trainer, *args: Any) -> None:  # noqa: ARG002
        """Seed the validation."""
        process.reseed(self.seed, trainer.global_step, "validation")

    def on_test_epoch_start(self, trainer: pl.Trainer, *args: Any) -> None:  # noqa: ARG002
        """Seed the test."""
        process.reseed(self.seed, trainer.global_step, "test")


class RestoreOrder(pl.Callback):
    """Puts the training loader where the checkpoint was taken."""

    def on_train_start(self, trainer: pl.Trainer, *args: Any) -> None:  # noqa: ARG002
        """Load what Lightning has not loaded."""
        restore_loader(trainer)


class StopAtDivergence(pl.Callback):
    """Ends the trial at the first training loss that is not a finite number."""

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, *args: Any) -> None:  # noqa: ARG002
        """Look at the loss of this batch.

        Raises:
            Diverged: it is NaN or infinite.
        """
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if isinstance(loss, torch.Tensor) and not math.isfinite(value := loss.item()):
            raise Diverged(step=trainer.global_step, metric="train/loss", value=value)


class Stopwatch(pl.Callback):
    """Seconds that a trial has been trained and evaluated for, summed over its attempts; preparations do not count."""

    def __init__(self) -> None:
        self._before = 0.0
        self._since: float | None = None

    def start(self) -> None:
        """Begin to count."""
        self._since = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self._before + (0.0 if self._since is None else time.perf_counter() - self._since)

    def state_dict(self) -> dict[str, Any]:
        """Kept in the checkpoint."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the checkpoint's time."""
        self._before = float(state_dict["seconds"])
        self.start()


class LatestMetrics(pl.Callback):
    """Carries the last value of every metric through a checkpoint: a resumed trial may skip a validation it has had.

    The checkpoint lacks what was logged between its capture and its commit, the history has it; but the history may
    have lost a part, and the checkpoint has that.

    Args:
        latest: metric -> its last value, kept up to date by whoever logs.
        logged: reads the same from the history, once that is rewound to the checkpoint.
    """

    def __init__(self, latest: dict[str, float], logged: Callable[[], Mapping[str, float]]) -> None:
        self.latest, self._logged = latest, logged

    def state_dict(self) -> dict[str, Any]:
        """Kept in the checkpoint."""
        return dict(self.latest)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the checkpoint's values, and what was logged until it was written."""
        self.latest.update(state_dict)
        self.latest.update(self._logged())


class KeepCheckpoints(pl.Callback):
    """Captures the state from time to time, commits it when its log rows are out, and stops the trial when asked.

    When a capture happens depends on the clock; what is trained does not.

    Args:
        checkpoint_io: where captures go.
        every_seconds: time between captures.
        stop_asked: whether the trial is to stop; it does so at the next committed checkpoint.
        before_commit: writes the log rows up to and including the given step, and gives their place in the history;
            raises if nothing may be written.
    """

    def __init__(
        self,
        checkpoint_io: LedgerCheckpointIO,
        *,
        every_seconds: float,
        stop_asked: Callable[[], bool],
        before_commit: Callable[[int], int],
    ) -> None:
        self._io = checkpoint_io
        self._every = every_seconds
        self._stop_asked = stop_asked
        self._before_commit = before_commit
        self._last = time.monotonic()
        self._stopping = False

    def _capture_if_due(self, trainer: pl.Trainer) -> None:
        self._stopping = self._stop_asked()
        if self._stopping or time.monotonic() - self._last >= self._every:
            trainer.save_checkpoint("captured in memory")
            self._last = time.monotonic()

    def _commit(self) -> None:
        if self._io.captured_step is not None:
            self._io.commit(place=self._before_commit(self._io.captured_step))
            self._last = time.monotonic()
            if self._stopping:
                raise Stopped

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:  # noqa: ARG002
        """Capture in the middle of an epoch; at its end :meth:`on_train_epoch_end` does, after the validation."""
        if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self._capture_if_due(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, *args: Any) -> None:  # noqa: ARG002
        """Capture between epochs."""
        self._capture_if_due(trainer)

    def on_train_batch_start(self, *args: Any) -> None:  # noqa: ARG002
        """Commit what the last batch's end captured."""
        self._commit()

    def on_train_epoch_start(self, *args: Any) -> None:  # noqa: ARG002
        """Commit what the last epoch's end captured."""
        self._commit()

    def on_train_end(self, *args: Any) -> None:  # noqa: ARG002
        """Commit what the last epoch's end captured."""
        self._commit()

    def on_test_batch_end(self, *args: Any) -> None:  # noqa: ARG002
        """Stop at once: the test starts anew from the last checkpoint.

        Raises:
            Stopped: somebody asked for it.
        """
        if self._stop_asked():
            raise Stopped


class Heartbeat(pl.Callback):
    """Calls back after every batch of training, validation and test."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat

    def on_train_batch_end(self, *args: Any) -> None:  # noqa: ARG002
        """A training batch is done."""
        self._beat()

    def on_validation_batch_end(self, *args: Any) -> None:  # noqa: ARG002
        """A validation batch is done."""
        self._beat()

    def on_test_batch_end(self, *args: Any) -> None:  # noqa: ARG002
        """A test batch is done."""
        self._beat()


class ReportValidation(pl.Callback):
    """Hands the metrics of every validation on to whoever schedules the trial."""

    def __init__(self, report: Callable[[], None]) -> None:
        self._report = report

    def on_train_epoch_end(self, *args: Any) -> None:  # noqa: ARG002
        """An epoch with its validation is done."""
        self._report()
