"""The compiled loop: any cell's step as compiled C, forward and back."""

from __future__ import annotations

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
from tasks.recurrent.compiler.backward import derive
from tasks.recurrent.compiler.build import NoCompiler
from tasks.recurrent.compiler.codegen import DTYPES
from tasks.recurrent.compiler.graph import Unsupported
from tasks.recurrent.compiler.guards import look
from tasks.recurrent.compiler.kernel import Kernel, Tensors
from tasks.recurrent.compiler.products import OwnLinear, products, refuse_twice
from tasks.recurrent.compiler.trace import Step, record_step, substitute, tensors
from tasks.recurrent.loop.plain import plain_loop
from tasks.recurrent.loop.ran import COMPILED, PLAIN, note
from tasks.recurrent.noise import Noise

_log = logging.getLogger(__name__)
_said: set[str] = set()
_lock = threading.Lock()

SLOWER = "recurrent cells run in the plain loop, which is slower: {}"
FOREIGN = "only numbers on a CPU, of 32 or 64 bits and of one kind, are compiled for"
CHANGED = "the cell's weights are no longer what its step was compiled for"
MOST = 16
"""Loops that are kept for a cell: a step that is another one at each call is never worth compiling."""


@final
class Loop:
    """A cell's step, recorded, and its kernel."""

    def __init__(self, cell: Cell, *, width: int, dtype: torch.dtype, recurrent: bool, keep: tuple[bool, ...]) -> None:
        self._step: Step = record_step(cell, width=width, dtype=dtype, recurrent=recurrent, keep=keep)
        derivation = derive(self._step)
        self.kernel = Kernel(derivation, dtype)
        self._wanted = {**derivation.matrices, **derivation.vectors}

    def weights(self, now: Mapping[str, Any]) -> Tensors | None:
        """Matrices and vectors of the kernel by name, made of the cell's weights by torch, with gradients.

        None: the weights are no longer what they were when the step was recorded.
        """
        made: dict[int, Any] = {id(stand_in): now[name] for name, stand_in in self._step.weights.items()}
        made.update((id(constant), constant) for constant in self._step.constants)
        for call in self._step.before:
            values = substitute(call.values, lambda t: made[id(t)])
            options = {k: substitute(v, lambda t: made[id(t)]) for k, v in call.options.items() if k != "device"}
            result = call.operation(*values, **options)
            made.update({id(old): new for old, new in zip(call.made, tensors(result), strict=True)})
        found = {name: made[id(stand_in)] for name, stand_in in self._wanted.items()}
        same = all(_alike(found[name], stand_in) for name, stand_in in self._wanted.items())
        return {n: t if n in self.kernel.matrices else t.contiguous() for n, t in found.items()} if same else None


def _alike(tensor: Tensor, stand_in: Tensor) -> bool:
    return tensor.shape == stand_in.shape and tensor.dtype == stand_in.dtype and tensor.device.type == "cpu"


@final
@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no compiled loop, and the time (``time.monotonic``) from which on another try is worth it."""

    reason: str
    until: float = math.inf


_cells: WeakKeyDictionary[Cell, dict[tuple[Any, ...], Loop | Refusal]] = WeakKeyDictionary()
"""What is remembered of a cell, by all that a step may depend on."""
_refused: dict[torch.dtype, Refusal] = {}
"""The same for numbers whose products cannot be had."""


class _Common(Function):
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
            ctx.set_materialize_grads(False)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *into: Tensor | None) -> Any:
        refuse_twice()
        given = dict(zip(ctx.saved, ctx.saved_tensors, strict=True))
        made = ctx.kernel.backward(given, ctx.lengths, into)
        wanted = zip(ctx.names, ctx.needs_input_grad[4:], strict=True)
        return (None, None, None, None, *(made[f"d_{name}"] if needed else None for name, needed in wanted))


def common_loop(cell: Cell, read: Tensor, state: State, *, lengths: Tensor | None, noise: Noise | None) -> State:
    """What :func:`~tasks.recurrent.loop.plain.plain_loop` gives, faster; that loop itself where there is no faster one.

    Gradients of gradients are the plain loop's alone.
    """
    named, shares = _given(read, state, noise or Noise())
    now, traits = look(cell)
    loop = _find(cell, traits, read, state, lengths, noise or Noise())
    weights = None if isinstance(loop, Refusal) else loop.weights({**now, **shares})
    if isinstance(loop, Refusal) or weights is None:
        reason = loop.reason if isinstance(loop, Refusal) else CHANGED
        note(cell, PLAIN, reason=reason if read.device.type == "cpu" else "")  # nothing is compiled for other devices
        return plain_loop(cell, read, state, lengths=lengths, noise=noise)
    note(cell, COMPILED)
    named |= {"read": read.contiguous(), **{f"start_{part}": each.contiguous() for part, each in enumerate(state)}}
    named |= weights
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in named.values())
    real = None if lengths is None else lengths.to(torch.int64, copy=True).contiguous()  # they may change
    parts: State = _Common.apply(  # type: ignore[no-untyped-call]
        loop.kernel, keep, real, tuple(named), *named.values()
    )
    return parts


def common_project(cell: Cell, inputs: Tensor) -> Tensor:
    """What ``cell.project`` gives, with our own product wherever it calls ``torch.nn.functional.linear``."""
    if not _eligible(inputs, (), Noise()) or not compiles(inputs.dtype):
        return cell.project(inputs)
    with OwnLinear():
        return cell.project(inputs)


def compiles(dtype: torch.dtype) -> bool:
    """Whether C can be had for numbers of this type; says so, once, where it cannot."""
    if dtype not in DTYPES or (dtype in _refused and time.monotonic() < _refused[dtype].until):
        return False
    try:
        products(dtype)
    except NoCompiler as reason:
        _refused[dtype] = _refuse(reason)
        return False
    return True


def refusal(dtype: torch.dtype) -> str:
    """Why no C can be had for numbers of this type, as :func:`compiles` last found; empty where nothing is known."""
    if dtype not in DTYPES:
        return FOREIGN
    return _refused[dtype].reason if dtype in _refused else ""


def _refuse(reason: NoCompiler) -> Refusal:
    _say(SLOWER.format(reason))
    return Refusal(str(reason), time.monotonic() + reason.pause)


def _given(read: Tensor, state: State, noise: Noise) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Masks with a row per sequence, and shares that are one number."""
    named, shares = {}, {}
    if noise.recurrent is not None:
        named["recurrent"] = noise.recurrent.expand(state[0].shape).contiguous()
    for part, keep in enumerate(noise.keep):
        if keep.numel() == 1:
            shares[f"keep_{part}"] = keep.reshape(1, 1)
        else:
            named[f"keep_{part}"] = keep.expand(len(read), *state[part].shape).contiguous()
    return named, shares


def _find(
    cell: Cell, traits: tuple[Any, ...], read: Tensor, state: State, lengths: Tensor | None, noise: Noise
) -> Loop | Refusal:
    rows = read.shape[1]
    shaped = len(state) == len(cell.parts) and all(part.shape == (rows, cell.hidden) for part in state)
    if not shaped or (lengths is not None and lengths.shape != (rows,)) or not _eligible(read, state, noise):
        return Refusal(FOREIGN)  # what is wrong is told by the plain loop
    keep = tuple(each.numel() == 1 for each in noise.keep)
    key = (read.dtype, read.shape[2], noise.recurrent is not None, keep, traits)
    with _lock:
        loops = _cells.setdefault(cell, {})
        found = loops.get(key)
        if found is None and len(loops) >= MOST:
            return _refuse_step(cell, f"it changed {MOST} times")
        if found is None or (isinstance(found, Refusal) and time.monotonic() >= found.until):
            found = loops[key] = _make(cell, read, recurrent=noise.recurrent is not None, keep=keep)
        return found


def _make(cell: Cell, read: Tensor, *, recurrent: bool, keep: tuple[bool, ...]) -> Loop | Refusal:
    """A loop, or why there is none."""
    if not compiles(read.dtype):
        return _refused[read.dtype]
    try:
        with torch.inference_mode(False):  # it serves again when there are gradients
            return Loop(cell, width=read.shape[2], dtype=read.dtype, recurrent=recurrent, keep=keep)
    except Unsupported as reason:
        return _refuse_step(cell, f"the compiler does not know {reason}")
    except NoCompiler as reason:
        return _refuse(reason)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:  # a step that the generator gets wrong
        return _refuse_step(cell, f"{type(error).__name__}: {error}")


def _refuse_step(cell: Cell, reason: str) -> Refusal:
    _say(f"the cell {type(cell).__name__} runs in the plain loop, which is slower: {reason}")
    return Refusal(f"the cell {type(cell).__name__}: {reason}")


def _say(text: str) -> None:
    if text not in _said:
        _said.add(text)
        _log.warning(text)


def _eligible(read: Tensor, state: State, noise: Noise) -> bool:
    """Whether everything is on the CPU, of one type that there is C for, and what has no gradient here wants none."""
    masks = [mask for mask in (noise.recurrent, *noise.keep) if mask is not None]
    same = all(
        t.dtype == read.dtype and t.device.type == "cpu" and type(t) in (Tensor, torch.nn.Parameter)
        for t in (read, *state, *masks)
    )
    plain = torch.is_autocast_enabled("cpu") or any(mask.requires_grad for mask in masks) or not len(read)
    return same and read.dtype in DTYPES and not plain
