"""Randomness that acts within the recurrence, drawn before the loop so that the loop itself is a pure function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from torch import Tensor

from tasks.recurrent.cell import Cell, State, recurrent_mask


@final
@dataclass(frozen=True, slots=True)
class Noise:
    """What a loop does to the state around every step of a cell.

    Args:
        recurrent: shape (batch, hidden); what enters the recurrent products is multiplied with it, the same at all
            steps (Gal and Ghahramani 2016, arXiv 1512.05287). h that goes another way, as through the update gate of a
            GRU, stays whole: it would grow by 1/(1 - p) at each step. None: nothing is dropped.
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
    # The cell's own products read the mask; the step itself is written without it.
    with recurrent_mask(recurrent):
        after = cell.step(read, state)
    if not keep:
        return after
    return tuple(k * old + (1 - k) * new for k, old, new in zip(keep, state, after, strict=True))
