"""Learning from batches: each is an optimizer step, or a part of one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

import torch
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, nn

from tasks.learning.clipping import Clipped
from tasks.learning.descent import Descent, Learning
from tasks.learning.evaluation import ScoredModule, count_step
from tasks.learning.optimizer import build_optimizer
from tasks.learning.schedules.constant import Constant
from unroll.contract import derive_seed

BatchT = TypeVar("BatchT")
HeldOutT = TypeVar("HeldOutT")


class LearningModule(ScoredModule[HeldOutT], Generic[BatchT, HeldOutT]):
    """What a task's module is: batches become optimizer steps, and held-out data are counted, not averaged.

    A subclass gives what is minimized, what is counted, and what the counts amount to. Optimization is manual.

    Every ``log_every_n_steps`` optimizer steps the loggers get :meth:`step_metrics`: ``train/loss`` (of that batch),
    ``train/gradient_norm`` (before clipping) and, where it changes, ``train/learning_rate``; after each epoch
    :meth:`scores` of the validation data, as ``validation/NAME``; in the end those of the test data.

    Args:
        network: what learns.
        learning: how it learns.
    """

    network: nn.Module

    def __init__(self, *, network: nn.Module, learning: Learning) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network, self.learning, self.descent = network, learning, Descent(learning)

    @abstractmethod
    def loss(self, batch: BatchT) -> Tensor:
        """What is minimized: a scalar in nats, the mean of some terms."""

    def items(self, batch: BatchT) -> int:
        """Items of a training batch, as throughput counts them: by default the sum of its ``lengths``."""
        return int(cast("Any", batch).lengths.sum())

    def terms(self, batch: BatchT) -> int:
        """What the loss of a batch is the mean of: by default its items, of which each is predicted."""
        return self.items(batch)

    def constrain(self) -> None:
        """Bring weights back to where they may be, at first and after every step; by default that is anywhere."""

    def initialise(self, seed: int) -> None:
        """Draw every weight as a function of (seed, parameter name, shape), within the constraint."""
        self.learning.initialization.fill(self.network, seed=seed)
        self.constrain()

    @property
    def items_seen(self) -> int:
        """Items trained on so far; kept across resume."""
        return self.descent.items_seen

    def configure_optimizers(self) -> Any:
        """One optimizer for all weights of the network; a subclass may put others behind it, and takes their steps."""
        how, weights = self.learning, self.network.parameters()
        return build_optimizer(how.optimizer, weights, learning_rate=how.rate.first, momentum=how.momentum)

    # Training

    def on_train_start(self) -> None:
        """What came from a checkpoint follows the weights to their device."""
        self.descent.to(self.device)

    def training_step(self, batch: BatchT, batch_idx: int) -> Tensor:  # noqa: ARG002
        """Learn from one batch.

        Returns:
            The loss, a scalar without gradient; a gradient's norm where that is no finite number, for then there is no
            step to take.
        """
        self.draw_anew()
        loss, clipped = self.learn(batch, last=self.trainer.is_last_batch)
        if clipped is not None and not clipped.usable:
            return torch.full_like(loss, clipped.norm)
        return loss

    def draw_anew(self) -> None:
        """Let a batch that is not the first one of its step draw other random numbers than the first.

        The platform seeds each batch by the optimizer steps done, which are the same for all batches of a step.
        """
        if self.descent.batches:
            torch.manual_seed(derive_seed(torch.initial_seed(), "accumulated", self.descent.batches))

    def learn(self, batch: BatchT, *, last: bool) -> tuple[Tensor, Clipped | None]:
        """Forward, backward, clip, update, constrain.

        Args:
            batch: what is learned from.
            last: whether the epoch ends with it.

        Returns:
            The loss, without gradient, and what clipping saw, if this batch completes a step.
        """
        descent = self.descent
        optimizers = self.optimizers(use_pl_optimizer=False)  # see count_step
        optimizer = optimizers[0] if isinstance(optimizers, list) else optimizers
        optimizer.zero_grad()  # what several batches add up to is kept by Descent
        loss = self.back_propagate(batch)
        terms = self.terms(batch) if self.learning.accumulate > 1 else 1
        clipped = descent.take(optimizer, terms=terms, last=last, step=self.global_step, epoch=self.current_epoch)
        if clipped is None or clipped.usable:
            descent.items_seen += self.items(batch)
        if clipped is not None and clipped.usable:
            self.constrain()
            count_step(self.trainer)
            every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # the trainer sets it when built
            if every and self.global_step % every == 0:
                self.log_now(self.step_metrics(loss, clipped))
        return loss, clipped

    def back_propagate(self, batch: BatchT) -> Tensor:
        """Give all weights their gradients; gives the loss, without its gradient."""
        loss = self.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def step_metrics(self, loss: Tensor, clipped: Clipped) -> Mapping[str, float]:
        """What the loggers get of the step that was just taken."""
        metrics = {"train/loss": loss.item(), "train/gradient_norm": clipped.norm}
        rate = self.learning.rate
        if rate.warmup or not isinstance(rate.schedule, Constant):
            metrics["train/learning_rate"] = self.learning_rate
        return metrics

    @property
    def learning_rate(self) -> float:
        """Of the step that was just taken."""
        return self.learning.rate.at(step=self.global_step - 1, epoch=self.current_epoch)

    def log_now(self, values: Mapping[str, float]) -> None:
        """Hand values to the loggers; ``self.log`` would take its time at every step, and wait for the batch's end."""
        for logger in self.loggers:
            logger.log_metrics(dict(values), step=self.global_step)

    # Evaluation

    def on_validation_epoch_end(self) -> None:
        """Log the scores of the whole validation data, and let the schedule observe one."""
        scores = self.log_scores("validation")
        if self.learning.monitor is None or self.trainer.state.fn != TrainerFn.FITTING:
            return
        name, direction = self.learning.monitor
        if name in scores:
            # To a schedule more is better.
            self.learning.rate.schedule.observe(scores[name] if direction == "maximize" else -scores[name])

    # Checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a resumed run needs beside weights and optimizer."""
        checkpoint["learning"] = self.descent.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what :meth:`on_save_checkpoint` kept."""
        self.descent.load_state_dict(checkpoint["learning"])
