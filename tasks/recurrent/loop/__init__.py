"""Loops over time: three ways to run a cell along a sequence that give the same numbers up to rounding.

``plain`` is Python and autograd; ``compiled`` runs the step of any cell as C, on the CPU in one thread; torch's own
fused kernels exist for a few cells, and ``auto`` takes them where they compute what is asked for and the compiled loop
cannot be had, or would leave other threads idle. Compare cells under ``compiled``, or you may compare kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.compiler import Compiled, run_compiled
from tasks.recurrent.loop.fused import fused
from tasks.recurrent.loop.plain import plain_steps
from tasks.recurrent.loop.ran import COMPILED, PLAIN, TORCH, describe_loops, note
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
    if not len(inputs):
        raise ValueError("there is nothing to read: sequences need at least one step")
    on_cpu = inputs.device.type == "cpu"
    if lengths is not None:
        if on_cpu and bool((lengths < 1).any()):  # a GPU would have to wait
            raise ValueError(f"a sequence of length {int(lengths.min())}: lengths must be at least 1")
        inputs = _zero_at_padding(inputs, lengths)  # what no output depends on may be NaN, and 0 * NaN is no gradient
    # torch's kernel knows no lengths: it goes on through the padding. So its last state is of no use, and a state that
    # grows without bound may become infinite there, which 0 * inf turns into a gradient of NaN.
    takes_torch = loop == "auto" and noise is None and (lengths is None or (cell.bounded and not final_state))
    one_thread = on_cpu and torch.get_num_threads() == 1
    if takes_torch and not one_thread and (reading := _read_fused(cell, inputs, state, lengths)):
        note(cell, TORCH)
        return reading
    reason = ""
    if loop != "plain":
        found = run_compiled(cell, inputs, state, lengths=lengths, noise=noise)
        if isinstance(found, Compiled):
            note(cell, COMPILED, compiler=found.compiler)
            return Reading(found.states[0], _last(found.states, lengths) if final_state else None)
        reason = found.reason if on_cpu else ""  # nothing is compiled for other devices
    if takes_torch and one_thread and (reading := _read_fused(cell, inputs, state, lengths)):
        note(cell, TORCH, reason=reason)
        return reading
    note(cell, PLAIN, reason=reason)
    steps = plain_steps(cell, cell.project(inputs), state, lengths=lengths, noise=noise)
    parts: State = tuple(torch.stack(part) for part in zip(*steps, strict=True))
    last = _last(parts, lengths) if final_state else None
    return Reading(parts[0], last, tuple(steps) if loop == "plain" else None)


def _read_fused(cell: Cell, inputs: Tensor, state: State, lengths: Tensor | None) -> Reading | None:
    """By torch's kernel of the cell, where there is one; the state is that after the last step of equal lengths."""
    found = fused(cell, inputs, state)
    if found is None or lengths is None:
        return found and Reading(*found)
    return Reading(_zero_at_padding(found[0], lengths), None)


def _zero_at_padding(sequences: Tensor, lengths: Tensor) -> Tensor:
    steps = torch.arange(len(sequences), device=sequences.device).unsqueeze(1)
    return torch.where((steps < lengths).unsqueeze(2), sequences, 0.0)


def _last(parts: State, lengths: Tensor | None) -> State:
    if lengths is None:
        return tuple(part[-1] for part in parts)
    columns = torch.arange(len(lengths), device=lengths.device)
    return tuple(part[lengths - 1, columns] for part in parts)
