"""The adding problem."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from torch import Generator, Tensor

from tasks.long_range.problem import Problem, Score, Sequences

TOLERANCE = 0.04
"""An answer farther off is wrong: the criterion of the paper."""


@final
class Adding(Problem):
    """Add the two marked numbers (Hochreiter and Schmidhuber 1997, section 5.4, in the form of Le et al. 2015).

    A step is (number, mark): numbers from U(0, 1), two marks of 1 and all others 0, the first mark anywhere in the
    first half and the second anywhere in the second (arXiv 1504.00941, section 4.1). The answer at the last step is the
    sum; the loss is the squared error.
    """

    inputs: ClassVar[int] = 2
    outputs: ClassVar[int] = 1
    every_step: ClassVar[bool] = False
    shortest: ClassVar[int] = 2

    def draw(self, length: int, count: int, generator: Generator) -> Sequences:
        """``length`` steps."""
        numbers, marks = torch.rand(length, count, generator=generator), torch.zeros(length, count)
        half, columns = length // 2, torch.arange(count)  # of an odd length the second half is longer
        marks[torch.randint(half, (count,), generator=generator), columns] = 1
        marks[torch.randint(half, length, (count,), generator=generator), columns] = 1
        return Sequences(torch.stack((numbers, marks), dim=2), (numbers * marks).sum(0))

    def score(self, answers: Tensor, targets: Tensor) -> Score:
        """Mean squared error; share of sums that are off by more than 0.04."""
        off = answers.squeeze(1) - targets
        return Score(off.square().mean(), (off.abs() > TOLERANCE).double().mean())

    def memoryless(self, length: int) -> tuple[float, float]:  # noqa: ARG002
        """Always 1: the variance of a sum of two, 1/6; the sum lies within 0.04 of 1 with probability 0.0784."""
        # The sum s of two has density 1 - |s - 1|, so it lies within t of 1 with probability 1 - (1 - t)^2.
        return 1 / 6, (1 - TOLERANCE) ** 2
