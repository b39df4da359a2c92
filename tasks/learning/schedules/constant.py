"""The same learning rate throughout."""

from __future__ import annotations

from typing import final

from tasks.learning.schedule import Schedule


@final
class Constant(Schedule):
    """The first rate in every step: the fixed step size of LeCun et al. 1998 (Efficient BackProp, section 4.7)."""

    def rate(self, first: float, *, step: int, epoch: int) -> float:  # noqa: ARG002
        """See :meth:`Schedule.rate`."""
        return first
