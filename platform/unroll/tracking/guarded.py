"""Lightning's own logger on our own run, which swallows whatever W&B throws. Imports Lightning: import it late."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, final

from pytorch_lightning.loggers import WandbLogger

if TYPE_CHECKING:
    from wandb import Run


@final
class GuardedLogger(WandbLogger):
    """A ``WandbLogger`` that goes silent at the first trouble instead of ending the training.

    Args:
        run: the run to log to. It stays its owner's: this logger neither opens nor finishes it.
        give_up: called once, when W&B raises; nothing more is logged from then on.
    """

    def __init__(self, *, run: Run, give_up: Callable[[Exception], None]) -> None:
        super().__init__(experiment=run)
        self._give_up = give_up
        self._silent = False

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log numbers at an optimizer step, the run's x axis ``trainer/global_step``."""
        if self._silent:
            return
        try:
            super().log_metrics(metrics, step)
        except Exception as error:
            self._silent = True
            self._give_up(error)

    def log_hyperparams(self, params: dict[str, Any] | Namespace) -> None:
        """Leave the run's config alone: the mirror has filled it with the trial's own."""
