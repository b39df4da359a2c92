"""The copy memory problem."""

from __future__ import annotations

import math
from typing import ClassVar, final

import torch
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy, one_hot

from tasks.long_range.problem import Problem, Score, Sequences

SYMBOLS, RECALLED = 8, 10
BLANK, RECALL = SYMBOLS, SYMBOLS + 1


@final
class Copying(Problem):
    """Say ten symbols again after a long silence (Arjovsky et al. 2016, arXiv 1511.06464, section 5.1).

    Ten symbols of eight, ``length - 1`` blanks, the sign to recall, ten blanks: ``length + 20`` steps, one-hot over
    ten. The answer is blank until the last ten steps, which are the symbols in their order. The loss is the mean cross
    entropy over all steps, in nats.
    """

    inputs: ClassVar[int] = SYMBOLS + 2
    outputs: ClassVar[int] = SYMBOLS + 1
    every_step: ClassVar[bool] = True
    shortest: ClassVar[int] = 1

    def draw(self, length: int, count: int, generator: Generator) -> Sequences:
        """``length + 20`` steps."""
        symbols = torch.randint(SYMBOLS, (RECALLED, count), generator=generator)
        ids = torch.full((length + 2 * RECALLED, count), BLANK)
        targets = ids.clone()
        # Ten symbols, length - 1 blanks, the sign, ten blanks.
        ids[:RECALLED], ids[RECALLED + length - 1], targets[-RECALLED:] = symbols, RECALL, symbols
        return Sequences(one_hot(ids, SYMBOLS + 2).float(), targets)

    def score(self, answers: Tensor, targets: Tensor) -> Score:
        """Cross entropy over all steps; share of the ten symbols that are recalled wrongly."""
        loss = cross_entropy(answers.flatten(0, 1), targets.flatten())
        recalled = answers[-RECALLED:, :, :SYMBOLS].argmax(2)  # the likeliest symbol, even where a blank is likelier
        return Score(loss, (recalled != targets[-RECALLED:]).double().mean())

    def memoryless(self, length: int) -> tuple[float, float]:
        """Blank until the end, then a guess: 10 ln 8 / (length + 20) nats per step, seven of eight wrong."""
        return RECALLED * math.log(SYMBOLS) / (length + 2 * RECALLED), 1 - 1 / SYMBOLS
