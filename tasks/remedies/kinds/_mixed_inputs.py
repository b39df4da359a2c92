"""The loop of remedies that read something else than right tokens, and are still trained to say the right ones."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tasks.remedies.remedy import Examples, SequenceModel

NextInput = Callable[[int, Tensor], Tensor]
"""From a step's number, at least 1, and the features of the step before, what is read: shape (batch, embedding)."""


def read_mixed(model: SequenceModel, examples: Examples, next_input: NextInput) -> Tensor:
    """Features of all steps, shape (time, batch, size); the first step reads the start."""
    state, features = model.begin(), list[Tensor]()
    for time in range(len(examples.targets)):
        embedded = next_input(time, features[-1]) if time else model.embed(examples.start)
        now, state = model.step(embedded, state)
        features.append(now)
    return torch.stack(features)
