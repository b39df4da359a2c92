"""Learning a language model: truncated back-propagation through time, and perplexity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast, final

import torch
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tasks.language_modeling.completion import Completer
from tasks.language_modeling.exposure.measurement import ExposureMeasurement
from tasks.language_modeling.held_out import HeldOut
from tasks.language_modeling.network import LanguageModel, NextToken
from tasks.language_modeling.remedied import TextRemedy
from tasks.language_modeling.training_state import TrainingState
from tasks.learning.clipping import Clipped
from tasks.learning.descent import Learning
from tasks.learning.through_time import ThroughTimeModule
from tasks.recurrent.cell import State
from tasks.recurrent.omega.omega import Omega
from tasks.recurrent.stack import detach

Reduction = Literal["token_mean", "time_sum"]


@final
class LanguageModelingModule(ThroughTimeModule[Tensor, Tensor]):
    """Truncated BPTT over contiguous columns with carried state; perplexity on held-out text.

    A batch is a segment of text, ids of shape (time + 1, batch): each id but the last is read, each but the first
    predicted. In training it is cut into windows of ``bptt`` steps, each of which is one optimizer step, or a part of
    one with ``accumulate``. The state goes from window to window without its gradient and is zero at the start of each
    epoch and of each evaluation, which has a state of its own.

    ``train/loss`` is in nats per token, the mean since the last time in the epoch that it was logged. The loggers get
    ``train/learning_rate`` and, where it is at work, ``train/omega`` too, and after each epoch ``train/perplexity`` (of
    that epoch, with dropout, while the weights moved); of characters, bits per character besides. All are logged at the
    number of optimizer steps done, not of batches.

    With a gradient whose norm is no finite number no step is taken, and the training step's loss becomes NaN or
    infinite, which ends a trial as diverged.

    Args:
        network: the language model.
        learning: how it learns.
        bptt: steps that the gradient goes back.
        omega: added to the gradient before clipping; None for none.
        reduction: ``token_mean``, or ``time_sum``: the sum over a window's steps of the mean over its columns.
        diagnose_every: optimizer steps between two diagnoses, the first before the first step; None for none.
        characters: whether a token is a character.
        completer: what ranks the tokens of the test text; None: nothing does.
        exposure: what measures exposure bias after the test; None: nothing does.
        remedied: what is minimized in place of the negative log-likelihood behind right words, of a recurrent network;
            None: nothing else. Then ``train/loss`` is still that likelihood, and ``train/objective`` what is minimized.
    """

    network: NextToken

    def __init__(
        self,
        *,
        network: NextToken,
        learning: Learning,
        bptt: int,
        omega: Omega | None,
        reduction: Reduction,
        diagnose_every: int | None,
        characters: bool,
        completer: Completer | None = None,
        exposure: ExposureMeasurement | None = None,
        remedied: TextRemedy | None = None,
    ) -> None:
        super().__init__(network=network, learning=learning, omega=omega, diagnose_every=diagnose_every)
        self._completer, self._exposure, self._remedied = completer, exposure, remedied
        self.remedy = None if remedied is None else remedied.remedy
        self._bptt, self._reduction, self._characters = bptt, reduction, characters
        self._training_state, self._held_out = TrainingState(), HeldOut()

    @property
    def helpers(self) -> Sequence[nn.Module]:
        """A remedy: nothing that is tested reads its weights."""
        return () if self.remedy is None else (self.remedy,)

    # Training

    def on_train_start(self) -> None:
        """A state that came from a checkpoint follows the weights to their device."""
        super().on_train_start()
        self._training_state.to(self.device)

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Learn from one segment, window by window.

        Args:
            batch: ids, shape (time + 1, batch).
            batch_idx: number of the segment in its epoch, from 0.

        Returns:
            Nats per token of the segment, a scalar without gradient; no finite number if a step could not be taken.
        """
        # Not in on_train_epoch_start: Lightning leaves that hook out when it resumes after an epoch's last batch.
        if batch_idx == 0:
            self._training_state.begin_epoch()
        self.draw_anew()
        before, ends = self._training_state.epoch, self.trainer.is_last_batch
        for begin in range(0, len(batch) - 1, self._bptt):
            end = begin + self._bptt + 1
            minimized, clipped = self.learn(batch[begin:end], last=ends and end >= len(batch))
            if self._remedied is not None and not minimized.isfinite():
                return minimized
            if clipped is not None and not clipped.usable:
                self.log_now({"train/gradient_norm": clipped.norm})
                loss = self._training_state.epoch.since(before).mean()
                return loss.where(~loss.isfinite(), clipped.norm)
        return self._training_state.epoch.since(before).mean()

    def loss(self, batch: Tensor) -> Tensor:
        """What is minimized, of a window: ids of shape (time + 1, batch). Carries the state on, and counts."""
        inputs, targets = batch[:-1], batch[1:]
        logits, after = self.network(inputs, self._before(batch))
        self._training_state.carried = detach(after)
        nats = cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
        self._training_state.count(nats.detach(), targets.numel())
        return nats / self.terms(batch)

    def back_propagate(self, batch: Tensor) -> Tensor:
        """See :meth:`LearningModule.back_propagate`; a remedy's own weights take their step."""
        if self._remedied is None:
            return super().back_propagate(batch)
        network = cast("LanguageModel", self.network)
        found = self._remedied.objective(network, self._before(batch), batch, update=self.global_step)
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        torch.autograd.backward(found.loss, inputs=weights)
        with torch.no_grad():
            self.loss(batch)  # right words alone: their likelihood is counted, and their state is carried on
        if found.own is not None:
            clipped = self._remedied.own.learn(found.own, self.optimizers(use_pl_optimizer=False))
            if not clipped.usable:
                return torch.full_like(found.loss.detach(), clipped.norm)
        return found.loss.detach()

    def initialise(self, seed: int) -> None:
        """See :meth:`LearningModule.initialise`; a remedy's weights, too."""
        super().initialise(seed)
        if self.remedy is not None:
            self.learning.initialization.fill(self.remedy, seed=seed)

    def configure_optimizers(self) -> Any:
        """The network's optimizer, and behind it that of a remedy's weights, if it has any."""
        network = super().configure_optimizers()
        return network if self._remedied is None else self._remedied.own.behind(network)

    def items(self, batch: Tensor) -> int:
        """Tokens that are predicted."""
        return batch[1:].numel()

    def terms(self, batch: Tensor) -> int:
        """Tokens, or columns."""
        return self.items(batch) if self._reduction == "token_mean" else batch.shape[1]

    def score_last(self, batch: Tensor) -> Tensor:
        """Nats of each column's last target, summed; nothing is carried on."""
        logits, _ = self.network(batch[:-1], self._before(batch))
        return cross_entropy(logits[-1], batch[-1], reduction="sum")

    def _before(self, window: Tensor) -> tuple[State, ...]:
        carried = self._training_state.carried
        return self.network.initial_state(window.shape[1]) if carried is None else carried

    def observe_omega(self, value: Tensor) -> None:
        """See :meth:`ThroughTimeModule.observe_omega`."""
        self._training_state.omega = value

    def step_metrics(self, loss: Tensor, clipped: Clipped) -> Mapping[str, float]:  # noqa: ARG002
        """See :meth:`ThroughTimeModule.step_metrics`."""
        unlogged, omega = self._training_state.take_unlogged().mean(), self._training_state.omega
        metrics = {**super().step_metrics(unlogged, clipped), "train/learning_rate": self.learning_rate}
        if self._remedied is not None:
            metrics |= {f"train/{name}": value for name, value in self._remedied.logged.items()}
        return metrics if omega is None else {**metrics, "train/omega": omega.item()}

    # Evaluation

    def begin_counting(self) -> None:
        """Start the text anew."""
        self._held_out.begin()

    def on_test_epoch_start(self) -> None:
        """Begin with the test text, whose tokens are ranked where that is asked for."""
        self._held_out.begin(self._completer)

    def count(self, batch: Tensor) -> None:
        """Score one segment of held-out text, ids of shape (time + 1, batch)."""
        self._held_out.read(batch, self.network)

    def scores(self) -> Mapping[str, float]:
        """Perplexity, of characters bits per character, and where it was asked for how the text is completed."""
        likelihood = self._held_out.likelihood.scores(characters=self._characters)
        return likelihood | self._held_out.completions.scores()

    def on_test_epoch_end(self) -> None:
        """Log the scores of the whole test text, and exposure bias where it was asked for."""
        super().on_test_epoch_end()
        if self._exposure is not None:
            self.log_whole(self._exposure.measure(self.network, self.device))

    def on_validation_epoch_end(self) -> None:
        """Perplexity of the whole validation text, and of the epoch's training text so far.

        The second is logged here too, so that both are out before a checkpoint is taken between two epochs.
        """
        super().on_validation_epoch_end()
        if self.trainer.state.fn == TrainerFn.FITTING:
            self.log("train/perplexity", self._training_state.epoch.perplexity())

    # Checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a resumed run needs beside weights and optimizer."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["language_modeling"] = self._training_state.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take up what :meth:`on_save_checkpoint` kept."""
        super().on_load_checkpoint(checkpoint)
        self._training_state.load_state_dict(checkpoint["language_modeling"])
