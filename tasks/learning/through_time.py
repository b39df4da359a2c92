"""Learning by back-propagation through time, with diagnoses of the network and a regularizer of its gradient."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from torch import Tensor, nn

from tasks.learning.clipping import Clipped
from tasks.learning.descent import Learning
from tasks.learning.module import LearningModule
from tasks.recurrent.diagnostics.diagnose import diagnose
from tasks.recurrent.omega.omega import Omega

BatchT = TypeVar("BatchT")
HeldOutT = TypeVar("HeldOutT")


class ThroughTimeModule(LearningModule[BatchT, HeldOutT]):
    """A :class:`LearningModule` whose gradient through time is looked at.

    With ``train/loss`` and ``train/gradient_norm`` the loggers get ``train/clip_rate``: share of the steps since the
    last time whose gradient was clipped. Every ``diagnose_every`` steps they get what
    :func:`~tasks.recurrent.diagnostics.diagnose.diagnose` sees in the network that is about to read the step's batch.

    Args:
        network: what learns; with Omega, its ``recurrent`` layers are those that it is for.
        learning: how it learns.
        omega: added to the gradient before clipping; None: nothing is.
        diagnose_every: optimizer steps between two diagnoses, the first before the first step; None: none.
    """

    def __init__(
        self, *, network: nn.Module, learning: Learning, omega: Omega | None, diagnose_every: int | None
    ) -> None:
        super().__init__(network=network, learning=learning)
        self._omega, self._diagnose_every = omega, diagnose_every

    @abstractmethod
    def score_last(self, batch: BatchT) -> Tensor:
        """Loss of the answer at the last step, summed over the sequences; nothing is changed by it."""

    def learn(self, batch: BatchT, *, last: bool) -> tuple[Tensor, Clipped | None]:
        """See :meth:`LearningModule.learn`; a diagnosis comes before a step, so that the first sees how it begins."""
        # `batches`: the step's first batch, of those that are added up.
        if self._diagnose_every and self.global_step % self._diagnose_every == 0 and not self.descent.batches:
            self.log_now(diagnose(self.network, lambda: self.score_last(batch)))
        return super().learn(batch, last=last)

    def back_propagate(self, batch: BatchT) -> Tensor:
        """See :meth:`LearningModule.back_propagate`; adds the gradient of Omega."""
        if self._omega is None:
            return super().back_propagate(batch)
        # The forward pass alone: hooks note what the layers give, and gradients come with the backward pass.
        with self._omega.watch(cast("Any", self.network).recurrent) as traces:
            loss = self.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        self.observe_omega(self._omega.add_gradient(traces))
        return loss.detach()

    def observe_omega(self, value: Tensor) -> None:
        """Take note of Omega, a scalar without gradient."""

    def step_metrics(self, loss: Tensor, clipped: Clipped) -> Mapping[str, float]:
        """See :meth:`LearningModule.step_metrics`."""
        return {**super().step_metrics(loss, clipped), "train/clip_rate": self.descent.clips.take()}
