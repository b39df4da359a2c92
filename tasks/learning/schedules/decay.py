"""A learning rate that falls each epoch from some epoch on."""

from __future__ import annotations

from typing import final

from tasks.learning.schedule import Schedule


@final
class Decay(Schedule):
    """Constant for ``decay_start`` epochs, then divided by ``decay_factor`` each epoch (Zaremba et al. 2014).

    Recurrent neural network regularization, arXiv 1409.2329, section 4.1. The rate is 0 once the divisor is beyond all
    numbers.

    Args:
        steps: of the run.
        decay_start: epochs at the first rate.
        decay_factor: divisor of each epoch after them.
    """

    def __init__(self, *, steps: int, decay_start: int, decay_factor: float) -> None:
        super().__init__(steps=steps)
        self._start, self._factor = decay_start, decay_factor

    def rate(self, first: float, *, step: int, epoch: int) -> float:  # noqa: ARG002
        """See :meth:`Schedule.rate`."""
        try:
            # Epochs are counted from 0: the first `_start` of them have exponent 0, the next one 1.
            return first / self._factor ** max(0, epoch + 1 - self._start)
        except OverflowError:
            return 0.0
