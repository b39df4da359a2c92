"""One attempt at a trial: build, resume where the last attempt was saved, train, test, and say how it ended."""

from __future__ import annotations

import math
import os
import socket
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from unroll.contract import UserError, derive_seed
from unroll.execution import callbacks, process
from unroll.execution.checkpoint_io import LedgerCheckpointIO
from unroll.execution.conditions import Diverged, Stopped, classify
from unroll.execution.history import HistoryLogger
from unroll.ledger import CheckpointStore, Ledger
from unroll.ledger.files import write_atomic
from unroll.ledger.outcome import HistoryRow, Outcome, Progress, Status
from unroll.study import load_task
from unroll.study.job import Job
from unroll.tracking import Mirror, mirror

STACKS = "stacks.txt"
"""In a trial's folder: where the process was when it stopped making progress."""
TRACEBACK = "traceback.txt"
"""In a trial's folder: the exception that ended the last failed attempt."""


@dataclass(frozen=True, slots=True)
class Update:
    """What a scheduler sees after each validation."""

    step: int
    epoch: int
    metrics: dict[str, float]


class Attempt:
    """One attempt at a trial, run from start to end by :meth:`run`.

    Args:
        job: the trial and what its worker needs.
        ledger: the study's record of truth.
        stop_asked: polled after every batch; True makes the attempt save its state and stop.
        report: called after every validation.
        guarded: whether a watchdog may end this process when there is no progress.
    """

    def __init__(
        self,
        job: Job,
        ledger: Ledger,
        *,
        stop_asked: Callable[[], bool],
        report: Callable[[Update], None],
        guarded: bool,
    ) -> None:
        self.job, self.ledger = job, ledger
        self._stop_asked, self._report, self._guarded = stop_asked, report, guarded
        self._started = datetime.now(UTC)
        self._threads = max(1, math.floor(job.resources.cpus))
        self._folder = ledger.folder(job.trial.id)
        self._io = LedgerCheckpointIO(CheckpointStore(self._folder / "checkpoint"))
        self._stopwatch = callbacks.Stopwatch()
        self._history = HistoryLogger(self._clock)
        self._watchdog = process.Watchdog(self._folder / STACKS, seconds=job.limits.no_progress_seconds)
        self._trainer: pl.Trainer | None = None
        self._module: Any = None
        self._steps: int | None = None
        self._noted_at = 0.0

    def run(self) -> Outcome:
        """Train and test; whatever happens inside becomes an outcome, recorded in the ledger and mirrored.

        Raises:
            OSError: the results folder cannot be written.
        """
        process.quieten()
        process.pin(threads=self._threads, seed=derive_seed(self.job.trial.seed, "process"))
        with self._mirror() as mirrored:
            outcome = self._attempt(mirrored)
            self._settle(outcome)
            mirrored.finish(outcome.status, outcome.metrics)
        return outcome

    def _mirror(self) -> Any:
        trial, wandb = self.job.trial, self.job.wandb
        return mirror(
            mode=wandb.mode,
            project=wandb.project,
            entity=wandb.entity,
            run_id=trial.id,
            group=trial.study,
            job_type=trial.phase,
            name=f"{trial.arm} seed {trial.seed}",
            tags=[trial.task, trial.arm],
            config={**trial.settings, "study": trial.study, "arm": trial.arm, "seed": trial.seed},
            folder=self.ledger.root,
        )

    def _attempt(self, mirrored: Mirror) -> Outcome:
        try:
            self._train(mirrored)
            return self._outcome("completed")
        except Diverged as diverged:
            self._add_row("train/loss", diverged.loss)
            return self._outcome("diverged", str(diverged))
        except Stopped:
            return self._outcome("stopped", f"stopped on request at step {self._clock()[0]}")
        except UserError as error:
            return self._outcome("failed_user", str(error))
        except Exception as error:
            status = classify(error)
            if status == "failed_infrastructure":
                raise
            self._keep_traceback(error)
            return self._outcome(status, f"{type(error).__name__}: {error}".splitlines()[0])
        finally:
            self._watchdog.close()

    def _train(self, mirrored: Mirror) -> None:
        trial = self.job.trial
        task = load_task(trial.task)
        settings = task.settings.model_validate(self.job.settings)
        dataset = task.prepare(settings, Path(self.job.cache))
        self._check_data(dataset.fingerprint)
        self._steps = task.steps(settings, dataset)
        self._module = task.module(settings, dataset)
        self._module.initialise(trial.seed)
        data = task.data(settings, dataset, trial.seed)
        self._trainer = self._build_trainer(task.epochs(settings), mirrored)
        resumed = self._resume_point()
        self._trainer.fit(self._module, datamodule=data, ckpt_path=resumed, weights_only=True)
        self._trainer.test(self._module, datamodule=data, verbose=False)

    def _check_data(self, fingerprint: str) -> None:
        if fingerprint != self.job.trial.fingerprint:
            raise UserError(
                "the data on this node must be the data that the study was planned with",
                where=socket.gethostname(),
                received=f"fingerprint {fingerprint}, planned {self.job.trial.fingerprint}",
            )

    def _resume_point(self) -> str | None:
        found = self._io.store.load()
        self.ledger.rewind_history(self.job.trial.id, found[0] if found else -1)
        return "newest in the ledger" if found else None

    def _build_trainer(self, epochs: int, mirrored: Mirror) -> pl.Trainer:
        gpu = self.job.resources.gpus > 0
        return pl.Trainer(
            accelerator="gpu" if gpu else "cpu",
            devices=1,
            max_epochs=epochs,
            logger=[self._history, *mirrored.loggers()],
            callbacks=self._callbacks(),
            log_every_n_steps=self.job.log_every_steps,
            plugins=[LightningEnvironment(), self._io],
            deterministic="warn" if gpu else None,
            num_sanity_val_steps=0,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=self._folder,
        )

    def _callbacks(self) -> list[pl.Callback]:
        keep = callbacks.KeepCheckpoints(
            self._io,
            every_seconds=self.job.limits.checkpoint_seconds,
            stop_asked=self._stop_asked,
            before_commit=self._write_history,
        )
        return [
            keep,  # first at a batch's start: what the last batch captured is committed before anything changes
            callbacks.Reseed(self.job.trial.seed),
            self._stopwatch,
            callbacks.LatestMetrics(self._history.latest),
            callbacks.StopAtDivergence(),
            callbacks.Heartbeat(self._beat),
            callbacks.ReportValidation(self._report_validation),
        ]

    def _clock(self) -> tuple[int, int, float]:
        trainer = self._trainer
        step = trainer.global_step if trainer else 0
        epoch = min(trainer.current_epoch + 1, trainer.max_epochs or 0) if trainer else 0
        return step, epoch, self._stopwatch.seconds

    def _add_row(self, metric: str, value: float) -> None:
        step, epoch, seconds = self._clock()
        self._history.add(HistoryRow(step=step, epoch=epoch, seconds=seconds, metric=metric, value=value))

    def _write_history(self, step: int) -> None:
        self.ledger.append_history(self.job.trial.id, self._history.take(step), step=step)

    def _report_validation(self) -> None:
        step, epoch, _ = self._clock()
        self._note_progress()
        self._report(Update(step=step, epoch=epoch, metrics=dict(self._history.latest)))

    def _beat(self) -> None:
        if self._guarded:
            self._watchdog.feed()
        if time.monotonic() - self._noted_at >= 1.0:
            self._note_progress()

    def _note_progress(self) -> None:
        self._noted_at = time.monotonic()
        step, epoch, seconds = self._clock()
        note = Progress(
            trial=self.job.trial.id,
            host=socket.gethostname(),
            pid=os.getpid(),
            step=step,
            epoch=epoch,
            steps=self._steps,
            seconds=seconds,
            updated=time.time(),
            metrics=dict(self._history.latest),
        )
        with suppress(OSError):  # a passing note; what must not be lost goes into records
            self.ledger.note_progress(note)

    def _outcome(self, status: Status, message: str = "") -> Outcome:
        step, _, seconds = self._clock()
        return Outcome(
            trial=self.job.trial.id,
            status=status,
            message=message,
            metrics=dict(self._history.latest),
            steps=step,
            items=int(getattr(self._module, "items_seen", 0)),
            seconds=seconds,
            started=self._started.isoformat(timespec="seconds"),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            environment=process.environment(threads=self._threads, gpus=self.job.resources.gpus),
        )

    def _settle(self, outcome: Outcome) -> None:
        """Make history and outcome durable, in this order, and drop checkpoints that nobody will need."""
        if outcome.status != "stopped":
            self._write_history(outcome.steps)
        self.ledger.record(outcome)
        if outcome.status in ("completed", "diverged", "failed_user"):
            self._io.store.clear()

    def _keep_traceback(self, error: Exception) -> None:
        text = "".join(traceback.format_exception(error))
        write_atomic(self._folder / TRACEBACK, text.encode())
