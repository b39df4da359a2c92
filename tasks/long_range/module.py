"""Learning a long-range problem: back-propagation through whole sequences, drawn afresh for every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast, final

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.optim import Optimizer

from tasks.learning.clipping import Clipped, Clipping, ClipRate
from tasks.learning.optimizer import OptimizerName, build_optimizer
from tasks.long_range.batches import Batch
from tasks.long_range.network import Answerer
from tasks.long_range.problem import Problem, Score
from tasks.recurrent.diagnostics.diagnose import diagnose
from tasks.recurrent.initialization import Initialization
from tasks.recurrent.omega.omega import Omega


@final
class LongRangeModule(pl.LightningModule):
    """One optimizer step per batch: forward, backward, Omega, clip, update, each a visible line.

    Every ``log_every_n_steps`` steps the loggers get ``train/loss`` and ``train/error`` (of that step's batch),
    ``train/gradient_norm`` (before clipping) and ``train/clip_rate`` (share of the steps since the last time). A
    gradient that is no finite number ends the trial as diverged. Every ``diagnose_every`` steps they get what
    :func:`~tasks.recurrent.diagnostics.diagnose.diagnose` sees in the network that is about to read the step's batch.

    Args:
        problem: judges the answers.
        network: gives them.
        initialization: how its weights are drawn.
        optimizer: its name.
        learning_rate: constant.
        clipping: how gradients are kept small.
        omega: regularizer against vanishing gradients; None: none.
        diagnose_every: optimizer steps between two diagnoses, the first before the first step; None: none.
    """

    def __init__(
        self,
        *,
        problem: Problem,
        network: Answerer,
        initialization: Initialization,
        optimizer: OptimizerName,
        learning_rate: float,
        clipping: Clipping,
        omega: Omega | None,
        diagnose_every: int | None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self.items_seen = 0
        self._problem, self._initialization = problem, initialization
        self._optimizer, self._learning_rate = optimizer, learning_rate
        self._clipping, self._omega, self._diagnose_every = clipping, omega, diagnose_every
        self._clip_rate = ClipRate()

    def initialise(self, seed: int) -> None:
        """Draw every weight as a function of (seed, parameter name, shape)."""
        self._initialization.fill(self.network, seed=seed)

    def configure_optimizers(self) -> Optimizer:
        """One optimizer for all weights."""
        return build_optimizer(self._optimizer, self.network.parameters(), learning_rate=self._learning_rate)

    # Training

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:  # noqa: ARG002
        """Learn from one batch.

        Returns:
            The loss, NaN where its gradient is no finite number.
        """
        self._diagnose_if_due(batch)
        inputs, targets = batch
        optimizer = cast("Optimizer", self.optimizers())
        optimizer.zero_grad()
        score = self._back_propagate(inputs, targets)
        clipped = self._clipping.apply(self.network.parameters())
        if not clipped.usable:
            return torch.full_like(score.loss, torch.nan).detach()
        optimizer.step()
        self.items_seen += inputs.shape[0] * inputs.shape[1]
        self._log_step(score, clipped)
        return score.loss.detach()

    def _back_propagate(self, inputs: Tensor, targets: Tensor) -> Score:
        if self._omega is None:
            score = self._problem.score(self.network(inputs), targets)
            self.manual_backward(score.loss)
            return score
        with self._omega.watch(self.network.recurrent) as traces:
            score = self._problem.score(self.network(inputs), targets)
        self.manual_backward(score.loss)
        self._omega.add_gradient(traces)
        return score

    def _log_step(self, score: Score, clipped: Clipped) -> None:
        self._clip_rate.count(clipped)
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # the trainer sets it when built
        if not every or self.global_step % every:
            return
        values = {
            "train/loss": score.loss.item(),
            "train/error": score.error.item(),
            "train/gradient_norm": clipped.norm,
            "train/clip_rate": self._clip_rate.take(),
        }
        self._tell(values)

    def _diagnose_if_due(self, batch: Batch) -> None:
        """Before a step, so that the first diagnosis is of the network as it begins."""
        if self._diagnose_every and self.global_step % self._diagnose_every == 0:
            self._tell(diagnose(self.network, lambda: self._score_last(*batch)))

    def _score_last(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Loss of the answer at the last step, summed over the sequences."""
        answers = self.network(inputs)
        last = (answers[-1:], targets[-1:]) if self._problem.every_step else (answers, targets)
        return self._problem.score(*last).loss * inputs.shape[1]

    def _tell(self, values: Mapping[str, float]) -> None:
        for logger in self.loggers:
            logger.log_metrics(dict(values), step=self.global_step)

    # Evaluation

    def validation_step(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Score some validation sequences."""
        self._evaluate("validation", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Score some test sequences."""
        self._evaluate("test", batch)

    def _evaluate(self, split: str, batch: Batch) -> None:
        """Every sequence counts the same, whatever its length; sums over all of them have 64 bits."""
        inputs, targets = batch
        score = self._problem.score(self.network(inputs).double(), targets)
        values = {f"{split}/loss": score.loss, f"{split}/error": score.error}
        self.log_dict(values, on_epoch=True, batch_size=inputs.shape[1])
        self.log(
            "step", float(self.global_step), batch_size=inputs.shape[1]
        )  # Lightning's name for the step that the loggers are told

    # Checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a resumed run needs beside weights and optimizer."""
        checkpoint["long_range"] = {"items_seen": self.items_seen, "clip_rate": asdict(self._clip_rate)}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what :meth:`on_save_checkpoint` kept."""
        self.items_seen = checkpoint["long_range"]["items_seen"]
        self._clip_rate = ClipRate(**checkpoint["long_range"]["clip_rate"])
