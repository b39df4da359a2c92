"""From gradients of batches to optimizer steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, final

import torch
from torch import Tensor
from torch.optim import Optimizer

from tasks.learning.clipping import Clipped, Clipping, ClipRate
from tasks.learning.optimizer import shrink
from tasks.learning.schedule import LearningRate
from tasks.learning.settings import OptimizerName
from tasks.recurrent.initialization import Initialization
from unroll.contract import Direction


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """How a network learns, whatever its loss is.

    Args:
        initialization: how its weights are drawn.
        optimizer: ``sgd``, ``adam`` or ``rmsprop``.
        rate: learning rate of each step.
        clipping: what is done to a large gradient.
        momentum: of ``sgd``.
        weight_decay: see :func:`~tasks.learning.optimizer.shrink`.
        accumulate: batches whose gradients make a step, see :meth:`Descent.take`.
        monitor: what the schedule observes: a score of validation, without the split, and which way is better; None:
            it observes nothing.
    """

    initialization: Initialization
    optimizer: OptimizerName
    rate: LearningRate
    clipping: Clipping
    momentum: float = 0.0
    weight_decay: float = 0.0
    accumulate: int = 1
    monitor: tuple[str, Direction] | None = None


@final
@dataclass(slots=True)
class Descent:
    """Takes the steps, and holds what a resumed run needs of them beside weights and optimizer.

    Mutable, and kept out of a module's attributes: torch makes setting those slow.

    Args:
        learning: how steps are taken.
        items_seen: real steps of sequences trained on so far.
        clips: how often gradients were clipped since that was logged.
        batches: of the step to come, those whose gradients are in ``sums``.
        terms: what their losses are means of, all together.
        sums: for each weight of the optimizer, in its order, the sum of their gradients times their terms.
    """

    learning: Learning
    items_seen: int = 0
    clips: ClipRate = field(default_factory=ClipRate)
    batches: int = 0
    terms: int = 0
    sums: list[Tensor | None] = field(default_factory=list)

    def take(self, optimizer: Optimizer, *, terms: int, last: bool, step: int, epoch: int) -> Clipped | None:
        """Use the gradient of one batch: as a step, or as a part of one.

        With ``accumulate`` = k, k batches make a step, and the last ones of an epoch, if they are fewer. The gradient
        is the mean over all terms of their losses, as it would be for one batch of all their sequences: where the loss
        is a mean over tokens, a batch of 10 tokens counts a tenth of one of 100.

        Args:
            optimizer: has the weights, and they the gradient.
            terms: what the batch's loss is the mean of: tokens or sequences; looked at only with several batches.
            last: whether the epoch ends with this batch.
            step: optimizer steps done so far.
            epoch: from 0.

        Returns:
            What clipping saw, after the step if one could be taken; None where the step needs more batches.
        """
        weights = optimizer.param_groups[0]["params"]
        # Of a single batch the gradient is used as it is: times its terms and over them would round it.
        if self.learning.accumulate > 1:
            self._add([weight.grad for weight in weights], terms)
            if self.batches < self.learning.accumulate and not last:
                return None
            for weight, total in zip(weights, self.sums, strict=True):
                weight.grad = None if total is None else total / self.terms  # sum_b terms_b * grad_b / sum_b terms_b
            self.batches, self.terms, self.sums = 0, 0, []
        clipped = self.learning.clipping.apply(weights)
        if clipped.usable:
            optimizer.param_groups[0]["lr"] = self.learning.rate.at(step=step, epoch=epoch)  # shrink reads it
            if self.learning.weight_decay:
                shrink(optimizer, self.learning.weight_decay)
            optimizer.step()
        self.clips.count(clipped)  # a gradient without a finite norm counts as a step that was not clipped
        return clipped

    def _add(self, gradients: list[Tensor | None], terms: int) -> None:
        weighted = [None if gradient is None else gradient * terms for gradient in gradients]
        sums = self.sums or [None] * len(weighted)
        self.sums = [
            # A weight may have a gradient from some batches alone; None and zero differ, for None is no step at all.
            new if old is None else old if new is None else old + new
            for old, new in zip(sums, weighted, strict=True)
        ]
        self.batches, self.terms = self.batches + 1, self.terms + terms

    def to(self, device: torch.device) -> None:
        """Move the gradients to the device of the weights."""
        self.sums = [None if total is None else total.to(device) for total in self.sums]

    def state_dict(self) -> dict[str, Any]:
        """Plain types and tensors."""
        names = ("items_seen", "batches", "terms", "sums")
        schedule = self.learning.rate.schedule.state_dict()
        return {"clips": asdict(self.clips), "schedule": schedule, **{name: getattr(self, name) for name in names}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state_dict` gave."""
        self.items_seen, self.clips = state["items_seen"], ClipRate(**state["clips"])
        self.batches, self.terms, self.sums = state["batches"], state["terms"], state["sums"]
        self.learning.rate.schedule.load_state_dict(state["schedule"])
