"""C for a whole loop: three functions that are compiled once and called for every batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import final

import torch

from tasks.recurrent.compiler.codegen_rows import Rows
from tasks.recurrent.compiler.program import Places, Program
from tasks.recurrent.compiler.schedule import Multiplication, Schedule

PRELUDE = Path(__file__).with_name("columns.h").read_text(encoding="utf-8")
DTYPES = (torch.float32, torch.float64)
"""Numbers that there is C for."""


def generate(program: Program, dtype: torch.dtype) -> tuple[str, dict[str, tuple[str, ...]]]:
    """Write a program down in C.

    Returns:
        The source, and by the name of each function those of the pointers that it takes, in their order.
    """
    functions = (
        _Function("inference", program, program.inference, {}),
        _Function("forward", program, program.forward, {}),
        _Function("backward", program, program.backward, program.found),
    )
    text = "\n".join([head(dtype), PRELUDE, *(function.text for function in functions)])
    return text, {function.name: tuple(function.arguments) for function in functions}


def head(dtype: torch.dtype) -> str:
    """The first lines of a source, which choose between float and double.

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

    Its arguments are sizes (steps, rows, then two strides for each matrix, then for each part of the state 1 if its
    gradient has rows for every step, 0 if one step of zeros stands for all), lengths or NULL, and pointers.
    """

    def __init__(self, name: str, program: Program, schedule: Schedule, found: Places) -> None:
        self.name, self._derived, self._schedule = name, program.derivative, schedule
        self._rows, self._buffers, self._widths = Rows(schedule, found), schedule.buffers(), _widths(program)
        parts = [node.width for node in self._derived.after]
        self._carried = parts if name == "backward" else []
        """Widths of the gradients that are carried from step to step, by part of the state."""
        self.arguments: dict[str, None] = {}
        # The body first: it finds out which arguments and how much scratch the function needs.
        levels = [line for level in range(schedule.levels) for line in self._level(level)]
        weights = [*self._weight_gradients(program)] if self._carried else []
        self.text = "\n".join([*self._begin(), *levels, "    }", *weights, *self._end()])

    def _begin(self) -> Iterator[str]:
        scratch = [*self._scratch()]
        # One number more than is needed: malloc(0) may answer NULL, which means here that no memory is left.
        sizes = " + ".join([*(size for _, size, _ in scratch), "1"])
        yield f"int {self.name}(const long *size, const int64_t *lengths, real *const *at) {{"
        yield "    const long steps = size[0], rows = size[1];"
        yield from (f"    real *const {name} = at[{number}];" for number, name in enumerate(self.arguments))
        yield f"    real *scratch = malloc(sizeof(real) * (size_t)({sizes})), *rest = scratch;"
        yield "    if (!scratch) return 1;"
        for name, size, fill in scratch:
            yield f"    real *const {name} = rest; rest += {size};{fill}"
        yield "    for (long s = 0; s < steps; s++) {"
        yield f"        const long t = {'steps - 1 - s' if self._carried else 's'};"  # the backward runs from the end
        for part, width in enumerate(self._carried):  # what one step writes the next one reads
            yield f"        real *const carry_{part} = carries_{part} + (s & 1) * rows * {width};"
            yield f"        real *const carried_{part} = carries_{part} + (~s & 1) * rows * {width};"

    def _scratch(self) -> Iterator[tuple[str, str, str]]:
        """Name, size in numbers, and what fills it: buffers of one step, packed matrices, carried gradients."""
        for buffer in self._buffers.values():
            if buffer.kind in ("step", "row") and not buffer.name.startswith("carry_"):
                yield buffer.name, f"{'rows * ' if buffer.kind == 'step' else ''}{buffer.width}", ""
        products = {_packed(p): p.node for level in self._schedule.products.values() for p in level}
        for name, node in products.items():
            shape = f"{node.inputs[0].width}, {node.width}"
            first = 2 + 2 * list(self._derived.matrices).index(node.text)
            down, right = (first + 1, first) if node.number else (first, first + 1)  # number is 1 where transposed
            matrix = self._argument(node.text)
            yield name, f"packed_size({shape})", f" pack({shape}, {matrix}, size[{down}], size[{right}], {name});"
        for part, width in enumerate(self._carried):
            self._argument(f"d_start_{part}")
            self._argument(f"into_{part}")
            size, name = f"2 * rows * {width}", f"carries_{part}"
            yield name, size, f" memset({name}, 0, sizeof(real) * (size_t)({size}));"

    def _end(self) -> Iterator[str]:
        for part, width in enumerate(self._carried):
            last = f"carries_{part} + (~steps & 1) * rows * {width}"  # the half that the last step, steps - 1, wrote
            yield f"    memcpy(d_start_{part}, {last}, sizeof(real) * (size_t)(rows * {width}));"
        yield "    free(scratch);"
        yield "    return 0;"
        yield "}"

    def _level(self, level: int) -> Iterator[str]:
        lines = self._rows.write(level)
        if lines:
            names, targets = list(self._rows.used), self._schedule.targets.items()
            written = {b.name for at, some in targets if at[0] == level for target in some for b in target.buffers}
            padded = [n for n in names if n in written and self._buffers[n].kind in ("time", "step")]
            clear = "".join(f" memset(r_{name}, 0, sizeof(real) * {self._widths[name]});" for name in padded)
            yield "        for (long b = 0; b < rows; b++) {"
            yield from (f"            real *restrict const r_{name} = {self._row(name)};" for name in names)
            # Padding is zero in all that outlives the row: carried gradients of a short sequence begin at its end.
            yield f"            if (lengths && t >= lengths[b]) {{{clear} continue; }}"
            yield from lines
            yield "        }"
        # Those that overwrite their place come before those that add to it.
        for product in sorted(self._schedule.products.get(level, ()), key=lambda product: product.accumulate):
            node, (left,) = product.node, product.node.inputs
            name = left.text if left.kind == "leaf" else self._schedule.kept[left.index][0][1].name
            yield (
                f"        product(rows, {node.width}, {left.width}, {self._now(name)}, {_packed(product)},"
                f" {self._now(product.to.name)}, {int(product.accumulate)});"
            )

    def _row(self, name: str) -> str:
        if name.startswith("vector_") or name.startswith("d_vector_"):
            return self._argument(name)
        if name in self._buffers and self._buffers[name].kind == "row":
            return name
        return f"{self._now(name)} + b * {self._widths[name]}"

    def _now(self, name: str) -> str:
        """Where the rows of this step begin."""
        if name.startswith("carried_") or (name in self._buffers and self._buffers[name].kind == "step"):
            return name
        width = self._widths[name]
        if name.startswith("state_"):
            part = name.removeprefix("state_")
            start, out = self._argument(f"start_{part}"), self._argument(f"out_{part}")
            return f"(t ? {out} + (t - 1) * rows * {width} : {start})"
        if name.startswith("into_"):
            flag = 2 + 2 * len(self._derived.matrices) + int(name.removeprefix("into_"))
            return f"{self._argument(name)} + t * size[{flag}] * rows * {width}"  # the flag is 0 where all steps share
        if name == "recurrent":
            return self._argument(name)
        return f"{self._argument(name)} + t * rows * {width}"

    def _argument(self, name: str) -> str:
        self.arguments[name] = None
        return name

    def _weight_gradients(self, program: Program) -> Iterator[str]:
        for product, left, right in zip(self._derived.products, program.lefts, program.rights, strict=True):
            shape = f"{product.left.width}, {product.gradient.width}"
            into, right = self._argument(f"d_{product.matrix}"), self._argument(right)
            if left.startswith("state_"):  # the state before a step is the one after the step before
                part = left.removeprefix("state_")
                start, out = self._argument(f"start_{part}"), self._argument(f"out_{part}")
                later = f"{right} + rows * {product.gradient.width}"
                yield f"    outer_products(rows, {shape}, {start}, {right}, {into});"  # step 0
                yield f"    outer_products((steps - 1) * rows, {shape}, {out}, {later}, {into});"
            else:
                yield f"    outer_products(steps * rows, {shape}, {self._argument(left)}, {right}, {into});"


def _packed(product: Multiplication) -> str:
    return f"packed_{product.node.text}{'_transposed' if product.node.number else ''}"


def _widths(program: Program) -> dict[str, int]:
    """Columns of everything that has a row per sequence, by name."""
    derived = program.derivative
    found = {node.text: node.width for node in derived.graph.nodes if node.kind == "leaf"}
    for part, node in enumerate(derived.after):
        for name in ("state", "start", "out", "carry", "carried", "into"):
            found[f"{name}_{part}"] = node.width
    for schedule in (program.inference, program.forward, program.backward):
        found.update({name: buffer.width for name, buffer in schedule.buffers().items()})
    return found
