"""The temporal order problem."""

from __future__ import annotations

import math
from typing import ClassVar, final

import torch
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy, one_hot

from tasks.long_range.problem import Problem, Score, Sequences

SIGNALS, DISTRACTORS = 2, 4


@final
class TemporalOrder(Problem):
    """In which order did two signals come?

    Hochreiter and Schmidhuber 1997, task 6a, in the form of Pascanu et al. 2013 (arXiv 1211.5063, section 4.1.1). Each
    step is one of six symbols, one-hot: four distractors, and at two steps a signal, X or Y. The first signal stands in
    [0.1 L, 0.2 L), the second in [0.5 L, 0.6 L), as in their code. The answer at the last step is one of four classes:
    XX, XY, YX, YY. The loss is the cross entropy in nats.
    """

    inputs: ClassVar[int] = SIGNALS + DISTRACTORS
    outputs: ClassVar[int] = SIGNALS**2
    every_step: ClassVar[bool] = False
    shortest: ClassVar[int] = 10

    def draw(self, length: int, count: int, generator: Generator) -> Sequences:
        """``length`` steps."""
        ids = torch.randint(SIGNALS, SIGNALS + DISTRACTORS, (length, count), generator=generator)
        signals, columns = torch.randint(SIGNALS, (2, count), generator=generator), torch.arange(count)
        places = ((length // 10, length // 5), (length // 2, length * 6 // 10))
        for signal, (begin, end) in zip(signals, places, strict=True):
            ids[torch.randint(begin, end, (count,), generator=generator), columns] = signal
        return Sequences(one_hot(ids, self.inputs).float(), signals[0] * SIGNALS + signals[1])  # XX, XY, YX, YY

    def score(self, answers: Tensor, targets: Tensor) -> Score:
        """Cross entropy; share of wrong classes."""
        return Score(cross_entropy(answers, targets), (answers.argmax(1) != targets).double().mean())

    def memoryless(self, length: int) -> tuple[float, float]:  # noqa: ARG002
        """A guess: ln 4 nats, three of four wrong."""
        return math.log(self.outputs), 1 - 1 / self.outputs
