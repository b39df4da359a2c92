"""The schedule of the learning rate, and what a loss is the mean of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

Reduction = Literal["token_mean", "time_sum"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Constant for ``decay_start`` epochs, then divided by ``decay_factor`` each epoch (Zaremba et al. 2014).

    Args:
        learning_rate: rate of the first epoch.
        decay_start: epochs at that rate; None for all.
        decay_factor: divisor of each epoch after them; None where there are none.
    """

    learning_rate: float
    decay_start: int | None
    decay_factor: float | None

    def at(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0; 0 once the divisor is beyond all numbers."""
        if self.decay_start is None or self.decay_factor is None:
            return self.learning_rate
        try:
            return self.learning_rate / self.decay_factor ** max(0, epoch + 1 - self.decay_start)
        except OverflowError:
            return 0.0
