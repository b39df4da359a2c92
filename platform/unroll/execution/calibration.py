"""How long a plan will take, from a few steps of each arm on this machine."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.lightning import LightningEnvironment

from unroll.execution.trial import process
from unroll.study import load_task
from unroll.study.job import Job

BATCHES = 12
"""Training and validation batches per arm; the first half warms up."""


class _Timer(pl.Callback):
    def __init__(self) -> None:
        self.training: list[float] = []
        self.validation: list[float] = []
        self._since = 0.0

    def on_train_batch_start(self, *args: Any) -> None:  # noqa: ARG002
        self._since = time.perf_counter()

    def on_train_batch_end(self, *args: Any) -> None:  # noqa: ARG002
        self.training.append(time.perf_counter() - self._since)

    def on_validation_batch_start(self, *args: Any) -> None:  # noqa: ARG002
        self._since = time.perf_counter()

    def on_validation_batch_end(self, *args: Any) -> None:  # noqa: ARG002
        self.validation.append(time.perf_counter() - self._since)


def calibrate(jobs: Sequence[Job]) -> dict[str, float]:
    """Estimate the seconds that one trial of each arm takes alone, evaluation included.

    Args:
        jobs: the jobs of a plan; one per arm is tried, and nothing is recorded.
    """
    first = {job.trial.arm: job for job in reversed(jobs)}
    return {arm: _seconds(first[arm]) for arm in dict.fromkeys(job.trial.arm for job in jobs)}


def _seconds(job: Job) -> float:
    task = load_task(job.trial.task)
    settings = task.settings.model_validate(job.settings)
    process.quieten()
    process.pin(threads=max(1, math.floor(job.resources.cpus)), seed=job.trial.seed)
    dataset = task.prepare(settings, Path(job.cache))
    module: Any = task.module(settings, dataset)
    module.initialise(job.trial.seed)
    timer = _Timer()
    trainer = pl.Trainer(
        accelerator="gpu" if job.resources.gpus else "cpu",
        devices=1,
        max_epochs=1,
        limit_train_batches=BATCHES,
        limit_val_batches=BATCHES,
        callbacks=[timer],
        plugins=[LightningEnvironment()],
        logger=False,
        num_sanity_val_steps=0,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    data = task.data(settings, dataset, job.trial.seed)
    trainer.fit(module, datamodule=data)
    epochs = task.epochs(settings)
    training = epochs * len(data.train_dataloader())
    evaluation = epochs * len(data.val_dataloader()) + len(data.test_dataloader())
    return training * _typical(timer.training) + evaluation * _typical(timer.validation)


def _typical(seconds: Sequence[float]) -> float:
    warm = seconds[len(seconds) // 2 :]
    return statistics.median(warm) if warm else 0.0
