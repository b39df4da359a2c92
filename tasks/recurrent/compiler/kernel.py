"""A cell's generated loop, ready to be called with tensors."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from tasks.recurrent.compiler.backward import Derivative
from tasks.recurrent.compiler.build import load
from tasks.recurrent.compiler.codegen import generate
from tasks.recurrent.compiler.products import bind_gemm
from tasks.recurrent.compiler.program import make_program
from tasks.recurrent.compiler.schedule import Schedule

Tensors = dict[str, Tensor]


@final
class Kernel:
    """Three C functions and what they need.

    Args:
        derivative: what they compute.
        dtype: in which numbers.

    Raises:
        NoCompiler: they could not be had.
    """

    def __init__(self, derivative: Derivative, dtype: torch.dtype) -> None:
        program = make_program(derivative)
        text, self._arguments = generate(program, dtype)
        library = load(text)
        bind_gemm(library, dtype)
        self._functions = {name: getattr(library, name) for name in self._arguments}
        self.matrices, self.vectors = tuple(derivative.matrices), tuple(derivative.vectors)
        self._widths = [node.width for node in derivative.after]
        self._kept, self._made = _lasting(program.forward), _lasting(program.backward)

    def forward(self, given: Tensors, lengths: Tensor | None, *, keep: bool) -> tuple[list[Tensor], Tensors]:
        """All states, and what the backward needs of what was computed.

        Args:
            given: by name; read of shape (time, batch, width), start_i of (batch, hidden), the weights, the masks.
            lengths: shape (batch,); None: all steps are real.
            keep: whether there will be a backward.
        """
        steps, rows, _ = given["read"].shape
        outputs = [given["read"].new_empty(steps, rows, width) for width in self._widths]
        states = {f"out_{part}": output for part, output in enumerate(outputs)}
        kept = {name: given["read"].new_empty(steps, rows, width) for name, width in self._kept} if keep else {}
        self._call("forward" if keep else "inference", {**given, **states, **kept}, lengths, [])
        return outputs, kept

    def needed(self, given: Tensors) -> Tensors:
        """What the backward must be given, of what the forward was given, gave and kept."""
        names = {*self._arguments["backward"], *self.matrices, *self.vectors, "out_0"}
        return {name: tensor for name, tensor in given.items() if name in names}

    def backward(self, given: Tensors, lengths: Tensor | None, into: Sequence[Tensor | None]) -> Tensors:
        """Gradients by name: d_read, d_start_i, d_<weight>.

        Args:
            given: what ``needed`` chose.
            lengths: as before.
            into: gradients with respect to all states, shape (time, batch, hidden), by part; None: zero.
        """
        any_state = given["out_0"]
        steps, rows, _ = any_state.shape
        made = {name: any_state.new_empty(steps, rows, width) for name, width in self._made}
        made |= {f"d_start_{part}": any_state.new_empty(rows, width) for part, width in enumerate(self._widths)}
        made |= {f"d_{name}": any_state.new_zeros(given[name].shape) for name in (*self.matrices, *self.vectors)}
        # Where a part has no gradient, one step of zeros stands for all: its flag in ``size`` is 0.
        none = [any_state.new_zeros(rows, w) if g is None else g for g, w in zip(into, self._widths, strict=True)]
        # Contiguous: the gradient of a sum is one number that is expanded, without rows that C could read.
        states = {f"into_{part}": gradient.contiguous() for part, gradient in enumerate(none)}
        self._call("backward", {**given, **made, **states}, lengths, [int(g is not None) for g in into])
        return made

    def _call(self, name: str, tensors: Tensors, lengths: Tensor | None, moving: list[int]) -> None:
        wanted = [tensors[argument] for argument in self._arguments[name]]
        steps, rows, _ = tensors["out_0"].shape
        given = [tensors.get(matrix) for matrix in self.matrices]  # one that a function does not read is not there
        strides = [stride for matrix in given for stride in ((0, 0) if matrix is None else matrix.stride())]
        size = (ctypes.c_long * (2 + len(strides) + len(moving)))(steps, rows, *strides, *moving)
        pointers = (ctypes.c_void_p * len(wanted))(*(tensor.data_ptr() for tensor in wanted))
        real = None if lengths is None else ctypes.c_void_p(lengths.data_ptr())
        if self._functions[name](size, real, pointers):
            raise MemoryError("no memory is left for the scratch of a recurrent loop")


def _lasting(schedule: Schedule) -> list[tuple[str, int]]:
    """Names and widths of what has a row for every step, beside the states."""
    buffers = schedule.buffers().values()
    return [(each.name, each.width) for each in buffers if each.kind == "time" and not each.name.startswith("out_")]
