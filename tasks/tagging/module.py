"""Learning to tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast, final

import pytorch_lightning as pl
import torch
from torch import Tensor

from tasks.recurrent.clipping import Clipping
from tasks.recurrent.initialization import Initialization
from tasks.recurrent.optimizer import OptimizerName, build_optimizer
from tasks.tagging.batches import TaggedBatch
from tasks.tagging.entities import EntityScorer, EntityTally, are_entities
from tasks.tagging.network import Tagger
from tasks.tagging.tally import Tally


@final
class TaggingModule(pl.LightningModule):
    """The decoder's loss over the real tokens of a batch of sentences; accuracy over all tokens of held-out text.

    A batch is one optimizer step. Optimization is manual: backward, clipping and update are one visible line each.

    Every ``log_every_n_steps`` steps the loggers get ``train/loss`` (nats per token of that batch) and
    ``train/gradient_norm`` (before clipping), after each epoch the accuracies of the validation text. An accuracy over
    words that a text has none of is not logged, nor are the scores of entities where there are none.

    Args:
        network: the tagger.
        tags: the tags; where they are entity tags, entities are counted too.
        initialization: how its weights are drawn.
        optimizer: ``sgd``, ``adam`` or ``rmsprop``.
        learning_rate: of all steps.
        clipping: what is done to a large gradient.
    """

    def __init__(
        self,
        *,
        network: Tagger,
        tags: Sequence[str],
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
        self._scorer = EntityScorer(tags) if are_entities(tags) else None
        self._held_out, self._entities = Tally(), EntityTally()
        self.items_seen = 0
        """Tokens trained on so far; kept across resume."""

    def initialise(self, seed: int) -> None:
        """Draw every weight as a function of (seed, parameter name, shape)."""
        self._initialization.fill(self.network, seed=seed)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One optimizer for all weights."""
        return build_optimizer(self._optimizer, self.network.parameters(), learning_rate=self._learning_rate)

    def training_step(self, batch: TaggedBatch) -> Tensor:
        """One optimizer step: forward, backward, clip, update.

        Returns:
            Nats per token, a scalar without gradient; a gradient's norm where that is no finite number, for then there
            is no step to take.
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
        self._held_out, self._entities = Tally(), EntityTally()

    def validation_step(self, batch: TaggedBatch) -> None:
        """Tag sentences of the validation text."""
        self._count(batch)

    def on_validation_epoch_end(self) -> None:
        """Scores of the whole validation text."""
        self._log_scores("validation")

    def on_test_epoch_start(self) -> None:
        """Count anew."""
        self._held_out, self._entities = Tally(), EntityTally()

    def test_step(self, batch: TaggedBatch) -> None:
        """Tag sentences of the test text."""
        self._count(batch)

    def on_test_epoch_end(self) -> None:
        """Scores of the whole test text."""
        self._log_scores("test")

    def _count(self, batch: TaggedBatch) -> None:
        guesses = self.network.decode(batch)
        self._held_out = self._held_out.plus(guesses, batch)
        if self._scorer:
            self._entities = self._scorer.count(guesses, batch.tags, self._entities)

    def _log_scores(self, split: str) -> None:
        for name, score in (self._held_out.accuracies() | self._entities.scores()).items():
            self.log(f"{split}/{name}", score)
        self.log("step", float(self.global_step))  # Lightning's name for the step that the loggers are told

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a resumed run needs beside weights and optimizer."""
        checkpoint["tagging"] = {"items_seen": self.items_seen}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what :meth:`on_save_checkpoint` kept."""
        self.items_seen = checkpoint["tagging"]["items_seen"]
