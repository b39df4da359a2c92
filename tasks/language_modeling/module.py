"""Learning a language model: truncated back-propagation through time, and perplexity."""

from __future__ import annotations

import math
from typing import Any, cast, final

import pytorch_lightning as pl
import torch
from pytorch_lightning.core.optimizer import LightningOptimizer
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from tasks.language_modeling.batches import PADDING
from tasks.language_modeling.likelihood import Likelihood
from tasks.language_modeling.network import LanguageModel
from tasks.language_modeling.optimization import OptimizerName, Reduction, Schedule, build_optimizer
from tasks.language_modeling.training_state import TrainingState
from tasks.recurrent.cell import State
from tasks.recurrent.initialization import Initialization
from tasks.recurrent.stack import detach


@final
class LanguageModelingModule(pl.LightningModule):
    """Truncated BPTT over contiguous columns with carried state; perplexity on held-out text.

    A batch is a window of ids, shape (time + 1, batch): each id but the last is read, each but the first predicted.
    The state goes from window to window without its gradient and is zero at the start of each epoch and of each
    evaluation, which has a state of its own. Optimization is manual: backward, clipping and update are one visible
    line each. Every ``log_every_n_steps`` steps it logs ``train/loss`` (nats per token, the mean since the last such
    step of the epoch), ``train/gradient_norm`` (before clipping) and ``train/learning_rate``; after each epoch
    ``train/perplexity`` (of that epoch, with dropout, while the weights moved) and ``validation/perplexity``.

    Args:
        network: the language model.
        initialization: how its weights are drawn.
        optimizer: ``sgd`` or ``adam``.
        schedule: learning rate of each epoch.
        clip_norm: largest L2 norm of the gradient of all weights together; None for no clipping.
        reduction: ``token_mean``, or ``time_sum``: the sum over a window's steps of the mean over its columns.
    """

    def __init__(
        self,
        *,
        network: LanguageModel,
        initialization: Initialization,
        optimizer: OptimizerName,
        schedule: Schedule,
        clip_norm: float | None,
        reduction: Reduction,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self._initialization, self._optimizer, self._schedule = initialization, optimizer, schedule
        self._clip_norm = math.inf if clip_norm is None else clip_norm
        self._reduction = reduction
        self._training_state = TrainingState()
        self._held_out = Likelihood()
        self._held_out_state: tuple[State, ...] = ()

    @property
    def items_seen(self) -> int:
        """Tokens trained on so far; kept across resume."""
        return self._training_state.items_seen

    def initialise(self, seed: int) -> None:
        """Draw every weight as a function of (seed, parameter name, shape)."""
        self._initialization.fill(self.network, seed=seed)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """One optimizer for all weights."""
        return build_optimizer(self._optimizer, self.network.parameters(), learning_rate=self._schedule.learning_rate)

    # Training

    def on_train_start(self) -> None:
        """A state that came from a checkpoint follows the weights to their device."""
        self._training_state.to(self.device)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Learn from one window.

        Args:
            batch: ids, shape (time + 1, batch).
            batch_idx: number of the window in its epoch, from 0.

        Returns:
            The loss, a scalar without gradient.
        """
        optimizer = cast("LightningOptimizer", self.optimizers())
        if batch_idx == 0:
            self._begin_epoch(optimizer)
        inputs, targets = batch[:-1], batch[1:]
        nats = self._predict(inputs, targets)
        loss = nats / (targets.numel() if self._reduction == "token_mean" else targets.shape[1])
        optimizer.zero_grad()
        self.manual_backward(loss)
        norm = clip_grad_norm_(optimizer.param_groups[0]["params"], self._clip_norm)
        optimizer.step()
        self._count(nats.detach(), targets.numel(), norm)
        return loss.detach()

    def _begin_epoch(self, optimizer: LightningOptimizer) -> None:
        """Read the text from its start, at the epoch's learning rate.

        Not in ``on_train_epoch_start``: Lightning leaves that hook out when it resumes after an epoch's last batch.
        """
        self._training_state.begin_epoch()
        for group in optimizer.param_groups:
            group["lr"] = self._schedule.at(self.current_epoch)

    def _predict(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Sum of the negative log-likelihoods of a window; carries the state on."""
        carried = self._training_state.carried
        state = self.network.initial_state(inputs.shape[1]) if carried is None else carried
        logits, state = self.network(inputs, state)
        self._training_state.carried = detach(state)
        return cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")

    def _count(self, nats: Tensor, tokens: int, norm: Tensor) -> None:
        """Add up what the step saw, and log now and then."""
        state = self._training_state
        state.items_seen += tokens
        state.epoch = state.epoch.plus(nats, tokens)
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # the trainer sets it when built
        if every and self.global_step % every == 0:
            self.log("train/loss", state.epoch.since(state.logged).mean())
            self.log("train/gradient_norm", norm)
            self.log("train/learning_rate", self._schedule.at(self.current_epoch))
            state.logged = state.epoch

    # Evaluation

    def on_validation_epoch_start(self) -> None:
        """Start the text anew."""
        self._held_out = Likelihood()

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        """Score one window of the validation text, ids of shape (time + 1, batch)."""
        self._evaluate(batch, fresh=batch_idx == 0)

    def on_validation_epoch_end(self) -> None:
        """Perplexity of the whole validation text, and of the epoch's training text so far.

        The second is logged here too, so that both are out before a checkpoint is taken between two epochs.
        """
        self.log("validation/perplexity", self._held_out.perplexity())
        if self.trainer.state.fn == TrainerFn.FITTING:
            self.log("train/perplexity", self._training_state.epoch.perplexity())

    def on_test_epoch_start(self) -> None:
        """Start the text anew."""
        self._held_out = Likelihood()

    def test_step(self, batch: Tensor, batch_idx: int) -> None:
        """Score one window of the test text, ids of shape (time + 1, batch)."""
        self._evaluate(batch, fresh=batch_idx == 0)

    def on_test_epoch_end(self) -> None:
        """Perplexity of the whole test text."""
        self.log("test/perplexity", self._held_out.perplexity())

    def _evaluate(self, batch: Tensor, *, fresh: bool) -> None:
        # Padding ends a column: what is read after it predicts nothing but more padding.
        inputs, targets = batch[:-1].clamp(min=0), batch[1:]
        before = self.network.initial_state(inputs.shape[1]) if fresh else self._held_out_state
        logits, self._held_out_state = self.network(inputs, before)
        nats = cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PADDING, reduction="none")
        self._held_out = self._held_out.plus(nats.double().sum(), int((targets != PADDING).sum()))

    # Checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a resumed run needs beside weights and optimizer."""
        checkpoint["language_modeling"] = self._training_state.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what :meth:`on_save_checkpoint` kept."""
        self._training_state.load_state_dict(checkpoint["language_modeling"])
