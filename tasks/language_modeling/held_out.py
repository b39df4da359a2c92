"""Reading held-out text: one likelihood, with a state of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

from torch import Tensor
from torch.nn.functional import cross_entropy

from tasks.language_modeling.batches import PADDING
from tasks.language_modeling.completion import Completer, Completions
from tasks.language_modeling.likelihood import Likelihood
from tasks.language_modeling.network import NextToken
from tasks.recurrent.cell import State


@final
@dataclass(slots=True)
class HeldOut:
    """Mutable, and kept out of the module's attributes: torch makes setting those slow.

    Args:
        likelihood: how the text was predicted so far.
        state: of the recurrent layers after it; None at its start.
        completer: what ranks its tokens, too; None: nothing does.
        completions: how they were ranked.
    """

    likelihood: Likelihood = field(default_factory=Likelihood)
    state: tuple[State, ...] | None = None
    completer: Completer | None = None
    completions: Completions = field(default_factory=Completions)

    def begin(self, completer: Completer | None = None) -> None:
        """Start the text anew, remembering nothing."""
        self.likelihood, self.state = Likelihood(), None
        self.completer, self.completions = completer, Completions()

    def read(self, segment: Tensor, network: NextToken) -> None:
        """Score one segment, ids of shape (time + 1, batch), and carry the state on."""
        # Padding ends a column: what is read after it predicts nothing but more padding.
        inputs, targets = segment[:-1].clamp(min=0), segment[1:]
        before = network.initial_state(inputs.shape[1]) if self.state is None else self.state
        logits, self.state = network(inputs, before)
        nats = cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=PADDING, reduction="none")
        self.likelihood = self.likelihood.plus(nats.double().sum(), int((targets != PADDING).sum()))
        if self.completer is not None:
            real = targets != PADDING
            self.completions = self.completions.plus(self.completer.rank(logits[real], targets[real]))
