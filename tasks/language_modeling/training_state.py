"""What is carried through the training text, and what a resumed run needs of it to go on exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import torch
from torch import Tensor

from tasks.language_modeling.likelihood import Likelihood
from tasks.recurrent.cell import State


@final
@dataclass(slots=True)
class TrainingState:
    """Mutable, and kept out of the module's attributes: torch makes setting those slow.

    Args:
        carried: state of the recurrent layers after the last window, without its gradient; None at an epoch's start.
        epoch: how the epoch's text was predicted so far.
        logged: the part of it that was logged.
        omega: of the last window; None where there is none.
    """

    carried: tuple[State, ...] | None = None
    epoch: Likelihood = field(default_factory=Likelihood)
    logged: Likelihood = field(default_factory=Likelihood)
    omega: Tensor | None = None

    def begin_epoch(self) -> None:
        """Read the text from its start again, remembering nothing."""
        self.carried, self.epoch, self.logged = None, Likelihood(), Likelihood()

    def count(self, nats: Tensor, tokens: int) -> None:
        """A window of ``tokens`` tokens was read; their negative log-likelihoods sum to ``nats``."""
        self.epoch = self.epoch.plus(nats, tokens)

    def take_unlogged(self) -> Likelihood:
        """What of the epoch's text is not logged yet; it is from now on."""
        unlogged, self.logged = self.epoch.since(self.logged), self.epoch
        return unlogged

    def to(self, device: torch.device) -> None:
        """Move what is carried to the device of the weights."""
        if self.carried is not None:
            self.carried = tuple(tuple(part.to(device) for part in layer) for layer in self.carried)

    def state_dict(self) -> dict[str, Any]:
        """Plain types and tensors."""
        sums = {name: (part.nats, part.tokens) for name, part in (("epoch", self.epoch), ("logged", self.logged))}
        return {"carried": self.carried, **sums}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state_dict` gave."""
        self.carried = state["carried"]
        self.epoch, self.logged = Likelihood(*state["epoch"]), Likelihood(*state["logged"])
