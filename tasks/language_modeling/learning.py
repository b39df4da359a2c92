"""One optimizer step of a language model, from a window of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, final

from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import Optimizer

from tasks.language_modeling.network import LanguageModel, NextToken
from tasks.language_modeling.optimization import Reduction
from tasks.language_modeling.training_state import TrainingState
from tasks.learning.clipping import Clipped, Clipping
from tasks.recurrent.cell import State
from tasks.recurrent.omega.omega import Omega
from tasks.recurrent.stack import detach


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """Forward, backward, Omega, clip, update: each a visible line.

    Tensor and optimizer are called directly: the ways through Lightning call hooks that nobody has here, a tenth of a
    millisecond per step, which is a twentieth of a small network's. What they leave to the caller is to count steps.

    Args:
        network: the language model.
        state: what is carried from window to window.
        reduction: ``token_mean``, or ``time_sum``: the sum over a window's steps of the mean over its columns.
        clipping: how gradients are kept small.
        omega: added to the gradient before clipping; None for none.
    """

    network: NextToken
    state: TrainingState
    reduction: Reduction
    clipping: Clipping
    omega: Omega | None

    def learn(self, window: Tensor, optimizer: Optimizer) -> tuple[Clipped, Tensor | None]:
        """Learn from ids of shape (time + 1, batch), unless their gradient is of no use.

        Returns:
            What clipping saw, and the value of Omega.
        """
        optimizer.zero_grad()
        omega = self._back_propagate(window)
        clipped = self.clipping.apply(optimizer.param_groups[0]["params"])
        if clipped.usable:
            optimizer.step()
        self.state.clips.count(clipped)
        return clipped, omega

    def score_last(self, window: Tensor) -> Tensor:
        """Nats of each column's last target, summed; nothing is carried on."""
        logits, _ = self.network(window[:-1], self._before(window))
        return cross_entropy(logits[-1], window[-1], reduction="sum")

    def _back_propagate(self, window: Tensor) -> Tensor | None:
        if self.omega is None:
            self._loss(window).backward()  # type: ignore[no-untyped-call]
            return None
        # Omega is refused for other kinds of networks.
        with self.omega.watch(cast("LanguageModel", self.network).recurrent) as traces:
            loss = self._loss(window)
        loss.backward()  # type: ignore[no-untyped-call]
        return self.omega.add_gradient(traces)

    def _loss(self, window: Tensor) -> Tensor:
        """What is minimized; carries the state on, and counts."""
        inputs, targets = window[:-1], window[1:]
        logits, after = self.network(inputs, self._before(window))
        self.state.carried = detach(after)
        nats = cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
        self.state.count(nats.detach(), targets.numel())
        return nats / (targets.numel() if self.reduction == "token_mean" else targets.shape[1])

    def _before(self, window: Tensor) -> tuple[State, ...]:
        carried = self.state.carried
        return self.network.initial_state(window.shape[1]) if carried is None else carried
