"""Learning from padded batches, an optimizer step each; scores over the whole of held-out text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypedDict, TypeVar, cast

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from tasks.learning.clipping import Clipping
from tasks.learning.optimizer import OptimizerName, build_optimizer
from tasks.recurrent.initialization import Initialization


class Padded(Protocol):
    """A batch of sequences side by side."""

    @property
    def lengths(self) -> Tensor:
        """Number of real steps of each, shape (batch,)."""


BatchT = TypeVar("BatchT", bound=Padded)
HeldOutT = TypeVar("HeldOutT")


class Learning(TypedDict):
    """How a network learns, as arguments of :class:`LearningModule`, for its subclasses to hand on."""

    initialization: Initialization
    optimizer: OptimizerName
    learning_rate: float
    clipping: Clipping


class LearningModule(pl.LightningModule, ABC, Generic[BatchT, HeldOutT]):
    """What a task's module is when each batch is an optimizer step, and held-out text is counted, not averaged.

    A subclass says what is minimized, what is counted, and what the counts amount to. Optimization is manual:
    backward, clipping, update and the weights' constraint are one visible line each.

    Every ``log_every_n_steps`` steps the loggers get ``train/loss`` (of that batch) and ``train/gradient_norm``
    (before clipping); after each epoch :meth:`scores` of the validation text, as ``validation/NAME``; in the end those
    of the test text.

    Args:
        network: what learns.
        initialization: how its weights are drawn.
        optimizer: ``sgd``, ``adam`` or ``rmsprop``.
        learning_rate: of all steps.
        clipping: what is done to a large gradient.
    """

    network: nn.Module
    items_seen: int
    """Real steps of sequences trained on so far; kept across resume."""

    def __init__(
        self,
        *,
        network: nn.Module,
        initialization: Initialization,
        optimizer: OptimizerName,
        learning_rate: float,
        clipping: Clipping,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network, self.items_seen = network, 0
        self._initialization, self._optimizer = initialization, optimizer
        self._learning_rate, self._clipping = learning_rate, clipping

    @abstractmethod
    def loss(self, batch: BatchT) -> Tensor:
        """What is minimized: a scalar in nats."""

    @abstractmethod
    def begin_counting(self) -> None:
        """Count anew."""

    @abstractmethod
    def count(self, batch: HeldOutT) -> None:
        """Count what was right in some of the held-out text."""

    @abstractmethod
    def scores(self) -> Mapping[str, float]:
        """Of all that was counted, by name without the split."""

    def constrain(self) -> None:
        """Bring weights back to where they may be, at first and after every step; by default that is anywhere."""

    def initialise(self, seed: int) -> None:
        """Draw every weight as a function of (seed, parameter name, shape), within the constraint."""
        self._initialization.fill(self.network, seed=seed)
        self.constrain()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One optimizer for all weights."""
        return build_optimizer(self._optimizer, self.network.parameters(), learning_rate=self._learning_rate)

    # Training

    def training_step(self, batch: BatchT) -> Tensor:
        """One optimizer step: forward, backward, clip, update, constrain.

        Returns:
            The loss, a scalar without gradient; a gradient's norm where that is no finite number, for then there is no
            step to take.
        """
        optimizer = cast("torch.optim.Optimizer", self.optimizers())
        loss = self.loss(batch)
        optimizer.zero_grad()
        self.manual_backward(loss)
        clipped = self._clipping.apply(self.network.parameters())
        if not clipped.usable:
            return torch.full_like(loss, clipped.norm)
        optimizer.step()
        self.constrain()
        self.items_seen += int(batch.lengths.sum())
        self._log_step(loss.item(), clipped.norm)
        return loss.detach()

    def _log_step(self, loss: float, norm: float) -> None:
        """Every so many steps, tell the loggers; ``self.log`` would take its time at every step."""
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # the trainer sets it when built
        if every and self.global_step % every == 0:
            for logger in self.loggers:
                logger.log_metrics({"train/loss": loss, "train/gradient_norm": norm}, step=self.global_step)

    # Evaluation

    def on_validation_epoch_start(self) -> None:
        """Begin with the validation text."""
        self.begin_counting()

    def validation_step(self, batch: HeldOutT) -> None:
        """Count in some of the validation text."""
        self.count(batch)

    def on_validation_epoch_end(self) -> None:
        """Tell the scores of the whole validation text."""
        self._log_scores("validation")

    def on_test_epoch_start(self) -> None:
        """Begin with the test text."""
        self.begin_counting()

    def test_step(self, batch: HeldOutT) -> None:
        """Count in some of the test text."""
        self.count(batch)

    def on_test_epoch_end(self) -> None:
        """Tell the scores of the whole test text."""
        self._log_scores("test")

    def _log_scores(self, split: str) -> None:
        self.tell({f"{split}/{name}": score for name, score in self.scores().items()})
        self.log("step", float(self.global_step))  # Lightning's name for the step that the loggers are told

    def tell(self, values: Mapping[str, float]) -> None:
        """Log the values of a whole text as they are: of Python's numbers ``self.log`` keeps but 32 bits."""
        self.log_dict({name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()})

    # Checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a resumed run needs beside weights and optimizer."""
        checkpoint["items_seen"] = self.items_seen

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what :meth:`on_save_checkpoint` kept."""
        self.items_seen = checkpoint["items_seen"]
