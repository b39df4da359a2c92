"""Learning a language model: truncated back-propagation through time, and perplexity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, final

import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor
from torch.optim import Optimizer

from tasks.language_modeling.held_out import HeldOut
from tasks.language_modeling.learning import Learner
from tasks.language_modeling.network import NextToken
from tasks.language_modeling.optimization import Reduction, Schedule
from tasks.language_modeling.training_state import TrainingState
from tasks.learning.clipping import Clipped, Clipping
from tasks.learning.optimizer import OptimizerName, build_optimizer
from tasks.recurrent.diagnostics.diagnose import diagnose
from tasks.recurrent.initialization import Initialization
from tasks.recurrent.omega.omega import Omega


@final
class LanguageModelingModule(pl.LightningModule):
    """Truncated BPTT over contiguous columns with carried state; perplexity on held-out text.

    A batch is a stretch of text, ids of shape (time + 1, batch): each id but the last is read, each but the first
    predicted. In training it is cut into windows of ``bptt`` steps, each of which is one optimizer step. The state goes
    from window to window without its gradient and is zero at the start of each epoch and of each evaluation, which has
    a state of its own. Optimization is manual: see :class:`~tasks.language_modeling.learning.Learner`.

    Every ``log_every_n_steps`` optimizer steps the loggers get ``train/loss`` (nats per token, the mean since the last
    such step of the epoch), ``train/gradient_norm`` (before clipping), ``train/clip_rate`` (share of the steps since
    the last such step whose gradient was clipped), ``train/learning_rate`` and, where it is at work, ``train/omega``;
    after each epoch ``train/perplexity`` (of that epoch, with dropout, while the weights moved) and
    ``validation/perplexity``; of characters, bits per character besides. Every ``diagnose_every`` steps they get what
    :func:`~tasks.recurrent.diagnostics.diagnose.diagnose` sees. All are logged at the number of optimizer steps done,
    not of batches.

    With a gradient whose norm is no finite number no step is taken, and the training step's loss becomes NaN or
    infinite, which ends a trial as diverged.

    Args:
        network: the language model.
        initialization: how its weights are drawn.
        optimizer: ``sgd``, ``adam`` or ``rmsprop``.
        schedule: learning rate of each epoch.
        bptt: steps that the gradient goes back.
        clipping: how gradients are kept small.
        omega: added to the gradient before clipping; None for none.
        reduction: ``token_mean``, or ``time_sum``: the sum over a window's steps of the mean over its columns.
        diagnose_every: optimizer steps between two diagnoses, the first before the first step; None for none.
        characters: whether a token is a character.
    """

    def __init__(
        self,
        *,
        network: NextToken,
        initialization: Initialization,
        optimizer: OptimizerName,
        schedule: Schedule,
        bptt: int,
        clipping: Clipping,
        omega: Omega | None,
        reduction: Reduction,
        diagnose_every: int | None,
        characters: bool,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self._initialization, self._optimizer, self._schedule = initialization, optimizer, schedule
        self._bptt, self._diagnose_every, self._characters = bptt, diagnose_every, characters
        self._training_state, self._held_out = TrainingState(), HeldOut()
        self._learner = Learner(
            network=network, state=self._training_state, reduction=reduction, clipping=clipping, omega=omega
        )

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
            Nats per token of the stretch, a scalar without gradient; no finite number if a step could not be taken.
        """
        optimizer = cast("Optimizer", self.optimizers(use_pl_optimizer=False))
        if batch_idx == 0:
            self._begin_epoch(optimizer)
        before = self._training_state.epoch
        for begin in range(0, len(batch) - 1, self._bptt):
            clipped = self._learn(batch[begin : begin + self._bptt + 1], optimizer)
            if not clipped.usable:
                loss = self._training_state.epoch.since(before).mean()
                return loss.where(~loss.isfinite(), clipped.norm)
        return self._training_state.epoch.since(before).mean()

    def _begin_epoch(self, optimizer: Optimizer) -> None:
        """Read the text from its start, at the epoch's learning rate.

        Not in ``on_train_epoch_start``: Lightning leaves that hook out when it resumes after an epoch's last batch.
        """
        self._training_state.begin_epoch()
        for group in optimizer.param_groups:
            group["lr"] = self._schedule.at(self.current_epoch)

    def _learn(self, window: Tensor, optimizer: Optimizer) -> Clipped:
        """One optimizer step, if it can be taken."""
        self._diagnose_if_due(window)
        clipped, omega = self._learner.learn(window, optimizer)
        if clipped.usable:
            self._count_step()
        self._log_step(clipped, omega)
        return clipped

    def _count_step(self) -> None:
        """What Lightning's wrapper of the optimizer does: ``global_step`` is this number."""
        steps = self.trainer.fit_loop.epoch_loop.manual_optimization.optim_step_progress
        steps.increment_ready()
        steps.increment_completed()

    def _diagnose_if_due(self, window: Tensor) -> None:
        """Before a step, so that the first diagnosis is of the network as it begins."""
        if self._diagnose_every and self.global_step % self._diagnose_every == 0:
            self._tell(diagnose(self.network, lambda: self._learner.score_last(window)))

    def _log_step(self, clipped: Clipped, omega: Tensor | None) -> None:
        """Every so many steps, tell the loggers; ``self.log`` could do so between two batches only."""
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]  # the trainer sets it when built
        if not clipped.usable:
            self._tell({"train/gradient_norm": clipped.norm})
        elif every and self.global_step % every == 0:
            values = {
                "train/loss": self._training_state.take_unlogged().mean().item(),
                "train/gradient_norm": clipped.norm,
                "train/clip_rate": self._training_state.clips.take(),
                "train/learning_rate": self._schedule.at(self.current_epoch),
            }
            self._tell(values if omega is None else {**values, "train/omega": omega.item()})

    def _tell(self, values: Mapping[str, float]) -> None:
        for logger in self.loggers:
            logger.log_metrics(dict(values), step=self.global_step)

    # Evaluation

    def on_validation_epoch_start(self) -> None:
        """Start the text anew."""
        self._held_out.begin()

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:  # noqa: ARG002
        """Score one stretch of the validation text, ids of shape (time + 1, batch)."""
        self._held_out.read(batch, self.network)

    def on_validation_epoch_end(self) -> None:
        """Perplexity of the whole validation text, and of the epoch's training text so far.

        The second is logged here too, so that both are out before a checkpoint is taken between two epochs.
        """
        self._log_scores("validation")
        if self.trainer.state.fn == TrainerFn.FITTING:
            self.log("train/perplexity", self._training_state.epoch.perplexity())

    def on_test_epoch_start(self) -> None:
        """Start the text anew."""
        self._held_out.begin()

    def test_step(self, batch: Tensor, batch_idx: int) -> None:  # noqa: ARG002
        """Score one stretch of the test text, ids of shape (time + 1, batch)."""
        self._held_out.read(batch, self.network)

    def on_test_epoch_end(self) -> None:
        """Perplexity of the whole test text."""
        self._log_scores("test")

    def _log_scores(self, split: str) -> None:
        scores = self._held_out.likelihood.scores(characters=self._characters)
        self.log_dict({f"{split}/{name}": score for name, score in scores.items()})
        self.log("step", float(self.global_step))  # Lightning's name for the step that the loggers are told

    # Checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a resumed run needs beside weights and optimizer."""
        checkpoint["language_modeling"] = self._training_state.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what :meth:`on_save_checkpoint` kept."""
        self._training_state.load_state_dict(checkpoint["language_modeling"])
