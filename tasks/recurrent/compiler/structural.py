"""Operations that no single C expression stands for: columns moved, sums of rows, arguments that vary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch

from tasks.recurrent.compiler.graph import Graph, Node, Unsupported

END = 2**62
"""Where a slice ends that has no end."""


@final
@dataclass(frozen=True, slots=True)
class Use:
    """One call of an operation, nodes in the place of tensors; ``shape`` is that of its (first) result."""

    graph: Graph
    values: list[Any]
    options: Mapping[str, Any]
    shape: torch.Size

    def given(self, *names: str, **defaults: Any) -> list[Any]:
        """The arguments of these names, which are torch's, in their order: by place, by name or by default."""
        every = dict(zip((*names, *defaults), self.values, strict=False))
        every = defaults | every | {k: v for k, v in self.options.items() if k in (*names, *defaults)}
        return [every[name] for name in (*names, *defaults)]


def as_node(graph: Graph, value: Any) -> Node:
    """A node, or a number as one."""
    if isinstance(value, Node):
        return value
    if isinstance(value, bool | int | float):
        return graph.constant(float(value))
    raise Unsupported(f"the argument {value!r}")


def _add(use: Use, sign: str) -> Node:
    one, other, alpha = use.given("self", "other", alpha=1)
    one, other = as_node(use.graph, one), as_node(use.graph, other)
    if alpha != 1:
        other = use.graph.pointwise("{0} * {1}", use.graph.constant(alpha), other)
    return use.graph.pointwise(f"{{0}} {sign} {{1}}", one, other)


def _power(use: Use) -> Node:
    graph, (base, exponent) = use.graph, use.given("self", "exponent")
    if float(exponent).is_integer() and 1 <= exponent <= 4:
        return graph.pointwise(" * ".join(["{0}"] * int(exponent)), base)
    texts = {0.5: ("sqrt({0})", 5), -0.5: ("(real)1 / sqrt({0})", 10), -1.0: ("(real)1 / {0}", 5)}
    if exponent in texts:
        text, cost = texts[float(exponent)]
        return graph.pointwise(text, base, cost=cost)
    return graph.pointwise("pow({0}, {1})", base, graph.constant(exponent), cost=30)


def _clamp(use: Use) -> Node:
    row, low, high = use.given("self", min=None, max=None)
    found: Node = row
    if low is not None:
        found = use.graph.pointwise("{0} < {1} ? {1} : {0}", found, as_node(use.graph, low))
    if high is not None:
        found = use.graph.pointwise("{0} > {1} ? {1} : {0}", found, as_node(use.graph, high))
    return found


def _columns(use: Use, row: Node, dim: int, begin: int, end: int, step: int = 1) -> Node:
    """Some columns of a row; of the batch (``dim`` 0 or -2) only all of it."""
    # Rows have two dimensions, so 0 and -2 are the batch, 1 and -1 the columns; torch's end of everything is 2**63 - 1.
    if dim % 2 == 0 and (begin, step) == (0, 1) and end > 2**31:
        return row
    if dim % 2 == 0 or step != 1:
        raise Unsupported("a slice of the batch" if dim % 2 == 0 else "a slice with a step")
    begin, end = (min(at + row.width if at < 0 else at, row.width) for at in (begin, end))
    return use.graph.slice(row, begin, end - begin)


def _slice(use: Use) -> Node:
    row, dim, begin, end, step = use.given("self", dim=0, start=None, end=None, step=1)
    return _columns(use, row, dim, begin or 0, END if end is None else end, step)


def _select(use: Use) -> Node:
    row, dim, at = use.given("self", "dim", "index")
    return _columns(use, row, dim, at % row.width, at % row.width + 1)


def _split(use: Use) -> list[Node]:
    key = "split_size" if isinstance(use.values[1], int) else "split_sizes"
    row, sizes, dim = use.given("self", key, dim=0)
    if isinstance(sizes, int):
        sizes = [min(sizes, row.width - begin) for begin in range(0, row.width, sizes)]
    begins = [sum(sizes[:place]) for place in range(len(sizes))]
    return [_columns(use, row, dim, begin, begin + size) for begin, size in zip(begins, sizes, strict=True)]


def _embed(use: Use, row: Node, width: int, begin: int) -> Node:
    """The columns among zeros: the gradient of taking them out."""
    zero, after = use.graph.constant(0), width - begin - row.width
    rows = [row]
    if begin:
        rows.insert(0, use.graph.pointwise("{0}", zero, width=begin))
    if after:
        rows.append(use.graph.pointwise("{0}", zero, width=after))
    return use.graph.cat(tuple(rows))


def _slice_back(use: Use) -> Node:
    row, sizes, dim, begin, _, step = use.values
    if step != 1:
        raise Unsupported("a slice with a step")
    if dim % 2 == 0:
        return as_node(use.graph, row)
    return _embed(use, row, sizes[1], min(begin + sizes[1] if begin < 0 else begin, sizes[1]))


def _select_back(use: Use) -> Node:
    row, sizes, _, at = use.values
    return _embed(use, row, sizes[1], at % sizes[1])


def _cat(use: Use) -> Node:
    rows, dim = use.given("tensors", dim=0)
    if dim % 2 == 0:
        raise Unsupported("a concatenation along the batch")
    return use.graph.cat(tuple(rows))


def _sum(use: Use) -> Node:
    row, dims, _ = use.given("self", dim=None, keepdim=False)
    if dims is None or [dim % 2 for dim in dims] != [1]:
        raise Unsupported("a sum over the batch")
    return use.graph.sum(row)


def _expand(use: Use) -> Node:
    row: Node = use.values[0]
    return row if use.shape[1] == row.width else use.graph.pointwise("{0}", row, width=use.shape[1])


def _same(use: Use) -> Node:
    row: Node = use.values[0]
    if (use.shape[1] if len(use.shape) > 1 else 1) != row.width:
        raise Unsupported("a change of shape")
    return row


Rule = Callable[[Use], Node | list[Node]]
STRUCTURAL: Mapping[str, Rule] = {
    "_unsafe_view.default": _same,
    "add.Scalar": lambda use: _add(use, "+"),
    "add.Tensor": lambda use: _add(use, "+"),
    "cat.default": _cat,
    "clamp.default": _clamp,
    "expand.default": _expand,
    "mean.dim": lambda use: use.graph.pointwise("{0} * {1}", _sum(use), use.graph.constant(1 / use.values[0].width)),
    "pow.Tensor_Scalar": _power,
    "select.int": _select,
    "select_backward.default": _select_back,
    "slice.Tensor": _slice,
    "slice_backward.default": _slice_back,
    "split.Tensor": _split,
    "split_with_sizes.default": _split,
    "squeeze.dim": _same,
    "sub.Scalar": lambda use: _add(use, "-"),
    "sub.Tensor": lambda use: _add(use, "-"),
    "sum.dim_IntList": _sum,
    "unsqueeze.default": _same,
    "view.default": _same,
}
"""By name; each gives the node of the result, or a list of nodes where the operation gives several tensors."""
