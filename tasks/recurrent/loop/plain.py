"""The loop over time as one would write it down: slow, obvious, for any cell, differentiated by autograd."""

from __future__ import annotations

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.noise import Noise, noisy_step


def plain_steps(
    cell: Cell, read: Tensor, state: State, *, lengths: Tensor | None = None, noise: Noise | None = None
) -> list[State]:
    """Every state, one tensor per step and part, so that a gradient can be taken with respect to any of them.

    Args:
        cell: the cell.
        read: what ``cell.project`` gave, shape (time, batch, width).
        state: the state before the first step.
        lengths: number of real steps of each sequence, shape (batch,); None: all are real.
        noise: see :class:`Noise`.

    Returns:
        One state per step; zero at steps that are padding.
    """
    noise = noise or Noise()
    # A share that is one number becomes a view of it at every step.
    keeps = [part.expand(len(read), -1, -1).unbind() for part in noise.keep]
    states = []
    for t, now in enumerate(read.unbind()):
        state = noisy_step(cell, now, state, noise.recurrent, tuple(keep[t] for keep in keeps))
        if lengths is not None:
            real = (t < lengths).unsqueeze(1)
            # Zero, and no gradient: what follows the last real step cannot change what came before it.
            state = tuple(torch.where(real, part, 0.0) for part in state)
        states.append(state)
    return states
