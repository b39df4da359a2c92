"""When each value of a step is computed, and which ones are kept: in a row's scratch, for the step, or for all time.

A step is a row of levels with the matrix products between them, which need all rows of the batch. Within a level a
row is done at a time, in phases with the sums over columns between them. What is cheap is computed wherever it is
wanted; what is expensive and wanted in several places is kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, final

from tasks.recurrent.compiler.graph import Node

Position = tuple[int, int]
"""Level and phase."""
Region = tuple[int, int]
"""First column and width."""

KEPT_FROM = 6
"""Cost from which on a value that is wanted at several positions is kept."""


@final
@dataclass(frozen=True, slots=True)
class Buffer:
    """A place for values.

    Args:
        name: of its C variable.
        kind: ``time`` has a row per step and sequence, ``step`` a row per sequence, ``row`` one row; ``total`` is one
            row to which all others are added.
        width: number of columns.
    """

    name: str
    kind: Literal["time", "step", "row", "total"]
    width: int


@final
@dataclass(frozen=True, eq=False, slots=True)
class Target:
    """A value to be computed and kept: the columns of a node, or the sum of a row (``total`` of its input)."""

    node: Node
    region: Region
    buffers: tuple[Buffer, ...]


@final
@dataclass(frozen=True, eq=False, slots=True)
class Multiplication:
    """A matrix product to be done after a level."""

    node: Node
    to: Buffer
    accumulate: bool


@final
@dataclass(eq=False, slots=True)
class Schedule:
    """A function of the loop.

    Args:
        targets: by position.
        products: by level.
        kept: where the columns of a node are found, and from which position on.
        asked: columns of nodes that are given from elsewhere.
    """

    targets: defaultdict[Position, list[Target]] = field(default_factory=lambda: defaultdict(list))
    products: defaultdict[int, list[Multiplication]] = field(default_factory=lambda: defaultdict(list))
    kept: defaultdict[int, list[tuple[Region, Buffer, Position]]] = field(default_factory=lambda: defaultdict(list))
    asked: defaultdict[int, set[Region]] = field(default_factory=lambda: defaultdict(set))

    def buffers(self) -> dict[str, Buffer]:
        """All places that are written, by name."""
        found = [buffer for targets in self.targets.values() for target in targets for buffer in target.buffers]
        found += [product.to for products in self.products.values() for product in products]
        return {buffer.name: buffer for buffer in found}

    @property
    def levels(self) -> int:
        """Number of levels."""
        return 1 + max((level for level, _ in self.targets), default=0)


@final
class Scheduler:
    """Makes one schedule.

    Args:
        nodes: all nodes, in an order that can be computed.
        roots: places in which a node must end up, by the node's index.
        saves: regions of nodes that must be kept, with their places, by the node's index.
        given: whether a node's value comes from elsewhere.
        products: places of products that must outlive the step, by the node's index.
        into: products that must end up in a place, which others may share: there they are added to what is in it.
    """

    def __init__(
        self,
        nodes: list[Node],
        *,
        roots: Mapping[int, list[Buffer]],
        saves: Mapping[int, list[tuple[Region, Buffer]]],
        given: Callable[[Node], bool],
        products: Mapping[int, Buffer],
        into: Mapping[int, tuple[Buffer, bool]],
    ) -> None:
        self._nodes, self._roots, self._saves, self._given = nodes, roots, saves, given
        self._places, self._into = products, into
        self._wanted: defaultdict[int, set[tuple[Region, Position]]] = defaultdict(set)
        self._positions: dict[int, Position] = {}
        self.schedule = Schedule()

    def run(self) -> Schedule:
        """Go from what is wanted to what it needs."""
        for index in (*self._roots, *self._into):
            node = self._nodes[index]
            for region in self._slices(node, (0, node.width)):
                self._want(node, region, self.position(node))
        for node in reversed(self._nodes):  # whatever wants a node has a higher index
            wanted = self._wanted.get(node.index)
            if wanted and self._given(node):
                self.schedule.asked[node.index].update(region for region, _ in wanted)
            elif wanted and node.kind == "product":
                self._multiply(node)
            elif wanted and node.kind == "sum":
                self._add_up(node, wanted)
            elif wanted and node.inputs:
                self._compute(node, wanted)
        return self.schedule

    def position(self, node: Node) -> Position:
        """From where on a node can be computed."""
        if node.index not in self._positions:
            needs = () if self._given(node) else node.inputs
            level, phase = max((self.position(each) for each in needs), default=(0, 0))
            # A product waits for all rows of its operand, a sum for all columns of its row.
            after = {"product": (level + 1, 0), "sum": (level, phase + 1)}
            self._positions[node.index] = after.get(node.kind, (level, phase)) if needs else (0, 0)
        return self._positions[node.index]

    def _want(self, node: Node, region: Region, position: Position) -> None:
        self._wanted[node.index].add((region, position))

    def _multiply(self, node: Node) -> None:
        (left,) = node.inputs
        usual = self._places.get(node.index) or Buffer(f"v{node.index}", "step", node.width)
        buffer, accumulate = self._into.get(node.index, (usual, False))
        position = self.position(left)
        product = Multiplication(node, buffer, accumulate)
        self.schedule.products[position[0]].append(product)
        if not product.accumulate:  # what is added to other things is nowhere by itself
            self.schedule.kept[node.index].append(((0, node.width), buffer, self.position(node)))
        self._want(left, (0, left.width), position)

    def _add_up(self, node: Node, wanted: set[tuple[Region, Position]]) -> None:
        (row,) = node.inputs
        at = self.position(row)
        saved = [buffer for _, buffer in self._saves.get(node.index, [])]
        buffer = saved[0] if saved else self._scratch(node, (0, 1), {at, *(position for _, position in wanted)})
        self._keep(node, (0, 1), (buffer,), at, from_=self.position(node))
        for region in self._slices(row, (0, row.width)):
            self._want(row, region, at)

    def _compute(self, node: Node, wanted: set[tuple[Region, Position]]) -> None:
        roots = self._roots.get(node.index, [])
        lasting = tuple(buffer for buffer in roots if buffer.kind != "total")
        totals = tuple(buffer for buffer in roots if buffer.kind == "total")
        whole = (0, node.width)
        # A total is added up over all rows: no value of the node can be loaded from it.
        if totals:
            self.schedule.targets[self.position(node)].append(Target(node, whole, totals))
        if lasting:
            self._keep_columns(node, whole, lasting, self.position(node))
        for saved, buffer in self._saves.get(node.index, ()) if not lasting else ():
            self._keep_columns(node, saved, (buffer,), min(_positions(wanted, saved)))  # first use
        if lasting or node.index in self._saves:
            return  # other positions load it from there; the one that computes it has it in a register
        # Columns that are wanted together are kept together; what is cheap is computed again at each of its positions.
        for region in merged(region for region, _ in wanted):
            positions = _positions(wanted, region)
            if len(positions) > 1 and self._cost(node) >= KEPT_FROM:
                self._keep_columns(node, region, (self._scratch(node, region, positions),), min(positions))
            else:
                for part, position in ((r, p) for r, p in wanted if _within(r, region)):
                    self._want_inputs(node, part, position)

    def _keep_columns(self, node: Node, region: Region, buffers: tuple[Buffer, ...], position: Position) -> None:
        # In its own phase the value is in a register; it can be loaded from the next phase on.
        self._keep(node, region, buffers, position, from_=(position[0], position[1] + 1))
        for part in self._slices(node, region):
            self._want_inputs(node, part, position)

    def _slices(self, node: Node, region: Region) -> list[Region]:
        """The columns, cut so that each part is one computation if nothing but the necessary is kept."""
        return uniform_slices(node, region, lambda each, _: self._given(each) or each.kind in ("product", "sum"))

    def _keep(self, node: Node, region: Region, buffers: tuple[Buffer, ...], at: Position, *, from_: Position) -> None:
        self.schedule.targets[at].append(Target(node, region, buffers))
        self.schedule.kept[node.index].append((region, buffers[0], from_))

    def _want_inputs(self, node: Node, region: Region, position: Position) -> None:
        for each, part in inputs_of(node, region):
            self._want(each, part, position)

    def _scratch(self, node: Node, region: Region, positions: set[Position]) -> Buffer:
        # Within a level a row is finished before the next one begins: one row of scratch serves them all.
        one_level = len({level for level, _ in positions}) == 1
        return Buffer(f"v{node.index}_{region[0]}", "row" if one_level else "step", region[1])

    def _cost(self, node: Node) -> float:
        if self._given(node) or node.kind in ("leaf", "constant", "product", "sum"):
            return 0
        own = node.number if node.kind == "pointwise" else 0
        return own + sum(self._cost(each) for each in node.inputs)


def inputs_of(node: Node, region: Region) -> Iterator[tuple[Node, Region]]:
    """What some columns of a node are made of."""
    begin, width = region
    if node.kind == "slice":
        yield node.inputs[0], (begin + int(node.number), width)
    elif node.kind == "cat":
        at = 0
        for each in node.inputs:
            first, last = max(begin, at), min(begin + width, at + each.width)
            if first < last:
                yield each, (first - at, last - first)
            at += each.width
    else:
        for each in node.inputs:
            yield each, (region if each.width > 1 else (0, 1))


def uniform_slices(node: Node, region: Region, ends: Callable[[Node, Region], object]) -> list[Region]:
    """Columns of a node, cut so that each part is the same computation for all of its columns.

    Args:
        node: what is computed.
        region: which of its columns.
        ends: whether columns of a node are there already, so that what they are made of does not matter.
    """
    cuts = sorted({region[0], sum(region), *_cuts(node, region, ends)})
    return [(begin, end - begin) for begin, end in pairwise(cuts)]


def _cuts(node: Node, region: Region, ends: Callable[[Node, Region], object]) -> Iterator[int]:
    if not node.inputs or ends(node, region):
        return
    if node.kind == "cat":
        begin = region[0]
        for each, part in inputs_of(node, region):
            yield from (begin + cut - part[0] for cut in _cuts(each, part, ends))  # where the input's columns stand
            begin += part[1]
            yield begin
        return
    for each, part in inputs_of(node, region):
        if each.width > 1:
            yield from (region[0] + cut - part[0] for cut in _cuts(each, part, ends))


def _positions(wanted: Iterable[tuple[Region, Position]], region: Region) -> set[Position]:
    """Where these columns, or some of them, are wanted."""
    return {position for part, position in wanted if _within(part, region)}


def _within(part: Region, region: Region) -> bool:
    return part[0] < sum(region) and region[0] < sum(part)


def merged(regions: Iterable[Region]) -> list[Region]:
    """The same columns without overlaps; neighbours stay apart."""
    found: list[Region] = []
    for begin, width in sorted(set(regions)):
        if found and begin < sum(found[-1]):
            first = found[-1][0]
            found[-1] = (first, max(sum(found[-1]), begin + width) - first)
        else:
            found.append((begin, width))
    return found
