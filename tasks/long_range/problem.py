"""What a long-range problem is: sequences drawn at will, their answers, and how well one does who never looks back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Generator, Tensor


@final
@dataclass(frozen=True, slots=True)
class Sequences:
    """Some sequences of one length.

    Args:
        inputs: shape (time, batch, inputs).
        targets: shape (batch,), or (time, batch) where every step is answered.
    """

    inputs: Tensor
    targets: Tensor


@final
@dataclass(frozen=True, slots=True)
class Score:
    """How well some sequences were answered: the loss that training minimises and an error that a reader understands.

    Args:
        loss: mean over the sequences, a scalar with gradient.
        error: share of wrong answers, a scalar.
    """

    loss: Tensor
    error: Tensor


class Problem(ABC):
    """A problem. Final subclasses live in ``tasks/long_range/problems/<name>.py``, one per file."""

    inputs: ClassVar[int]
    """Size of the vector read at each step."""
    outputs: ClassVar[int]
    """Size of an answer."""
    every_step: ClassVar[bool]
    """Whether every step is answered, or the last one alone."""
    shortest: ClassVar[int]
    """Least length that the problem is defined for."""

    @abstractmethod
    def draw(self, length: int, count: int, generator: Generator) -> Sequences:
        """Draw sequences, independent and all alike in law.

        Args:
            length: how far the answer reaches back, as the problem's paper counts it.
            count: number of sequences.
            generator: the one source of randomness.
        """

    @abstractmethod
    def score(self, answers: Tensor, targets: Tensor) -> Score:
        """Judge answers.

        Args:
            answers: shape (batch, outputs), or (time, batch, outputs) where every step is answered.
            targets: as drawn.
        """

    @abstractmethod
    def memoryless(self, length: int) -> tuple[float, float]:
        """Expected loss and error of the best answer that never looks back."""
