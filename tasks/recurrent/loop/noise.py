"""Randomness that acts within the recurrence, drawn before the loop so that the loop itself is a pure function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from tasks.recurrent.cell import Cell, State


@final
@dataclass(frozen=True, slots=True)
class Noise:
    """What a loop does to the state around every step of a cell.

    Args:
        recurrent: shape (batch, hidden); h is multiplied with it before each step, the same at all steps
            (Gal and Ghahramani 2016, arXiv 1512.05287). None: h is left whole.
        keep: one per part of the state, shape (time, batch, hidden) or (1, 1, 1): the share of the old value that
            stays, 0 or 1 in training and their expectation in evaluation (zoneout, Krueger et al. 2017, arXiv
            1606.01305). Empty: nothing of it stays by itself.
    """

    recurrent: Tensor | None = None
    keep: tuple[Tensor, ...] = ()


def noisy_step(cell: Cell, read: Tensor, state: State, recurrent: Tensor | None, keep: State) -> State:
    """One step of the cell under noise.

    Args:
        cell: the cell.
        read: shape (batch, width).
        state: the state before the step.
        recurrent: see :class:`Noise`.
        keep: this step's slice of :attr:`Noise.keep`, each of shape (batch, hidden) or (1, 1).

    Returns:
        The state after the step.
    """
    seen = state if recurrent is None else (state[0] * recurrent, *state[1:])
    after = cell.step(read, seen)
    if not keep:
        return after
    return tuple(k * old + (1 - k) * new for k, old, new in zip(keep, state, after, strict=True))
