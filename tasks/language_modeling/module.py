"""Learning a language model: truncated back-propagation through time, and perplexity."""

from __future__ import annotations

import math
from typing import Any, cast, final

import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

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

    A batch is a stretch of text, ids of shape (time + 1, batch): each id but the last is read, each but the first
    predicted. In training it is cut into windows of ``bptt`` steps, each of which is one optimizer step. The state goes
    from window to window without its gradient and is zero at the start of each epoch and of each evaluation, which has
    a state of its own. Optimization is manual: backward, clipping and update are one visible line each.

    Every ``log_every_n_steps`` optimizer steps the loggers get ``train/loss`` (nats per token, the mean since the last
    such step of the epoch), ``train/gradient_norm`` (before clipping) and ``train/learning_rate``; after each epoch
    ``train/perplexity`` (of that epoch, with dropout, while the weights moved) and ``validation/perplexity``. All are
    logged at the number of optimizer steps done, not of batches.

    Args:
        network: the language model.
        initialization: how its weights are drawn.
        optimizer: ``sgd`` or ``adam``.
        schedule: learning rate of each epoch.
        bptt: steps that the gradient goes back.
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
        bptt: int,
        clip_norm: float | None,
        reduction: Reduction,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self._initialization, self._optimizer, self._schedule = initialization, optimizer, schedule
        self._bptt = bptt
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

    def configure_optimizers(self) -> Optimizer:
        """One optimizer for all weights."""
        return build_optimizer(self._optimizer, self.network.parameters(), learning_rate=self._schedule.learning_rate)

    # Training

    def on_train_start(self) -> None:
        """A state that came from a checkpoint follows the weights to their device."""
        self._training_state.to(self.device)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Learn from one stretch, window by window.

        Args:
            batch: ids, shape (time + 1, batch).
            batch_idx: number of the stretch in its epoch, from 0.

        Returns:
            Nats per token of the stretch, a scalar without gradient.
        """
        optimizer = cast("Optimizer", self.optimizers(use_pl_optimizer=False))
        if batch_idx == 0:
            self._begin_epoch(optimizer)
        before = self._training_state.epoch
        for begin in range(0, len(batch) - 1, self._bptt):
            self._learn(batch[begin : begin + self._bptt + 1], optimizer)
        return self._training_state.epoch.since(before).mean()

    def _begin_epoch(self, optimizer: Optimizer) -> None:
        """Read the text from its start, at the epoch's learning rate.

        Not in ``on_train_epoch_start``: Lightning leaves that hook out when it resumes after an epoch's last batch.
        """
        self._training_state.begin_epoch()
        for group in optimizer.param_groups:
            group["lr"] = self._schedule.at(self.current_epoch)

    def _learn(self, window: Tensor, optimizer: Optimizer) -> None:
        """One optimizer step: forward, backward, clip, update.

        Tensor and optimizer are called directly: the ways through Lightning call hooks that nobody has here, a tenth
        of a millisecond per step, which is a twentieth of a small network's. What they leave to us is to count.
        """
        inputs, targets = window[:-1], window[1:]
        nats = self._predict(inputs, targets)
        optimizer.zero_grad()
        loss = nats / (targets.numel() if self._reduction == "token_mean" else targets.shape[1])
        loss.backward()  # type: ignore[no-untyped-call]
        norm = clip_grad_norm_(optimizer.param_groups[0]["params"], self._clip_norm)
        optimizer.step()
        self._count_step()
        self._training_state.count(nats.detach(), targets.numel())
        self._log_step(norm)

    def _count_step(self) -> None:
        """What Lightning's wrapper of the optimizer does: ``global_step`` is this number."""
        steps = self.trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
        steps.increment_ready()
        steps.increment_completed()

    def _predict(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Sum of the negative log-likelihoods of a window; carries the state on."""
        carried = self._training_state.carried
        state = self.network.initial_state(inputs.shape[1]) if carried is None else carried
        logits, state = self.network(inputs, state)
        self._training_state.carried = detach(state)
        return cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")

    def _log_step(self, norm: Tensor) -> None:
        """Every so many steps, tell the loggers; ``self.log`` could do so between two batches only."""
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # the trainer sets it when built
        if not every or self.global_step % every:
            return
        values = {
            "train/loss": self._training_state.take_unlogged().mean().item(),
            "train/gradient_norm": norm.item(),
            "train/learning_rate": self._schedule.at(self.current_epoch),
        }
        for logger in self.loggers:
            logger.log_metrics(values, step=self.global_step)

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
        self._log_perplexity("validation")
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
        self._log_perplexity("test")

    def _evaluate(self, batch: Tensor, *, fresh: bool) -> None:
        # Padding ends a column: what is read after it predicts nothing but more padding.
        inputs, targets = batch[:-1].clamp(min=0), batch[1:]
        before = self.network.initial_state(inputs.shape[1]) if fresh else self._held_out_state
        logits, self._held_out_state = self.network(inputs, before)
        nats = cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PADDING, reduction="none")
        self._held_out = self._held_out.plus(nats.double().sum(), int((targets != PADDING).sum()))

    def _log_perplexity(self, split: str) -> None:
        self.log(f"{split}/perplexity", self._held_out.perplexity())
        self.log("step", float(self.global_step))  # Lightning's name for the step that the loggers are told

    # Checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a resumed run needs beside weights and optimizer."""
        checkpoint["language_modeling"] = self._training_state.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what :meth:`on_save_checkpoint` kept."""
        self._training_state.load_state_dict(checkpoint["language_modeling"])
