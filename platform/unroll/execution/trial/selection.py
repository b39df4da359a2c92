"""The state of the best validation, kept for the test, and the early end of training that no longer helps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytorch_lightning as pl
import torch

from unroll.contract import VALIDATION, Direction, Selection, UserError
from unroll.execution.trial.conditions import Diverged
from unroll.ledger.outcome import Selected


class KeepBest(pl.Callback):
    """Compares the monitored metric after each validation, keeps the best state, and ends training without patience.

    All that it remembers, the best weights included, is part of every checkpoint of the trial: a resumed trial finds
    the best state up to that very checkpoint, whatever the lost attempt did after it. It must stand before the callback
    that captures checkpoints: a checkpoint taken after an epoch then knows that epoch's validation.

    Training ends by lowering the trainer's number of epochs to those that are done, so a checkpoint from then on is
    resumed like that of any trial that is through with its epochs.

    Args:
        selection: what the task asks for.
        keep: whether the best state is to stay, also where the last one is tested.
        monitor: full name of the validation metric that is compared.
        direction: which way is better.
        latest: metric -> its last logged value; :meth:`restore` puts those of the best validation back.
        position: gives optimizer steps done, epoch counted from one, and seconds.
    """

    def __init__(
        self,
        selection: Selection,
        *,
        monitor: str,
        direction: Direction,
        latest: dict[str, float],
        position: Callable[[], tuple[int, int, float]],
        keep: bool = False,
    ) -> None:
        self._remembers = selection.best or keep
        self._selection, self._monitor, self._latest, self._position = selection, monitor, latest, position
        self._maximize = direction == "maximize"
        self._compared = -1  # step of the last compared validation: a resumed epoch ends a second time
        self._waited = 0  # validations since the best one
        self._epochs: int | None = None  # epochs after which training ended early
        self._value: float | None = None
        self._best: dict[str, Any] = {}

    def on_fit_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:  # noqa: ARG002
        """A trial that had ended its training before it was resumed trains no further."""
        if self._epochs is not None:
            trainer.fit_loop.max_epochs = self._epochs

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """An epoch with its validation is done.

        Raises:
            UserError: the validation did not log the monitored metric.
        """
        step, epoch, _ = self._position()
        if step == self._compared:
            return
        self._compared = step
        self._compare(module, step, epoch)
        if self._selection.patience is not None and self._waited >= self._selection.patience:
            trainer.fit_loop.max_epochs = self._epochs = epoch

    def _compare(self, module: pl.LightningModule, step: int, epoch: int) -> None:
        value = self._latest.get(self._monitor)
        if value is None:
            raise UserError(
                "a validation must log the metric that selects the state or ends training early",
                where=self._monitor,
                received=", ".join(sorted(self._latest)) or "no metric",
            )
        self._waited += 1
        best = self._value
        if not math.isfinite(value) or (best is not None and (value <= best if self._maximize else value >= best)):
            return
        self._value, self._waited = value, 0
        if self._remembers:
            self._best = {
                "selected": {"epoch": epoch, "step": step},
                "metrics": {name: last for name, last in self._latest.items() if name.startswith(VALIDATION)},
                "state": {name: _copied(part) for name, part in module.state_dict().items()},
            }

    def restore(self, module: pl.LightningModule) -> Selected | None:
        """Give the module its best state, and the metrics those of its validation; None where the last state is tested.

        Raises:
            Diverged: no validation had a finite value, so there is no best state.
        """
        if not self._selection.best:
            return None
        if not self._best:
            raise Diverged(step=self._position()[0], metric=self._monitor, value=self._latest[self._monitor])
        self._latest.update(self._best["metrics"])
        return self.take(module)

    def take(self, module: pl.LightningModule) -> Selected | None:
        """Give the module its best state; None, and the state that it has, where no validation had a finite value."""
        if not self._best:
            return None
        module.load_state_dict(self._best["state"])
        return Selected(**self._best["selected"])

    def follows(self, callbacks: Mapping[str, Any]) -> bool:
        """Whether a checkpoint with these states of callbacks knows the best state so far.

        It does not where it was captured while nobody asked for the best state: what a study keeps may have changed.
        """
        state = callbacks.get(self.state_key)
        return not self._remembers or (state is not None and (state["value"] is None or bool(state["best"])))

    def state_dict(self) -> dict[str, Any]:
        """Kept in the checkpoint."""
        return {
            "compared": self._compared,
            "waited": self._waited,
            "epochs": self._epochs,
            "value": self._value,
            "best": self._best,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the checkpoint's comparison."""
        self._compared, self._waited = state_dict["compared"], state_dict["waited"]
        self._epochs, self._value, self._best = state_dict["epochs"], state_dict["value"], state_dict["best"]


def _copied(part: Any) -> Any:
    """Apart from the memory in which training goes on, and outside the accelerator's."""
    return part.detach().to("cpu", copy=True) if isinstance(part, torch.Tensor) else part
