"""A learning rate that falls along half a cosine."""

from __future__ import annotations

import math
from typing import final

from tasks.learning.schedule import Schedule


@final
class Cosine(Schedule):
    """From the first rate down to 0: slowly, fast, slowly.

    Loshchilov and Hutter 2017 (SGDR, arXiv 1608.03983, equation 5) without restarts and with a least rate of 0: of N
    steps, step n has ``(1 + cos(pi n / N)) / 2`` of the first rate, n from 0.
    """

    def rate(self, first: float, *, step: int, epoch: int) -> float:  # noqa: ARG002
        """See :meth:`Schedule.rate`."""
        return first * (1 + math.cos(math.pi * min(step / self.steps, 1))) / 2
