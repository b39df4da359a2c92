"""Loops over time: three ways to run a cell along a sequence that give the same numbers up to rounding.

``plain`` is Python and autograd; ``common`` compiles the step of any cell, and is fast on the CPU; torch's own fused
kernels exist for a few cells, and ``auto`` takes them where they compute what is asked for and the compiled loop has no
compiled code or only one of several threads. Compare cells under ``common``, or you may compare kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.loop.compiled import common_loop, common_project, compiles, refusal
from tasks.recurrent.loop.plain import plain_steps, stack_steps
from tasks.recurrent.loop.ran import PLAIN, TORCH, describe_loops, note
from tasks.recurrent.noise import Noise

__all__ = ["LoopName", "Reading", "describe_loops", "read_sequence"]

LoopName = Literal["auto", "compiled", "plain"]


@final
@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a sequence gave.

    Args:
        outputs: shape (time, batch, hidden), zero at padding.
        state: the state after each sequence's last real step; None where it was not asked for.
        steps: every state in the order in which they were made, from ``plain`` alone: each a tensor of its own, on
            which all later ones depend, so that gradients can be taken with respect to any of them.
    """

    outputs: Tensor
    state: State | None
    steps: tuple[State, ...] | None = None


def read_sequence(
    cell: Cell,
    inputs: Tensor,
    state: State,
    *,
    lengths: Tensor | None = None,
    noise: Noise | None = None,
    loop: LoopName = "auto",
    final_state: bool = True,
) -> Reading:
    """Run a cell along a batch of sequences, which begin together at step 0.

    Args:
        cell: the cell.
        inputs: shape (time, batch, inputs); what is at padding is never seen.
        state: the state before the first step.
        lengths: number of real steps of each sequence, shape (batch,), at least 1; None: all are real.
        noise: what is done to the state around every step.
        loop: how; see this module.
        final_state: whether the state after the last real step is needed. torch's kernels know it only where all
            sequences are equally long.

    Raises:
        ValueError: there is no step, or a sequence without one.
    """
    _check_steps(inputs, lengths)
    if lengths is not None:
        inputs = _zero_at_padding(inputs, lengths)  # what no output depends on may be NaN, and 0 * NaN is no gradient
    if (
        loop == "auto"
        and noise is None
        and _torch_is_faster(inputs)
        and (lengths is None or (cell.bounded and not final_state))
    ):
        fused = cell.fused(inputs, state)
        if fused is not None:
            note(cell, TORCH, reason=refusal(inputs.dtype) if _one_thread(inputs) else "")
            return _masked(*fused, lengths)
    if loop == "plain":
        note(cell, PLAIN)
        steps = plain_steps(cell, cell.project(inputs), state, lengths=lengths, noise=noise)
        parts = stack_steps(steps)
        return Reading(parts[0], _last(parts, lengths) if final_state else None, tuple(steps))
    parts = common_loop(cell, common_project(cell, inputs), state, lengths=lengths, noise=noise)
    return Reading(parts[0], _last(parts, lengths) if final_state else None)


def _check_steps(inputs: Tensor, lengths: Tensor | None) -> None:
    if not len(inputs):
        raise ValueError("there is nothing to read: sequences need at least one step")
    if lengths is not None and lengths.device.type == "cpu" and bool((lengths < 1).any()):  # a GPU would have to wait
        raise ValueError(f"a sequence of length {int(lengths.min())}: lengths must be at least 1")


def _torch_is_faster(inputs: Tensor) -> bool:
    """Whether torch's kernels are to be preferred: with one thread on a CPU they are slower, or at best as fast."""
    return not _one_thread(inputs) or not compiles(inputs.dtype)


def _one_thread(inputs: Tensor) -> bool:
    return inputs.device.type == "cpu" and torch.get_num_threads() == 1


def _masked(outputs: Tensor, state: State, lengths: Tensor | None) -> Reading:
    if lengths is None:
        return Reading(outputs, state)
    return Reading(_zero_at_padding(outputs, lengths), None)


def _zero_at_padding(sequences: Tensor, lengths: Tensor) -> Tensor:
    steps = torch.arange(len(sequences), device=sequences.device).unsqueeze(1)
    return torch.where((steps < lengths).unsqueeze(2), sequences, 0.0)


def _last(parts: State, lengths: Tensor | None) -> State:
    if lengths is None:
        return tuple(part[-1] for part in parts)
    columns = torch.arange(len(lengths), device=lengths.device)
    return tuple(part[lengths - 1, columns] for part in parts)
