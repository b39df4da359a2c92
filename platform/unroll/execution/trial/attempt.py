"""One attempt at a trial: build, resume where the last attempt was saved, train, test, and record how it ended."""

from __future__ import annotations

import math
import socket
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from unroll.contract import Example, ExampleScores, Selection, UserError, derive_seed
from unroll.execution.trial import callbacks, process
from unroll.execution.trial.checkpoint_io import LedgerCheckpointIO
from unroll.execution.trial.conditions import BegunWithDiverged, Diverged, Stopped, classify
from unroll.execution.trial.recorder import Recorder
from unroll.execution.trial.selection import KeepBest
from unroll.execution.trial.warm_start import begin_with, read_weights
from unroll.ledger import CheckpointStore, Fenced, Ledger, ShownExamples, StorageError
from unroll.ledger.outcome import Outcome
from unroll.study import load_task, set_locations
from unroll.study.job import Job
from unroll.study.project import AnyTask
from unroll.study.sources import digest_sources, find_loaded_sources
from unroll.tracking import Mirror, mirror

STACKS = "stacks.txt"
"""In a trial's folder: where the process was when it stopped making progress."""


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
        fence: called before anything durable is written; raises :class:`Fenced` if that may not be.
        report: called after every validation.
        guarded: whether a watchdog may end this process when there is no progress.
    """

    def __init__(
        self,
        job: Job,
        ledger: Ledger,
        *,
        stop_asked: Callable[[], bool],
        fence: Callable[[], None],
        report: Callable[[Update], None],
        guarded: bool,
    ) -> None:
        self._job, self._ledger = job, ledger
        self._stop_asked, self._fence, self._report, self._guarded = stop_asked, fence, report, guarded
        self._records = ledger.trial(job.trial.id)
        self._io = LedgerCheckpointIO(
            CheckpointStore(self._records.folder / "checkpoint"), sources=job.sources, fence=fence
        )
        self._watchdog = process.Watchdog(self._records.folder / STACKS, seconds=job.limits.no_progress_seconds)
        self.recorder = Recorder(job, self._records)

    def run(self) -> Outcome:
        """Train and test; whatever happens inside becomes an outcome, recorded in the ledger and mirrored.

        Raises:
            OSError: the infrastructure failed, the results folder above all.
            Fenced: the results folder has another owner or the trial another attempt; nothing was written since.
        """
        process.quieten()
        process.pin(threads=self.recorder.threads, seed=derive_seed(self._job.trial.seed, "process"))
        with self._mirror() as mirrored:
            outcome = self._attempt(mirrored)
            self._fence()
            self.recorder.settle(outcome)
            if outcome.status in ("completed", "diverged", "failed_user"):
                self._io.store.clear()
            mirrored.finish(outcome.status, outcome.metrics)
        return outcome

    def forget(self) -> None:
        """Remove what was saved to go on from: the trial has its result."""
        self._io.store.clear()

    def _mirror(self) -> AbstractContextManager[Mirror]:
        trial, wandb = self._job.trial, self._job.wandb
        return mirror(
            mode=wandb.mode,
            project=wandb.project,
            entity=wandb.entity,
            run_id=trial.id,
            group=trial.study,
            job_type=trial.phase,
            name=trial.name,
            tags=[trial.task, trial.arm],
            config={**trial.settings, "study": trial.study, "arm": trial.arm, "seed": trial.seed},
            folder=self._ledger.root,
        )

    def _attempt(self, mirrored: Mirror) -> Outcome:
        try:
            self.beat()
            self._train(mirrored)
            return self.recorder.outcome("completed", mirrored.problem or "")
        except Diverged as diverged:
            self.recorder.add_row(diverged.metric, diverged.value)
            return self.recorder.outcome("diverged", str(diverged))
        except BegunWithDiverged as begun:
            return self.recorder.outcome("diverged", str(begun))
        except Stopped:
            return self.recorder.outcome("stopped", f"stopped on request at step {self.recorder.position()[0]}")
        except (StorageError, Fenced):
            raise  # a disk's failure, although it is a UserError; and an attempt that lost its trial
        except UserError as error:
            return self.recorder.outcome("failed_user", str(error))
        except Exception as error:
            status = classify(error)
            if status == "failed_infrastructure":
                raise
            self.recorder.keep_traceback(error)
            line = f"{type(error).__name__}: {error}".splitlines()[0]
            return self.recorder.outcome(status, f"{line}{_place(error)}")
        finally:
            self._watchdog.close()

    def _train(self, mirrored: Mirror) -> None:
        trial = self._job.trial
        self._note_sources()
        weights = None if trial.warm_start is None else read_weights(self._ledger, trial.warm_start)
        task = load_task(trial.task)
        settings = task.settings.model_validate(self._job.settings)
        dataset = task.prepare(settings, Path(self._job.cache))
        if dataset.fingerprint != trial.fingerprint:
            raise UserError(
                "the data on this node must be the data that the study was planned with",
                where=socket.gethostname(),
                received=f"fingerprint {dataset.fingerprint}, planned {trial.fingerprint}",
            )
        keeps = self._job.keep != "none"
        kept = self._records.weights.keep(task.kept(settings, dataset)) if keeps else ""  # a mistake costs no training
        module = task.module(settings, dataset)
        module.initialise(trial.seed)  # type: ignore[operator]  # contract.TrainingModule
        if weights is not None:  # also before a resume: the module may keep of them what is no part of its state
            begin_with(module, weights)
        data = task.data(settings, dataset, trial.seed)
        keep_best = self._keep_best(task, task.selection(settings))
        epochs = task.epochs(settings)
        trainer = self._build_trainer(epochs, mirrored, keep_best)
        steps = task.steps(settings, dataset)
        self.recorder.follow(trainer, module, steps=steps, conditions=partial(task.conditions, module))
        point = self._resume_point(keep_best)
        if epochs > 0:
            trainer.fit(module, datamodule=data, ckpt_path=point, weights_only=True)
        self.recorder.selected = keep_best.restore(module) if keep_best else None
        sealed = trial.phase == "tune"  # what is still to choose may not know the test
        if not sealed:
            trainer.test(module, datamodule=data, verbose=False)
        self._check_result(task.metrics)
        if not sealed:
            self._keep_scores(task.example_scores(settings, dataset, module))
            self._show_examples(lambda: task.examples(settings, dataset, module), module)
        if keeps:
            located = set_locations(task, self._job.settings)
            self._keep_weights(module, keep_best, kept=kept, located=located)

    def _keep_scores(self, scores: ExampleScores | None) -> None:
        """Write down what each example added to the test's metrics, before the outcome that has these."""
        if scores is not None:
            logged = self.recorder.logger.latest
            metrics = {name: formula for name, formula in scores.metrics.items() if name in logged}
            self._fence()
            self._records.scores.write(replace(scores, metrics=metrics))

    def _show_examples(self, look: Callable[[], Sequence[Example]], module: pl.LightningModule) -> None:
        """Write down what the tested state makes of a few examples, before the outcome."""
        module.eval()
        with torch.inference_mode():
            examples = look()
        if examples:
            self._fence()
            self._records.show(ShownExamples.of(self._job.trial.id, examples))

    def _keep_weights(
        self, module: pl.LightningModule, keep_best: KeepBest | None, *, kept: str, located: Sequence[str]
    ) -> None:
        """Write the weights before the outcome that says they are there; the module may have others afterwards."""
        trial, selected = self._job.trial, self.recorder.selected
        best = keep_best.take(module) if keep_best and self._job.keep == "best" else None
        self._fence()
        self.beat()
        self._records.weights.write(
            module.state_dict(),
            trial=trial,
            located=located,
            which="best" if best else "last",
            selected=best or selected,
            kept=kept,
        )
        self.beat()

    def _note_sources(self) -> None:
        """What runs is what this process imports: a file that was edited since the plan is found by the next run."""
        files = find_loaded_sources(self._job.trial.task, self._job.trial.settings)
        self.recorder.sources = self._io.sources = digest_sources(files)
        if self.recorder.sources != self._job.sources:
            self._ledger.keep_sources({self.recorder.sources: files})

    def _check_result(self, declared: Iterable[str]) -> None:
        """Refuse metrics that are not finite (the last update comes after the last loss), or without the study's."""
        logged = self.recorder.logger.latest
        for metric in declared:
            if not math.isfinite(value := logged.get(metric, 0.0)):
                raise Diverged(step=self.recorder.position()[0], metric=metric, value=value)
        if self._job.metric is not None and self._job.metric not in logged:
            raise UserError(
                "the task must log the metric that decides the study",
                where=f"task {self._job.trial.task}",
                received=f"{', '.join(sorted(logged)) or 'no metric'}, and no {self._job.metric}",
            )

    def _resume_point(self, keep_best: KeepBest | None) -> str | None:
        self._fence()
        self._records.weights.remove()  # of an attempt that was lost before its outcome was recorded
        self._records.scores.remove()
        found = self._io.find()
        if found is None or (keep_best and self._job.keep_by and not keep_best.follows(self._io.peek())):
            self._records.rewind_history(-1)
            return None
        self._records.rewind_history(found.step, place=found.place)
        return "newest in the ledger"

    def _keep_best(self, task: AnyTask, selection: Selection) -> KeepBest | None:
        monitor = self._job.trial.monitor or self._job.keep_by
        if monitor is None:
            return None
        return KeepBest(
            selection,
            monitor=monitor,
            direction=task.metrics[monitor].direction,
            latest=self.recorder.logger.latest,
            position=self.recorder.position,
            keep=self._job.keep == "best",
        )

    def _build_trainer(self, epochs: int, mirrored: Mirror, keep_best: KeepBest | None) -> pl.Trainer:
        gpu = self._job.resources.gpus > 0
        return pl.Trainer(
            accelerator="gpu" if gpu else "cpu",
            devices=1,
            max_epochs=epochs,
            logger=[self.recorder.logger, *mirrored.loggers()],
            callbacks=[*filter(None, [keep_best]), *self._callbacks()],
            log_every_n_steps=self._job.log_every_steps,
            plugins=[LightningEnvironment(), self._io],
            deterministic="warn" if gpu else None,
            num_sanity_val_steps=0,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )

    def _callbacks(self) -> list[pl.Callback]:
        recorder = self.recorder
        keep = callbacks.KeepCheckpoints(
            self._io,
            every_seconds=self._job.limits.checkpoint_seconds,
            stop_asked=self._stop_asked,
            before_commit=self._write_history,
        )
        return [
            keep,  # first at a batch's start: what the last batch captured is committed before anything changes
            callbacks.RestoreOrder(),
            callbacks.Reseed(self._job.trial.seed),
            recorder.stopwatch,
            callbacks.LatestMetrics(recorder.logger.latest, self._records.last_logged),
            callbacks.StopAtDivergence(),
            callbacks.Heartbeat(self.beat),
            callbacks.ReportValidation(self._report_validation),
        ]

    def _write_history(self, step: int) -> int:
        self._fence()
        return self.recorder.write_history(step)

    def beat(self) -> None:
        """There was progress, or there is a good reason for none."""
        if self._guarded:
            self._watchdog.feed()
        self.recorder.note_progress(every=1.0)

    def _report_validation(self) -> None:
        step, epoch, _ = self.recorder.position()
        self.recorder.note_progress()
        if self._job.trial.scheduler is not None:  # who judges it may end it now, and a later run asks what it had seen
            self._write_history(step)
        self._report(Update(step=step, epoch=epoch, metrics=dict(self.recorder.logger.latest)))


def _place(error: BaseException) -> str:
    """Where in the tasks' source files an error came from: " (tasks/recurrent/cells/lstm.py:40)"; empty if nowhere."""
    frames = [(Path(frame.filename).parts, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    inside = [
        (parts[len(parts) - parts[::-1].index("tasks") - 1 :], line) for parts, line in frames if "tasks" in parts
    ]
    return f" ({'/'.join(inside[-1][0])}:{inside[-1][1]})" if inside else ""
