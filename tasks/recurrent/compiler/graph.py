"""One step of a cell as a graph of values, each a row per sequence of the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

Kind = Literal["leaf", "constant", "pointwise", "sum", "slice", "cat", "product"]


class Unsupported(Exception):
    """The step does something that no C is generated for; the text names it."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """A value of shape (batch, width); width 1 is broadcast where a wider one is wanted.

    Args:
        index: place in the order of computation.
        kind: ``pointwise`` acts on each column by itself, ``sum`` adds a row up, ``slice`` takes columns out, ``cat``
            sets rows side by side, ``product`` multiplies with a weight matrix.
        inputs: what it is made of.
        width: number of columns.
        text: a leaf's or a matrix's name; the C expression of a pointwise node, with ``{0}`` for its first input.
        number: first column of a slice; value of a constant; cost of a pointwise node; 1 for a transposed matrix.
        truth: whether it is a condition, not a number.
    """

    index: int
    kind: Kind
    inputs: tuple[Node, ...]
    width: int
    text: str
    number: float
    truth: bool

    @property
    def expensive(self) -> bool:
        """Whether it is worth memory not to compute it twice."""
        return self.kind in ("sum", "product") or (self.kind == "pointwise" and self.number >= EXPENSIVE)


EXPENSIVE = 5
"""Cost of a pointwise node, in additions, from which on its result is kept for the backward."""


@final
class Graph:
    """Makes nodes, the same one for the same computation; ``nodes`` holds them in an order that can be computed."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[tuple[object, ...], Node] = {}

    def leaf(self, name: str, width: int) -> Node:
        """What is given from outside."""
        return self._make("leaf", (), width, name, 0)

    def constant(self, value: float) -> Node:
        """A number."""
        return self._make("constant", (), 1, repr(float(value)), float(value))

    def pointwise(self, text: str, *inputs: Node, cost: float = 1, truth: bool = False, width: int = 1) -> Node:
        """A function of each column; a wider ``width`` broadcasts it."""
        widest = max(width, *(node.width for node in inputs))
        if any(node.width not in (1, widest) for node in inputs):
            raise Unsupported(f"rows of widths {', '.join(str(node.width) for node in inputs)} in one operation")
        if text == "{0} + {1}":  # autograd adds zeros where one of several uses has no gradient
            kept = [node for node in inputs if not (node.kind == "constant" and node.number == 0)]
            if len(kept) == 1 and kept[0].width == widest:
                return kept[0]
        return self._make("pointwise", inputs, widest, text, cost, truth)

    def computed(self, node: Node, width: int) -> Node:
        """The node, or a copy of it: something that is computed row by row, so that it can have a place of its own."""
        if node.kind in ("pointwise", "cat", "slice") and node.width == width:
            return node
        return self.pointwise("{0}", node, width=width)

    def sum(self, row: Node) -> Node:
        """The sum of each row."""
        return self._make("sum", (row,), 1, "", 0)

    def slice(self, row: Node, begin: int, width: int) -> Node:
        """Some neighbouring columns."""
        # Simplified, so that equal columns are one node however they were taken out.
        if (begin, width) == (0, row.width):
            return row
        if row.kind == "slice":
            return self.slice(row.inputs[0], begin + int(row.number), width)
        return self._make("slice", (row,), width, "", begin)

    def cat(self, rows: tuple[Node, ...]) -> Node:
        """Rows side by side."""
        return rows[0] if len(rows) == 1 else self._make("cat", rows, sum(row.width for row in rows), "", 0)

    def product(self, row: Node, matrix: str, width: int, *, transposed: bool) -> Node:
        """Each row times a matrix."""
        return self._make("product", (row,), width, matrix, int(transposed))

    def _make(
        self, kind: Kind, inputs: tuple[Node, ...], width: int, text: str, number: float, truth: bool = False
    ) -> Node:
        # repr: 0.0 and -0.0 are equal, and NaN is not equal to itself
        key = (kind, tuple(node.index for node in inputs), width, text, repr(number))
        if key not in self._known:
            self._known[key] = Node(len(self.nodes), kind, inputs, width, text, number, truth)
            self.nodes.append(self._known[key])
        return self._known[key]
