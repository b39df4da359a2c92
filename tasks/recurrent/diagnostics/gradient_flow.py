"""How much of the gradient of a loss reaches the states of earlier steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from tasks.recurrent.cell import State
from tasks.recurrent.diagnostics.state_capture import Record

Profile = Mapping[int, float]
"""Norm of the gradient by distance in steps."""

WHOLE = ""
"""Name of the profile of all parts of a state together."""

_LEADING = (1, 2, 3, 5, 7)


def gradient_profiles(loss: Tensor, records: Mapping[str, Record]) -> dict[str, dict[str, Profile]]:
    """``|dL_i/dh_j|`` against ``i - j``, with i each sequence's last step, averaged over sequences.

    One loss at a time: the sum of the losses of all steps would mix distances. Gradients are total, through all later
    steps and higher layers. The parts of a state are its independent coordinates: the gradient with respect to c, say,
    is what reaches it from the next step on, and zero at distance 0, as a loss sees c through h alone.

    Args:
        loss: sum over sequences of what was lost at each one's last real step; its graph is used up.
        records: what the layers went through; backward layers are left out, as their last step is read first.

    Returns:
        Per layer the profile of each part of its state, and under :data:`WHOLE` of all parts together (the norm of
        their concatenation), at the :func:`distances` that the sequences have.
    """
    forward = {name: record for name, record in records.items() if record.layer.way == "forward"}
    states = [part for record in forward.values() for state in record.states for part in state]
    if not states:
        return {}
    # One backward pass for all layers. Taken below in the order of `states`: by layer, then step, then part.
    gradients = iter(torch.autograd.grad(loss, states, allow_unused=True))
    profiles: dict[str, dict[str, Profile]] = {}
    for name, record in forward.items():
        squares = torch.stack([_squares(state, gradients) for state in record.states])  # (time, parts, batch)
        named = {WHOLE: squares.sum(1), **dict(zip(record.layer.cell.parts, squares.unbind(1), strict=True))}
        last = record.real().sum(0) - 1
        profiles[name] = {part: _profile(square.sqrt(), last) for part, square in named.items()}
    return profiles


def distances(steps: int) -> list[int]:
    """0, 1, 2, 3, 5, 7, 10, 20, 30, 50, 70, 100, ..., and the largest that ``steps`` steps have."""
    found = {0, steps - 1}
    scale = 1
    while scale < steps:
        found |= {scale * digit for digit in _LEADING if scale * digit < steps}
        scale *= 10
    return sorted(found)


def _squares(state: State, gradients: Iterator[Tensor | None]) -> Tensor:
    """Squared norm of each part's gradient, shape (parts, batch); in float64, as squares leave float32 too soon."""
    found = [(part, next(gradients)) for part in state]
    return torch.stack([(torch.zeros_like(part) if g is None else g).double().square().sum(-1) for part, g in found])


def _profile(norms: Tensor, last: Tensor) -> Profile:
    """Mean over the sequences that are long enough; norms of shape (time, batch), last of shape (batch,)."""
    profile = {}
    for distance in distances(int(last.max()) + 1):
        far = last >= distance
        places = (last - distance)[far]  # the step that lies so far before each end
        profile[distance] = norms[places, far.nonzero().squeeze(1)].mean().item()
    return profile
