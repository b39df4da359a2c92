"""A learning rate that falls in a straight line."""

from __future__ import annotations

from typing import final

from tasks.learning.schedule import Schedule


@final
class Linear(Schedule):
    """From the first rate down to 0, which the step behind the last one would have.

    As Devlin et al. 2019 (BERT, arXiv 1810.04805, appendix A.2) train, behind a warm-up: of N steps, step n has
    ``(N - n) / N`` of the first rate, n from 0.
    """

    def rate(self, first: float, *, step: int, epoch: int) -> float:  # noqa: ARG002
        """See :meth:`Schedule.rate`."""
        return first * max(0, self.steps - step) / self.steps
