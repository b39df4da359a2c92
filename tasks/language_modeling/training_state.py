"""What a training run knows beside weights and optimizer, and what a resumed run needs to go on exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, final

import torch
from torch import Tensor

from tasks.language_modeling.likelihood import Likelihood
from tasks.learning.clipping import ClipRate
from tasks.recurrent.cell import State


@final
@dataclass(slots=True)
class TrainingState:
    """Mutable, and kept out of the module's attributes: torch makes setting those slow.

    Args:
        items_seen: tokens trained on so far.
        carried: state of the recurrent layers after the last window, without its gradient; None at an epoch's start.
        epoch: how the epoch's text was predicted so far.
        logged: the part of it that was logged.
        clips: how often gradients were clipped since that was logged.
    """

    items_seen: int = 0
    carried: tuple[State, ...] | None = None
    epoch: Likelihood = field(default_factory=Likelihood)
    logged: Likelihood = field(default_factory=Likelihood)
    clips: ClipRate = field(default_factory=ClipRate)

    def begin_epoch(self) -> None:
        """Read the text from its start again, remembering nothing."""
        self.carried, self.epoch, self.logged = None, Likelihood(), Likelihood()

    def count(self, nats: Tensor, tokens: int) -> None:
        """A window of ``tokens`` tokens was learned from; their negative log-likelihoods sum to ``nats``."""
        self.items_seen += tokens
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
        return {"items_seen": self.items_seen, "carried": self.carried, "clips": asdict(self.clips), **sums}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state_dict` gave."""
        self.items_seen, self.carried = state["items_seen"], state["carried"]
        self.epoch, self.logged = Likelihood(*state["epoch"]), Likelihood(*state["logged"])
        self.clips = ClipRate(**state.get("clips", {}))  # checkpoints of older versions have none
