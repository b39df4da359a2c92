"""The common loop: any cell's step as compiled C, forward and back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, final
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.loop.build import NoCompiler
from tasks.recurrent.loop.derive import derive
from tasks.recurrent.loop.graph import Unsupported
from tasks.recurrent.loop.kernel import Kernel
from tasks.recurrent.loop.noise import Noise
from tasks.recurrent.loop.plain import plain_loop
from tasks.recurrent.loop.products import OwnLinear, products
from tasks.recurrent.loop.record import Step, named_weights, record_step, substitute, tensors

_log = logging.getLogger(__name__)
_said: set[str] = set()
_lock = threading.Lock()

SLOWER = "recurrent cells run in the plain loop, which is slower: {}"
DTYPES = (torch.float32, torch.float64)


@final
class Loop:
    """A cell's step, recorded, and its kernel."""

    def __init__(self, cell: Cell, *, width: int, dtype: torch.dtype, recurrent: bool, keep: tuple[bool, ...]) -> None:
        self._step: Step = record_step(cell, width=width, dtype=dtype, recurrent=recurrent, keep=keep)
        derivation = derive(self._step)
        self.kernel = Kernel(derivation, dtype)
        self._wanted = [*derivation.matrices.values(), *derivation.vectors.values()]

    def weights(self, cell: Cell, shares: Mapping[str, Tensor]) -> list[Tensor]:
        """Matrices and vectors of the kernel, in their order, made of the cell's weights by torch, with gradients."""
        now = {f"cell.{name}": value for name, value in named_weights(cell)} | dict(shares)
        made = {id(stand_in): now[name] for name, stand_in in self._step.weights.items()}
        for call in self._step.before:
            values = substitute(call.values, lambda t: made[id(t)])
            options = {k: substitute(v, lambda t: made[id(t)]) for k, v in call.options.items() if k != "device"}
            result = call.operation(*values, **options)
            made.update({id(old): new for old, new in zip(call.made, tensors(result), strict=True)})
        return [made[id(stand_in)] for stand_in in self._wanted]


_loops: WeakKeyDictionary[Cell, dict[tuple[Any, ...], Loop | None]] = WeakKeyDictionary()


class _Common(Function):
    """All steps at once: ``(loop, lengths, names, *tensors) -> parts of all states``."""

    @staticmethod
    def forward(ctx: Any, kernel: Kernel, lengths: Tensor | None, names: tuple[str, ...], *given: Tensor) -> Any:
        known = dict(zip(names, given, strict=True))
        keep = any(ctx.needs_input_grad)
        outputs, kept = kernel.forward(known, lengths, keep=keep)
        if keep:
            states = {f"out_{part}": output for part, output in enumerate(outputs)}
            every = {**known, **states, **kept}
            saved = {n: t for n, t in every.items() if n in kernel.needs or n in ("out_0",) or n in names[1:]}
            ctx.kernel, ctx.lengths, ctx.names, ctx.saved = kernel, lengths, names, tuple(saved)
            ctx.save_for_backward(*saved.values())
            ctx.set_materialize_grads(False)
        return tuple(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *into: Tensor | None) -> Any:
        given = dict(zip(ctx.saved, ctx.saved_tensors, strict=True))
        made = ctx.kernel.backward(given, ctx.lengths, into)
        wanted = zip(ctx.names, ctx.needs_input_grad[3:], strict=True)
        return (None, None, None, *(made[f"d_{name}"] if needed else None for name, needed in wanted))


def common_loop(cell: Cell, read: Tensor, state: State, *, lengths: Tensor | None, noise: Noise | None) -> State:
    """What :func:`~tasks.recurrent.loop.plain.plain_loop` gives, faster; that loop itself where there is no faster one.

    Gradients of gradients are the plain loop's alone.
    """
    loop = _find(cell, read, state, noise or Noise())
    if loop is None:
        return plain_loop(cell, read, state, lengths=lengths, noise=noise)
    named, shares = _given(read, state, noise or Noise())
    weights = loop.weights(cell, shares)
    kernel = loop.kernel
    tensors_ = [read.contiguous(), *(part.contiguous() for part in state), *named.values()]
    flat = [w.contiguous() if i >= len(kernel.matrices) else w for i, w in enumerate(weights)]
    names = ("read", *(f"start_{part}" for part in range(len(state))), *named, *kernel.matrices, *kernel.vectors)
    steps = None if lengths is None else lengths.to(torch.int64).contiguous()
    parts: State = _Common.apply(kernel, steps, names, *tensors_, *flat)  # type: ignore[no-untyped-call]
    return parts


def common_project(cell: Cell, inputs: Tensor) -> Tensor:
    """What ``cell.project`` gives, with our own product wherever it calls ``torch.nn.functional.linear``."""
    if not _eligible(inputs, (), Noise()):
        return cell.project(inputs)
    try:
        products(inputs.dtype)
    except NoCompiler as reason:
        _say(SLOWER.format(reason))
        return cell.project(inputs)
    with OwnLinear():
        return cell.project(inputs)


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


def _find(cell: Cell, read: Tensor, state: State, noise: Noise) -> Loop | None:
    if not _eligible(read, state, noise):
        return None
    keep = tuple(each.numel() == 1 for each in noise.keep)
    key = (read.dtype, read.shape[2], noise.recurrent is not None, keep, _options(cell))
    with _lock:
        known = _loops.setdefault(cell, {})
        if key not in known:
            known[key] = _make(cell, read, recurrent=noise.recurrent is not None, keep=keep)
        return known[key]


def _make(cell: Cell, read: Tensor, *, recurrent: bool, keep: tuple[bool, ...]) -> Loop | None:
    try:
        return Loop(cell, width=read.shape[2], dtype=read.dtype, recurrent=recurrent, keep=keep)
    except Unsupported as reason:
        name = type(cell).__name__
        _say(f"the cell {name} runs in the plain loop, which is slower: the common one does not know {reason}")
    except NoCompiler as reason:
        _say(SLOWER.format(reason))
    return None


def _say(text: str) -> None:
    if text not in _said:
        _said.add(text)
        _log.warning(text)


def _eligible(read: Tensor, state: State, noise: Noise) -> bool:
    """Whether everything is on the CPU, of one type that there is C for, and what has no gradient here wants none."""
    masks = [mask for mask in (noise.recurrent, *noise.keep) if mask is not None]
    same = all(t.dtype == read.dtype and t.device.type == "cpu" for t in (read, *state, *masks))
    plain = torch.is_autocast_enabled("cpu") or any(mask.requires_grad for mask in masks) or not len(read)
    return same and read.dtype in DTYPES and not plain


def _options(cell: Cell) -> tuple[Any, ...]:
    """All plain values that a cell and what it is made of hold: a step may depend on them."""
    return tuple(
        (key, value)
        for module in cell.modules()
        for key, value in vars(module).items()
        if isinstance(value, bool | int | float | str | None) or key == "training"
    )
