"""What an attempt leaves behind: history, progress notes, its outcome."""

from __future__ import annotations

import math
import os
import socket
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytorch_lightning as pl

from unroll.execution.trial import process
from unroll.execution.trial.callbacks import Stopwatch
from unroll.execution.trial.history import HistoryLogger
from unroll.ledger import TrialRecords, write_atomic
from unroll.ledger.outcome import HistoryRow, Outcome, Progress, Selected, Status
from unroll.study.job import Job

TRACEBACK = "traceback.txt"
"""In a trial's folder: the exception that ended the last failed attempt."""


class Recorder:
    """Knows where an attempt is and writes it down.

    Args:
        job: the trial and what its worker needs.
        records: the trial's, in the study's ledger.
    """

    def __init__(self, job: Job, records: TrialRecords) -> None:
        self._job, self._records = job, records
        self._started = datetime.now(UTC)
        self._noted_at = 0.0
        self._trainer: pl.Trainer | None = None
        self._module: Any = None
        self._steps: int | None = None
        self._conditions: Callable[[], Mapping[str, str]] = dict
        self.sources = job.sources
        """Digest of the source files that run here, which may have been changed since the study was planned."""
        self.selected: Selected | None = None
        """Where the state that is tested was taken, once that is decided."""
        self.stopwatch = Stopwatch()
        self.logger = HistoryLogger(self.position)

    @property
    def threads(self) -> int:
        """Threads that the trial computes with: its whole cores, at least one."""
        return max(1, math.floor(self._job.resources.cpus))

    def follow(
        self, trainer: pl.Trainer, module: Any, *, steps: int | None, conditions: Callable[[], Mapping[str, str]]
    ) -> None:
        """From now on the position is this trainer's.

        Args:
            trainer: what trains.
            module: what is trained.
            steps: the length of the whole run, if known.
            conditions: how the module has computed so far (``contract.Task.conditions``).
        """
        self._trainer, self._module, self._steps, self._conditions = trainer, module, steps, conditions
        self.stopwatch.start()

    def position(self) -> tuple[int, int, float]:
        """Optimizer steps done, epoch counted from one, seconds of the trial."""
        trainer = self._trainer
        step = trainer.global_step if trainer else 0
        epoch = min(trainer.current_epoch + 1, trainer.max_epochs or 0) if trainer else 0
        return step, epoch, self.stopwatch.seconds

    def add_row(self, metric: str, value: float) -> None:
        """Log one value that Lightning did not."""
        step, epoch, seconds = self.position()
        self.logger.add(HistoryRow(step=step, epoch=epoch, seconds=seconds, metric=metric, value=value))

    def write_history(self, step: int) -> int:
        """Make the rows up to ``step`` durable; gives their place in the history."""
        return self._records.append_history(self.logger.take(step), step=step)

    def note_progress(self, *, every: float = 0.0) -> None:
        """Leave a passing note for people, unless the last one is younger than ``every`` seconds."""
        if time.monotonic() - self._noted_at < every:
            return
        self._noted_at = time.monotonic()
        step, epoch, seconds = self.position()
        note = Progress(
            trial=self._job.trial.id,
            host=socket.gethostname(),
            pid=os.getpid(),
            step=step,
            epoch=epoch,
            steps=self._steps,
            seconds=seconds,
            updated=time.time(),
            metrics=dict(self.logger.latest),
        )
        with suppress(OSError):  # what must not be lost goes into records
            self._records.note_progress(note)

    def outcome(self, status: Status, message: str = "") -> Outcome:
        """How the attempt ended, as it stands now."""
        step, _, seconds = self.position()
        return Outcome(
            trial=self._job.trial.id,
            status=status,
            message=message,
            metrics=dict(self.logger.latest),
            sources=self.sources,
            selected=self.selected,
            steps=step,
            items=int(getattr(self._module, "items_seen", 0)),
            seconds=seconds,
            started=self._started.isoformat(timespec="seconds"),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            environment={
                **self._conditions(),
                **process.environment(threads=self.threads, gpus=self._job.resources.gpus),
            },
        )

    def settle(self, outcome: Outcome) -> None:
        """Make history and outcome durable, in this order; a stopped trial's history ends at its checkpoint."""
        if outcome.status != "stopped":
            self.write_history(outcome.steps)
        self._records.record(outcome)

    def keep_traceback(self, error: Exception) -> None:
        """Write the exception beside the trial's records."""
        text = "".join(traceback.format_exception(error))
        write_atomic(self._records.folder / TRACEBACK, text.encode())
