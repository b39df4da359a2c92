"""C for what is done to one row at one level: loops over columns."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import final

from tasks.recurrent.compiler.graph import Node
from tasks.recurrent.compiler.program import Places
from tasks.recurrent.compiler.schedule import Buffer, Position, Region, Schedule, Target, inputs_of, uniform_slices

INDENT = "            "


@final
class Rows:
    """Writes the loops of one level.

    Args:
        schedule: the function that the level belongs to.
        found: where values of nodes lie that this function does not compute.
    """

    def __init__(self, schedule: Schedule, found: Places) -> None:
        self._schedule, self._found = schedule, found
        self.used: dict[str, str] = {}
        """Names of all that was read or written, with the expression of a row's begin left to the caller."""

    def write(self, level: int) -> list[str]:
        """Lines for one row; afterwards ``used`` names what they touch."""
        self.used = {}
        phases = sorted(position for position in self._schedule.targets if position[0] == level)
        return [line for position in phases for line in self._phase(position)]

    def _phase(self, position: Position) -> Iterator[str]:
        targets = self._schedule.targets[position]
        sums = [target for target in targets if target.node.kind == "sum"]
        for target in sums:
            yield f"{INDENT}real sum{target.node.index} = 0;"
        loops: dict[int, list[tuple[Target, Region]]] = defaultdict(list)
        for target in targets:
            node, columns = target.node, target.region
            if node.kind == "sum":
                (node,) = node.inputs
                columns = (0, node.width)
            for region in uniform_slices(node, columns, lambda each, part: self.place(each, part, position)):
                loops[region[1]].append((target, region))
        for width, parts in sorted(loops.items()):  # columns that are equally many share a loop, and what they load
            yield from _Loop(self, position, width).write(parts)
        for target in sums:
            yield f"{INDENT}{self.row(target.buffers[0].name)}[0] = sum{target.node.index};"

    def place(self, node: Node, region: Region, position: Position) -> tuple[Buffer, int] | None:
        """Where columns are found at a position, and the first column that is kept there."""
        for (begin, width), buffer in self._found.get(node.index, ()):
            if begin <= region[0] and sum(region) <= begin + width:
                return buffer, begin
        for (begin, width), buffer, since in self._schedule.kept.get(node.index, ()):
            if since <= position and begin <= region[0] and sum(region) <= begin + width:
                return buffer, begin
        return None

    def row(self, name: str) -> str:
        """The C variable that points to a row."""
        self.used[name] = name
        return f"r_{name}"


@final
class _Loop:
    """One loop over columns: all values first, then all stores, so that no store can change a value."""

    def __init__(self, rows: Rows, position: Position, width: int) -> None:
        self._rows, self._position, self._width = rows, position, width
        self._known: dict[tuple[int, int], str] = {}
        self._lines: list[str] = []

    def write(self, parts: list[tuple[Target, Region]]) -> Iterator[str]:
        ends = [line for target, region in parts for line in self._end(target, region)]  # fills self._lines
        names = "".join(
            f" reduction(+ : sum{t.node.index})" for t in {id(t): t for t, _ in parts}.values() if t.node.kind == "sum"
        )
        # No column depends on another: so the compiler may vectorise, and reorder sums that are marked as reductions.
        yield f"{INDENT}#pragma omp simd{names}"
        yield f"{INDENT}for (long j = 0; j < {self._width}; j++) {{"
        yield from (f"{INDENT}    {line}" for line in (*self._lines, *ends))
        yield f"{INDENT}}}"

    def _end(self, target: Target, region: Region) -> Iterator[str]:
        if target.node.kind == "sum":
            yield f"sum{target.node.index} += {self._value(target.node.inputs[0], region)};"
            return
        value = self._value(target.node, region)
        for buffer in target.buffers:
            at = _at(region[0] - target.region[0])
            yield f"{self._rows.row(buffer.name)}[{at}] {'+=' if buffer.kind == 'total' else '='} {value};"

    def _value(self, node: Node, region: Region) -> str:
        # Within a loop all columns have the same width, so a node and a first column name a value.
        key = (node.index, 0 if node.width == 1 else region[0])  # a value of width 1 is the same in every column
        if key not in self._known:
            self._known[key] = self._make(node, region if node.width > 1 else (0, 1), f"v{key[0]}_{key[1]}")
        return self._known[key]

    def _make(self, node: Node, region: Region, name: str) -> str:
        if node.kind == "constant":
            return literal(node.number)
        place = self._rows.place(node, region, self._position)
        if place is None and node.inputs and node.kind != "pointwise":
            ((each, part),) = inputs_of(node, region)  # one, for regions are cut until each is one computation
            return self._value(each, part)
        text = self._load(node, region, place) if place or not node.inputs else self._pointwise(node, region)
        kind = "int" if node.truth else "real"
        self._lines.append(f"const {kind} {name} = {text};")
        return name

    def _pointwise(self, node: Node, region: Region) -> str:
        values = [self._value(each, part) for each, part in inputs_of(node, region)]
        return node.text.format(*values)

    def _load(self, node: Node, region: Region, place: tuple[Buffer, int] | None) -> str:
        if place is not None:
            at = region[0] - place[1]
            return f"{self._rows.row(place[0].name)}[{at if node.width == 1 else _at(at)}]"
        at_text = "0" if node.width == 1 else _at(region[0])
        if node.text.startswith("gradient_"):
            part = node.text.removeprefix("gradient_")
            return f"{self._rows.row(f'into_{part}')}[{at_text}] + {self._rows.row(f'carried_{part}')}[{at_text}]"
        return f"{self._rows.row(node.text)}[{at_text}]"


def _at(offset: int) -> str:
    return f"j + {offset}" if offset else "j"


def literal(value: float) -> str:
    """A number in C."""
    if math.isnan(value):
        return "((real)NAN)"
    if math.isinf(value):
        return "((real)INFINITY)" if value > 0 else "(-(real)INFINITY)"
    return f"((real){value!r})"
