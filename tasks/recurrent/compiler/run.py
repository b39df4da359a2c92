"""Compiled steps of cells: found, made and run over time, or refused with a reason."""

from __future__ import annotations

import functools
import logging
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.autograd import Function

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.compiler.backward import differentiate
from tasks.recurrent.compiler.build import NoCompiler, describe_target
from tasks.recurrent.compiler.graph import Unsupported
from tasks.recurrent.compiler.guards import inspect_cell
from tasks.recurrent.compiler.kernel import Kernel, Tensors
from tasks.recurrent.compiler.products import OwnLinear, are_readable, forbid_double_backward, products
from tasks.recurrent.compiler.trace import Step, tensors, trace_step
from tasks.recurrent.noise import Noise

_log = logging.getLogger(__name__)
_lock = threading.Lock()

FOREIGN = "only numbers on a CPU, of 32 or 64 bits and of one kind, are compiled for"
CHANGED = "the cell's weights are no longer what its step was compiled for"
MOST = 16
"""Loops that are kept for a cell: a step that is another one at each call is never worth compiling."""


@final
@dataclass(frozen=True, slots=True)
class Compiled:
    """What a compiled loop gave.

    Args:
        states: the state after each step, parts of shape (time, batch, hidden); zero at padding.
        compiler: name and version of the compiler, and the vector instructions that it compiled for.
    """

    states: State
    compiler: str


@final
@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no compiled loop, and the time (``time.monotonic``) from which on another try is worth it."""

    reason: str
    until: float = math.inf


def run_compiled(
    cell: Cell, inputs: Tensor, state: State, *, lengths: Tensor | None, noise: Noise | None
) -> Compiled | Refusal:
    """Run a cell along a batch of sequences by its compiled step, which is made at the first call.

    Gradients flow to the inputs, the state and the cell's weights; gradients of gradients are the plain loop's alone.

    Args:
        cell: the cell.
        inputs: shape (time, batch, inputs).
        state: the state before the first step, parts of shape (batch, hidden).
        lengths: number of real steps of each sequence, shape (batch,); None: all are real.
        noise: what is done to the state around every step.

    Returns:
        The states; or why they cannot be had, and nothing was run. What is wrong with the arguments is among the
        reasons: the plain loop raises the error that describes it.
    """
    noise = noise or Noise()
    if not _fits(cell, inputs, state, lengths, noise):
        return Refusal(FOREIGN)
    masks, shares = _masks_and_shares(inputs, state, noise)
    now, traits = inspect_cell(cell)
    loop = _find(cell, inputs, noise, traits)
    if isinstance(loop, Refusal):
        return loop
    weights = loop.weights({**now, **shares})
    if weights is None:
        return Refusal(CHANGED)
    with OwnLinear():  # the loop exists, so the products do
        read = cell.project(inputs)
    if read.shape != (*inputs.shape[:2], loop.width) or not are_readable(read, inputs):
        return Refusal(FOREIGN)
    start = {f"start_{part}": each.contiguous() for part, each in enumerate(state)}
    named = {**masks, "read": read.contiguous(), **start, **weights}
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in named.values())
    real = None if lengths is None else lengths.to(torch.int64, copy=True).contiguous()  # they may change
    states: State = _AllSteps.apply(  # type: ignore[no-untyped-call]
        loop.kernel, keep, real, tuple(named), *named.values()
    )
    return Compiled(states, loop.compiler)


@final
class Loop:
    """A cell's step, traced, and its kernel.

    Args:
        cell: the cell.
        width: of what a step reads.
        dtype: of everything.
        recurrent: whether what enters the recurrent products is masked.
        keep: for each part of the state that is partly kept: whether the share is one number for all.

    Raises:
        Unsupported: the step does what no C is generated for.
        NoCompiler: it cannot be compiled.
    """

    def __init__(self, cell: Cell, *, width: int, dtype: torch.dtype, recurrent: bool, keep: tuple[bool, ...]) -> None:
        self.width, self.compiler = width, describe_target()
        self._step: Step = trace_step(cell, width=width, dtype=dtype, recurrent=recurrent, keep=keep)
        derivative = differentiate(self._step)
        self.kernel = Kernel(derivative, dtype)
        self._wanted = {**derivative.matrices, **derivative.vectors}

    def weights(self, now: Mapping[str, Any]) -> Tensors | None:
        """Matrices and vectors of the kernel by name, made of the cell's weights by torch, with gradients.

        None: the weights are no longer what they were when the step was traced.
        """
        made: dict[int, Any] = {id(stand_in): now[name] for name, stand_in in self._step.weights.items()}
        made.update((id(constant), constant) for constant in self._step.constants)
        for call in self._step.before:
            result = call.again(lambda tensor: made[id(tensor)], without="device")
            made.update({id(old): new for old, new in zip(call.made, tensors(result), strict=True)})
        found = {name: made[id(stand_in)] for name, stand_in in self._wanted.items()}
        for name, stand_in in self._wanted.items():
            tensor = found[name]
            if tensor.shape != stand_in.shape or tensor.dtype != stand_in.dtype or tensor.device.type != "cpu":
                return None
        return {n: t if n in self.kernel.matrices else t.contiguous() for n, t in found.items()}


class _AllSteps(Function):
    """All steps at once: ``(kernel, keep, lengths, names, *tensors) -> parts of all states``."""

    @staticmethod
    def forward(
        ctx: Any, kernel: Kernel, keep: bool, lengths: Tensor | None, names: tuple[str, ...], *given: Tensor
    ) -> Any:
        known = dict(zip(names, given, strict=True))
        outputs, kept = kernel.forward(known, lengths, keep=keep)
        if keep:
            states = {f"out_{part}": output for part, output in enumerate(outputs)}
            saved = kernel.needed({**known, **states, **kept})
            ctx.kernel, ctx.lengths, ctx.names, ctx.saved = kernel, lengths, names, tuple(saved)
            ctx.save_for_backward(*saved.values())
            ctx.set_materialize_grads(False)  # a part that no loss sees is None in the backward, and costs nothing
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *into: Tensor | None) -> Any:
        forbid_double_backward()
        given = dict(zip(ctx.saved, ctx.saved_tensors, strict=True))
        made = ctx.kernel.backward(given, ctx.lengths, into)
        wanted = zip(ctx.names, ctx.needs_input_grad[4:], strict=True)  # behind kernel, keep, lengths, names
        return (None, None, None, None, *(made[f"d_{name}"] if needed else None for name, needed in wanted))


def _fits(cell: Cell, inputs: Tensor, state: State, lengths: Tensor | None, noise: Noise) -> bool:
    """Whether the C may read everything, shapes are right, and what has no gradient here wants none."""
    batch = inputs.shape[1]
    masks = [mask for mask in (noise.recurrent, *noise.keep) if mask is not None]
    shaped = len(state) == len(cell.parts) and all(part.shape == (batch, cell.hidden) for part in state)
    real = lengths is None or lengths.shape == (batch,)
    numbers = are_readable(inputs, *state, *masks) and not any(mask.requires_grad for mask in masks)
    return shaped and real and numbers and len(inputs) > 0 and not torch.is_autocast_enabled("cpu")


def _masks_and_shares(inputs: Tensor, state: State, noise: Noise) -> tuple[Tensors, Tensors]:
    """Masks with a row per sequence, and shares that are one number."""
    masks, shares = {}, {}
    if noise.recurrent is not None:
        masks["recurrent"] = noise.recurrent.expand(state[0].shape).contiguous()
    for part, keep in enumerate(noise.keep):
        if keep.numel() == 1:
            shares[f"keep_{part}"] = keep.reshape(1, 1)
        else:
            masks[f"keep_{part}"] = keep.expand(len(inputs), *state[part].shape).contiguous()
    return masks, shares


_loops: WeakKeyDictionary[Cell, dict[tuple[Any, ...], Loop | Refusal]] = WeakKeyDictionary()
"""What is remembered of a cell, by all that a step may depend on."""


def _find(cell: Cell, inputs: Tensor, noise: Noise, traits: tuple[Any, ...]) -> Loop | Refusal:
    """The loop of a cell as it is now, or why there is none."""
    single = tuple(each.numel() == 1 for each in noise.keep)
    key = (inputs.dtype, inputs.shape[2], noise.recurrent is not None, single, traits)
    # Making a loop may wait for the C compiler, and two threads may ask for the same one.
    with _lock:
        loops = _loops.setdefault(cell, {})
        found = loops.get(key)
        if found is None and len(loops) >= MOST:
            return _refuse_step(cell, f"it changed {MOST} times")
        if found is None or (isinstance(found, Refusal) and time.monotonic() >= found.until):
            found = loops[key] = _make(cell, inputs, recurrent=noise.recurrent is not None, keep=single)
        return found


def _make(cell: Cell, inputs: Tensor, *, recurrent: bool, keep: tuple[bool, ...]) -> Loop | Refusal:
    try:
        products(inputs.dtype)  # before the work of tracing, which is in vain without a compiler
        with torch.no_grad():
            width = cell.project(inputs[:1]).shape[2]
        with torch.inference_mode(False):  # the loop serves again when there are gradients
            return Loop(cell, width=width, dtype=inputs.dtype, recurrent=recurrent, keep=keep)
    except NoCompiler as reason:
        _warn_once(f"recurrent cells run in the plain loop, which is slower: {reason}")
        return Refusal(str(reason), time.monotonic() + reason.pause)
    except Unsupported as reason:
        return _refuse_step(cell, f"the compiler does not know {reason}")
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # a step that the generator gets wrong
        return _refuse_step(cell, f"{type(error).__name__}: {error}")


def _refuse_step(cell: Cell, reason: str) -> Refusal:
    _warn_once(f"the cell {type(cell).__name__} runs in the plain loop, which is slower: {reason}")
    return Refusal(f"the cell {type(cell).__name__}: {reason}")


@functools.cache
def _warn_once(text: str) -> None:
    _log.warning(text)
