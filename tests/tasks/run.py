"""One run of a task as the platform trains it: reseeded at every batch, validated after every epoch, then tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers.logger import Logger

from unroll.contract import Settings
from unroll.execution.trial.callbacks import Reseed, RestoreOrder
from unroll.study.project import AnyTask

Row = tuple[int, str, float]
"""Optimizer step, metric, value."""


class History(Logger):
    """Everything that was logged."""

    name = "history"
    version = ""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None: ...

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        assert step is not None
        self.rows += [(step, name, value) for name, value in metrics.items()]


class SaveEverywhere(pl.Callback):
    """A checkpoint wherever the platform may take one: after a batch within an epoch, and after its validation."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self.on_train_epoch_end(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        trainer.save_checkpoint(self._folder / f"{trainer.global_step}.ckpt")


class Run:
    """One run in fresh objects, from the start or from a checkpoint; :attr:`rows` is what it told.

    Args:
        task: what is learned.
        settings: of the task.
        dataset: what the task prepared of them.
        seed: of weights and order.
        noise: what dropout is drawn from, with the step.
        save: folder for checkpoints.
        callbacks: beside the platform's own.
        checkpoint: what to go on from.
        log_every: steps between two rows of training, an epoch's at most; from 2 on, what is counted between them must
            be kept, too.
    """

    def __init__(
        self,
        task: AnyTask,
        settings: Settings,
        dataset: Any,
        *,
        seed: int = 0,
        noise: int = 3,
        save: Path | None = None,
        callbacks: Sequence[pl.Callback] = (),
        checkpoint: Path | None = None,
        log_every: int = 2,
    ) -> None:
        history = History()
        module: Any = task.module(settings, dataset)
        module.initialise(seed if checkpoint is None else seed + 99)
        saving = [] if save is None else [SaveEverywhere(save)]
        data: Any = task.data(settings, dataset, seed)
        trainer = quiet_trainer(
            max_epochs=task.epochs(settings),
            logger=history,
            callbacks=[RestoreOrder(), Reseed(noise), *saving, *callbacks],
            log_every_n_steps=min(log_every, len(data.train_dataloader())),
        )
        trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
        self.module, self.optimizers = module, [optimizer.state_dict() for optimizer in trainer.optimizers]
        self.steps, self.batches = trainer.global_step, int(trainer.num_training_batches)
        (self.tested,) = trainer.test(module, datamodule=data, verbose=False)
        self.rows = history.rows

    def rows_after(self, step: int) -> list[Row]:
        return [row for row in self.rows if row[0] > step]

    def end(self) -> list[Any]:
        """Where it came to."""
        return [self.module.state_dict(), self.optimizers, self.steps, self.module.items_seen, self.tested]


def quiet_trainer(**more: Any) -> pl.Trainer:
    """A trainer on the CPU that writes nothing by itself."""
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    quiet |= {"enable_model_summary": False, "num_sanity_val_steps": 0, "accelerator": "cpu"}
    return pl.Trainer(**{**quiet, **more})


def same(left: Any, right: Any) -> bool:
    """Bitwise, through nested containers."""
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)
    if isinstance(left, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)
