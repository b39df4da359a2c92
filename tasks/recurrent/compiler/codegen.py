"""C for a whole loop: three functions that are compiled once and called for every batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch

from tasks.recurrent.compiler.backward import Derivative
from tasks.recurrent.compiler.codegen_rows import Rows
from tasks.recurrent.compiler.program import Places, Program, WeightGradient
from tasks.recurrent.compiler.schedule import Multiplication, Schedule

PRELUDE = Path(__file__).with_name("columns.h").read_text(encoding="utf-8")
TRANSPOSED = "_transposed"
DTYPES = (torch.float32, torch.float64)
"""Numbers that there is C for."""


@final
@dataclass(frozen=True, slots=True)
class Source:
    """A program in C.

    Args:
        text: to be compiled.
        arguments: names of the pointers that each function takes, in their order.
    """

    text: str
    arguments: Mapping[str, tuple[str, ...]]


def generate(program: Program, dtype: torch.dtype) -> Source:
    """Write a program down."""
    only = _Function("only", program, program.only, {}, backward=False)
    forward = _Function("forward", program, program.forward, {}, backward=False)
    backward = _Function("backward", program, program.backward, program.found, backward=True)
    functions = (only, forward, backward)
    return Source(
        "\n".join([head(dtype), PRELUDE, *(function.text for function in functions)]),
        {function.name: tuple(function.arguments) for function in functions},
    )


def head(dtype: torch.dtype) -> str:
    """What tells the C which numbers are meant.

    Raises:
        ValueError: there is no C for this type.
    """
    if dtype not in DTYPES:
        raise ValueError(f"there is no C for numbers of type {dtype}")
    single = dtype == torch.float32
    return f"#define SINGLE {int(single)}\ntypedef {'float' if single else 'double'} real;\n"


@final
class _Function:
    """One of the three.

    Its arguments are sizes (steps, rows, then two strides for each matrix, then 0 or 1 for each part of the state that
    tells whether its gradient moves on from step to step), lengths or NULL, and pointers.
    """

    def __init__(self, name: str, program: Program, schedule: Schedule, found: Places, *, backward: bool) -> None:
        self.name, self._derived, self._schedule, self._back = name, program.derivative, schedule, backward
        self._gradients = program.gradients if backward else ()
        self._rows = Rows(schedule, found)
        self._widths = _widths(program)
        self._parts = [node.width for node in self._derived.after]
        self.arguments: dict[str, None] = {}
        levels = [line for level in range(schedule.levels) for line in self._level(level)]
        ends = [line for gradient in self._gradients for line in self._gradient(gradient)]
        self.text = "\n".join([*self._begin(), *levels, "    }", *ends, *self._finish()])

    def _begin(self) -> Iterator[str]:
        pieces = [*self._kept_for_a_step(), *self._packed_matrices(), *self._carries()]
        sizes = " + ".join([*(size for _, size, _ in pieces), "1"])
        yield f"int {self.name}(const long *size, const int64_t *lengths, real *const *at) {{"
        yield "    const long steps = size[0], rows = size[1];"
        yield from (f"    real *const {name} = at[{number}];" for number, name in enumerate(self.arguments))
        yield f"    real *scratch = malloc(sizeof(real) * (size_t)({sizes})), *rest = scratch;"
        yield "    if (!scratch) return 1;"
        for name, size, fill in pieces:
            yield f"    real *const {name} = rest; rest += {size};{fill}"
        yield "    for (long s = 0; s < steps; s++) {"
        yield f"        const long t = {'steps - 1 - s' if self._back else 's'};"
        for part, width in enumerate(self._parts if self._back else ()):  # what one step writes the next one reads
            yield f"        real *const carry_{part} = carries_{part} + (s & 1) * rows * {width};"
            yield f"        real *const carried_{part} = carries_{part} + (~s & 1) * rows * {width};"

    def _kept_for_a_step(self) -> Iterator[tuple[str, str, str]]:
        """Pieces of scratch: name, size, what it is filled with."""
        for buffer in self._schedule.buffers().values():
            if buffer.kind in ("step", "row") and not buffer.name.startswith("carry_"):
                yield buffer.name, f"{'rows * ' if buffer.kind == 'step' else ''}{buffer.width}", ""

    def _packed_matrices(self) -> Iterator[tuple[str, str, str]]:
        products = {_packed(p): p.node for level in self._schedule.products.values() for p in level}
        for name, node in products.items():
            shape = f"{node.inputs[0].width}, {node.width}"
            first = 2 + 2 * list(self._derived.matrices).index(node.text)
            down, right = (first + 1, first) if node.number else (first, first + 1)
            matrix = self._argument(node.text)
            fill = f" pack({shape}, {matrix}, size[{down}], size[{right}], {name});"
            yield name, f"packed_size({shape})", fill

    def _carries(self) -> Iterator[tuple[str, str, str]]:
        for part, width in enumerate(self._parts if self._back else ()):
            self._argument(f"d_start_{part}")
            self._argument(f"into_{part}")
            size, name = f"2 * rows * {width}", f"carries_{part}"
            yield name, size, f" memset({name}, 0, sizeof(real) * (size_t)({size}));"

    def _finish(self) -> Iterator[str]:
        if self._back:
            for part, width in enumerate(self._parts):
                last = f"carries_{part} + (~steps & 1) * rows * {width}"
                yield f"    memcpy(d_start_{part}, {last}, sizeof(real) * (size_t)(rows * {width}));"
        yield "    free(scratch);"
        yield "    return 0;"
        yield "}"

    def _level(self, level: int) -> Iterator[str]:
        lines = self._rows.write(level)
        if lines:
            names = list(self._rows.used)
            yield "        for (long b = 0; b < rows; b++) {"
            yield from (f"            real *restrict const r_{name} = {self._row(name)};" for name in names)
            yield from self._padding(level, names)
            yield from lines
            yield "        }"
        for product in sorted(self._schedule.products.get(level, ()), key=lambda product: product.accumulate):
            node, (left,) = product.node, product.node.inputs
            yield (
                f"        product(rows, {node.width}, {left.width}, {self._left(left.index)}, {_packed(product)},"
                f" {self._now(product.to.name)}, {int(product.accumulate)});"
            )

    def _padding(self, level: int, names: Iterable[str]) -> Iterator[str]:
        written = {
            buffer.name: buffer
            for position, targets in self._schedule.targets.items()
            if position[0] == level
            for target in targets
            for buffer in target.buffers
            if buffer.kind in ("time", "step")
        }
        clear = "".join(f" memset(r_{n}, 0, sizeof(real) * {written[n].width});" for n in names if n in written)
        yield f"            if (lengths && t >= lengths[b]) {{{clear} continue; }}"

    def _left(self, index: int) -> str:
        node = self._derived.graph.nodes[index]
        if node.kind == "leaf":
            return self._now(node.text)
        (buffer, *_) = [buffer for _, buffer, _ in self._schedule.kept[index]]
        return self._now(buffer.name)

    def _row(self, name: str) -> str:
        if name.startswith("vector_") or name.startswith("d_vector_"):
            return self._argument(name)
        buffer = self._schedule.buffers().get(name)
        if buffer is not None and buffer.kind == "row":
            return name
        return f"{self._now(name)} + b * {self._widths[name]}"

    def _now(self, name: str) -> str:
        """Where the rows of this step begin."""
        buffer = self._schedule.buffers().get(name)
        if name.startswith(("carry_", "carried_")) or (buffer is not None and buffer.kind == "step"):
            return name
        width = self._widths[name]
        if name.startswith("state_"):
            part = name.removeprefix("state_")
            start, out = self._argument(f"start_{part}"), self._argument(f"out_{part}")
            return f"(t ? {out} + (t - 1) * rows * {width} : {start})"
        if name.startswith("into_"):
            flag = 2 + 2 * len(self._derived.matrices) + int(name.removeprefix("into_"))
            return f"{self._argument(name)} + t * size[{flag}] * rows * {width}"
        if name == "recurrent":
            return self._argument(name)
        return f"{self._argument(name)} + t * rows * {width}"

    def _argument(self, name: str) -> str:
        self.arguments[name] = None
        return name

    def _gradient(self, gradient: WeightGradient) -> Iterator[str]:
        into, right = self._argument(f"d_{gradient.matrix}"), self._argument(gradient.right)
        height, width = gradient.depth, gradient.width
        if not gradient.left.startswith("state_"):
            left = self._argument(gradient.left)
            yield f"    outer_products(steps * rows, {height}, {width}, {left}, {right}, {into});"
            return
        part = gradient.left.removeprefix("state_")
        start, out = self._argument(f"start_{part}"), self._argument(f"out_{part}")
        yield f"    outer_products(rows, {height}, {width}, {start}, {right}, {into});"
        yield (f"    outer_products((steps - 1) * rows, {height}, {width}, {out}, {right} + rows * {width}, {into});")


def _packed(product: Multiplication) -> str:
    return f"packed_{product.node.text}{TRANSPOSED if product.node.number else ''}"


def _widths(program: Program) -> dict[str, int]:
    """Columns of everything that has a row per sequence, by name."""
    derived: Derivative = program.derivative
    found = {node.text: node.width for node in derived.graph.nodes if node.kind == "leaf"}
    for part, node in enumerate(derived.after):
        for name in ("state", "start", "out", "carry", "carried", "into"):
            found[f"{name}_{part}"] = node.width
    for schedule in (program.only, program.forward, program.backward):
        found.update({name: buffer.width for name, buffer in schedule.buffers().items()})
    return found
