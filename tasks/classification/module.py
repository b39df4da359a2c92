"""Learning to classify."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast, final

import pytorch_lightning as pl
import torch
from torch import Tensor

from tasks.classification.batches import LabelledBatch
from tasks.classification.network import Classifier
from tasks.classification.tally import Tally
from tasks.recurrent.clipping import Clipping
from tasks.recurrent.initialization import Initialization
from tasks.recurrent.optimizer import OptimizerName, build_optimizer


@final
class ClassificationModule(pl.LightningModule):
    """Cross-entropy over a batch of sentences; accuracy and macro-F1 over all sentences of held-out text.

    A batch is one optimizer step. Optimization is manual: backward, clipping, update and the constraint on the output
    layer are one visible line each.

    Every ``log_every_n_steps`` steps the loggers get ``train/loss`` (nats per sentence of that batch) and
    ``train/gradient_norm`` (before clipping), after each epoch the metrics of the validation text, and in the
    end those of the test text with its confusion matrix, ``test/confusion/TRUE/GUESS``.

    Args:
        network: the classifier.
        labels: the labels.
        initialization: how its weights are drawn.
        optimizer: name of the optimizer.
        learning_rate: of all steps.
        clipping: what is done to a large gradient.
    """

    def __init__(
        self,
        *,
        network: Classifier,
        labels: Sequence[str],
        initialization: Initialization,
        optimizer: OptimizerName,
        learning_rate: float,
        clipping: Clipping,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self._initialization, self._optimizer = initialization, optimizer
        self._learning_rate, self._clipping = learning_rate, clipping
        self._labels = tuple(labels)
        self._held_out = Tally.of(len(labels))
        self.items_seen = 0
        """Tokens trained on so far; kept across resume."""

    def initialise(self, seed: int) -> None:
        """Draw every weight as a function of (seed, parameter name, shape), within the constraint."""
        self._initialization.fill(self.network, seed=seed)
        self.network.constrain()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One optimizer for all weights."""
        return build_optimizer(self._optimizer, self.network.parameters(), learning_rate=self._learning_rate)

    def training_step(self, batch: LabelledBatch) -> Tensor:
        """One optimizer step: forward, backward, clip, update, constrain.

        Returns:
            Nats per sentence, a scalar without gradient; a gradient's norm where that is no finite number, for then
            there is no step to take.
        """
        optimizer = cast("torch.optim.Optimizer", self.optimizers())
        loss = self.network.loss(batch)
        optimizer.zero_grad()
        self.manual_backward(loss)
        clipped = self._clipping.apply(self.network.parameters())
        if not clipped.usable:
            return torch.full_like(loss, clipped.norm)
        optimizer.step()
        self.network.constrain()
        self.items_seen += int(batch.lengths.sum())
        self._log_step(loss.item(), clipped.norm)
        return loss.detach()

    def _log_step(self, loss: float, norm: float) -> None:
        """Every so many steps, tell the loggers; ``self.log`` would take its time at every step."""
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # the trainer sets it when built
        if every and self.global_step % every == 0:
            for logger in self.loggers:
                logger.log_metrics({"train/loss": loss, "train/gradient_norm": norm}, step=self.global_step)

    def on_validation_epoch_start(self) -> None:
        """Count anew."""
        self._held_out = Tally.of(len(self._labels))

    def validation_step(self, batch: LabelledBatch) -> None:
        """Classify sentences of the validation text."""
        self._held_out = self._held_out.plus(self.network.decode(batch), batch.labels)

    def on_validation_epoch_end(self) -> None:
        """Metrics of the whole validation text."""
        self._log_metrics("validation")

    def on_test_epoch_start(self) -> None:
        """Count anew."""
        self._held_out = Tally.of(len(self._labels))

    def test_step(self, batch: LabelledBatch) -> None:
        """Classify sentences of the test text."""
        self._held_out = self._held_out.plus(self.network.decode(batch), batch.labels)

    def on_test_epoch_end(self) -> None:
        """Metrics of the whole test text."""
        self._log_metrics("test")
        self.log_dict({f"test/{name}": count for name, count in self._held_out.confusion(self._labels).items()})

    def _log_metrics(self, split: str) -> None:
        for name, value in self._held_out.metrics().items():
            self.log(f"{split}/{name}", value)
        self.log("step", float(self.global_step))  # Lightning's name for the step that the loggers are told

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a resumed run needs beside weights and optimizer."""
        checkpoint["classification"] = {"items_seen": self.items_seen}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what :meth:`on_save_checkpoint` kept."""
        self.items_seen = checkpoint["classification"]["items_seen"]
