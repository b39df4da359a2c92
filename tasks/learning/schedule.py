"""What a schedule of the learning rate is, and the warm-up before it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final


class Schedule(ABC):
    """How the learning rate goes on from the first one.

    Final subclasses live in ``tasks/learning/schedules/<name>.py``, one per file. A constructor takes, by keyword,
    ``steps``, and beyond it whatever it calls options: settings of ``training`` of the same name.

    Args:
        steps: optimizer steps of the run behind the warm-up.
    """

    kept: ClassVar[tuple[str, ...]] = ()
    """Attributes that :meth:`observe` changes."""

    def __init__(self, *, steps: int) -> None:
        self.steps = steps

    @abstractmethod
    def rate(self, first: float, *, step: int, epoch: int) -> float:
        """The learning rate of an optimizer step.

        Args:
            first: the rate that it begins with.
            step: steps taken before it behind the warm-up, from 0; 0 throughout the warm-up.
            epoch: of the step, from 0.
        """

    def observe(self, score: float) -> None:  # noqa: B027 - most schedules do not look
        """Learn how good a validation was, after each one; more is better. By default that changes nothing."""

    @property
    def observes(self) -> bool:
        """Whether validations change anything."""
        return type(self).observe is not Schedule.observe

    def state_dict(self) -> dict[str, Any]:
        """What :meth:`observe` left, for a resumed run."""
        return {name: getattr(self, name) for name in self.kept}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state_dict` gave."""
        for name in self.kept:
            setattr(self, name, state[name])


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRate:
    """A rate of each optimizer step: a warm-up, times a schedule.

    In step n of w steps of warm-up, counted from 1, the schedule's rate is multiplied by n / w (Goyal et al. 2017,
    arXiv 1706.02677, section 2.2); a schedule that counts steps begins behind them.

    Args:
        first: the rate that the schedule begins with.
        schedule: how it goes on.
        warmup: steps of the warm-up; 0: none.
    """

    first: float
    schedule: Schedule
    warmup: int = 0

    def at(self, *, step: int, epoch: int) -> float:
        """The rate of the step that follows ``step`` others, in an epoch counted from 0."""
        # Epochs are counted from the run's start; steps from the end of the warm-up.
        rate = self.schedule.rate(self.first, step=max(0, step - self.warmup), epoch=epoch)
        return rate * (step + 1) / self.warmup if step < self.warmup else rate
