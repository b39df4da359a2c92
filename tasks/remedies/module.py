"""Learning by a remedy."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast, final

import torch
from torch import Tensor, nn

from tasks.learning.clipping import Clipped
from tasks.learning.descent import Learning
from tasks.learning.module import LearningModule
from tasks.remedies.own_weights import OwnWeights
from tasks.remedies.remedy import Examples, Remedy, SequenceModel

BatchT = TypeVar("BatchT")
HeldOutT = TypeVar("HeldOutT")


@final
@dataclass(slots=True)
class _Last:
    """Of the batch that was just learned from; kept out of a module's attributes, which torch makes slow to set."""

    logged: Mapping[str, float] = field(default_factory=dict)


class RemedyModule(LearningModule[BatchT, HeldOutT]):
    """A :class:`LearningModule` that minimizes what a remedy says.

    The network learns from :attr:`Objective.loss` alone, the remedy's own weights from :attr:`Objective.own` alone: by
    Adam at a constant rate, with the same clipping as the network's, after every batch that gives them something to
    learn. With the other numbers of a step the loggers get what the remedy logs, as ``train/NAME``.

    Args:
        network: what learns.
        learning: how it learns.
        remedy: what is minimized.
        updates: optimizer steps of the whole run.
        own_rate: learning rate of the remedy's weights; None: it has none.
    """

    def __init__(
        self, *, network: nn.Module, learning: Learning, remedy: Remedy, updates: int, own_rate: float | None
    ) -> None:
        super().__init__(network=network, learning=learning)
        self.remedy, self.updates = remedy, updates
        self._own, self._last = OwnWeights(remedy, rate=own_rate, clipping=learning.clipping), _Last()

    @property
    def helpers(self) -> Sequence[nn.Module]:
        """The remedy: nothing that is tested reads its weights."""
        return (self.remedy,)

    @abstractmethod
    def sequence_model(self, batch: BatchT) -> SequenceModel:
        """The network on what the sequences of a batch are conditioned on."""

    @abstractmethod
    def examples(self, batch: BatchT) -> Examples:
        """The right sequences of a batch, and how far training is: ``global_step`` of :attr:`updates`."""

    def loss(self, batch: BatchT) -> Tensor:
        """What the network minimizes."""
        return self.remedy.objective(self.sequence_model(batch), self.examples(batch)).loss

    def terms(self, batch: BatchT) -> int:
        """Tokens or sentences: what the remedy's loss is a mean of."""
        return len(cast("Any", batch).lengths) if self.remedy.mean_of == "sentences" else self.items(batch)

    def initialise(self, seed: int) -> None:
        """See :meth:`LearningModule.initialise`; the remedy's weights, too."""
        super().initialise(seed)
        self.learning.initialization.fill(self.remedy, seed=seed)

    def configure_optimizers(self) -> Any:
        """The network's optimizer, and behind it that of the remedy's weights, if it has any."""
        return self._own.behind(super().configure_optimizers())

    def back_propagate(self, batch: BatchT) -> Tensor:
        """See :meth:`LearningModule.back_propagate`; the remedy's own weights take their step."""
        found = self.remedy.objective(self.sequence_model(batch), self.examples(batch))
        torch.autograd.backward(found.loss, inputs=list(self.network.parameters()))
        self._last.logged = found.logged
        if found.own is not None:
            clipped = self._own.learn(found.own, self.optimizers(use_pl_optimizer=False))
            if not clipped.usable:
                return torch.full_like(found.loss.detach(), clipped.norm)
        return found.loss.detach()

    def step_metrics(self, loss: Tensor, clipped: Clipped) -> Mapping[str, float]:
        """See :meth:`LearningModule.step_metrics`; with what the remedy logs."""
        own = {f"train/{name}": value for name, value in self._last.logged.items()}
        return {**super().step_metrics(loss, clipped), **own}
