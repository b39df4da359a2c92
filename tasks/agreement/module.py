"""Learning agreement."""

from __future__ import annotations

from typing import Any, cast, final

import pytorch_lightning as pl
import torch
from torch import Tensor

from tasks.agreement.batches import Beginnings, Sentences
from tasks.agreement.network import AgreementNetwork
from tasks.agreement.tally import Tally
from tasks.recurrent.clipping import Clipping
from tasks.recurrent.initialization import Initialization
from tasks.recurrent.optimizer import OptimizerName, build_optimizer


@final
class AgreementModule(pl.LightningModule):
    """One optimizer step per batch; accuracy over all verbs of held-out text.

    Optimization is manual: backward, clipping and update are one visible line each.

    Every ``log_every_n_steps`` steps the loggers get ``train/loss`` (nats per verb, or per word of a language model, of
    that batch) and ``train/gradient_norm`` (before clipping), after each epoch the accuracies of the validation text:
    of all verbs, by attractors and by distance. An accuracy over verbs that a text has none of is not logged.

    Args:
        network: what learns.
        initialization: how its weights are drawn.
        optimizer: ``sgd``, ``adam`` or ``rmsprop``.
        learning_rate: of all steps.
        clipping: what is done to a large gradient.
    """

    def __init__(
        self,
        *,
        network: AgreementNetwork[Any],
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
        self._held_out = Tally()
        self.items_seen = 0
        """Words trained on so far, the ``<eos>`` before each sentence included; kept across resume."""

    def initialise(self, seed: int) -> None:
        """Draw every weight as a function of (seed, parameter name, shape)."""
        self._initialization.fill(self.network, seed=seed)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One optimizer for all weights."""
        return build_optimizer(self._optimizer, self.network.parameters(), learning_rate=self._learning_rate)

    def training_step(self, batch: Beginnings | Sentences) -> Tensor:
        """One optimizer step: forward, backward, clip, update.

        Returns:
            The loss, a scalar without gradient; a gradient's norm where that is no finite number, for then there is no
            step to take.
        """
        optimizer = cast("torch.optim.Optimizer", self.optimizers())
        loss = self.network.loss(batch)
        optimizer.zero_grad()
        self.manual_backward(loss)
        clipped = self._clipping.apply(self.network.parameters())
        if not clipped.usable:
            return torch.full_like(loss, clipped.norm)
        optimizer.step()
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
        self._held_out = Tally()

    def validation_step(self, batch: Beginnings) -> None:
        """Tell the numbers of verbs of the validation text."""
        self._count(batch)

    def on_validation_epoch_end(self) -> None:
        """Accuracies over the whole validation text."""
        self._log_accuracies("validation")

    def on_test_epoch_start(self) -> None:
        """Count anew."""
        self._held_out = Tally()

    def test_step(self, batch: Beginnings) -> None:
        """Tell the numbers of verbs of the test text."""
        self._count(batch)

    def on_test_epoch_end(self) -> None:
        """Accuracies over the whole test text."""
        self._log_accuracies("test")

    def _count(self, batch: Beginnings) -> None:
        right = self.network.says_plural(batch) == batch.plural
        self._held_out = self._held_out.plus(right, batch.attractors, batch.distances)

    def _log_accuracies(self, split: str) -> None:
        for name, accuracy in self._held_out.accuracies().items():
            self.log(f"{split}/{name}", accuracy)
        self.log("step", float(self.global_step))  # Lightning's name for the step that the loggers are told

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a resumed run needs beside weights and optimizer."""
        checkpoint["agreement"] = {"items_seen": self.items_seen}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what :meth:`on_save_checkpoint` kept."""
        self.items_seen = checkpoint["agreement"]["items_seen"]
