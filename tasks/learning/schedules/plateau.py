"""A learning rate that falls where validations no longer get better."""

from __future__ import annotations

import math
from typing import ClassVar, final

from tasks.learning.schedule import Schedule


@final
class Plateau(Schedule):
    """Divided by ``plateau_factor`` after every ``plateau_patience`` validations in a row that bring no new best.

    Mikolov et al. 2010 (Recurrent neural network based language model, section 2) halve the rate where the validation
    text is not predicted better. This is torch's ``ReduceLROnPlateau`` with a threshold of 0. What is looked at is the
    task's first metric of validation; a validation that has none is passed over, and a NaN is no new best.

    Args:
        steps: of the run.
        plateau_factor: divisor.
        plateau_patience: validations without a new best that make the rate fall.
    """

    kept: ClassVar[tuple[str, ...]] = ("best", "waited", "fallen")

    def __init__(self, *, steps: int, plateau_factor: float, plateau_patience: int) -> None:
        super().__init__(steps=steps)
        self._factor, self._patience = plateau_factor, plateau_patience
        self.best, self.waited, self.fallen = -math.inf, 0, 0

    def rate(self, first: float, *, step: int, epoch: int) -> float:  # noqa: ARG002
        """See :meth:`Schedule.rate`."""
        try:
            return first / self._factor**self.fallen
        except OverflowError:
            return 0.0

    def observe(self, score: float) -> None:
        """See :meth:`Schedule.observe`."""
        if score > self.best:  # NaN is never greater
            self.best, self.waited = score, 0
            return
        self.waited += 1
        if self.waited == self._patience:
            self.waited, self.fallen = 0, self.fallen + 1
