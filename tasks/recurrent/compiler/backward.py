"""From a traced step to two graphs in one: the step, and its backward as torch's own autograd writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from tasks.recurrent.compiler.graph import Graph, Node, Unsupported
from tasks.recurrent.compiler.pointwise import express, name_of
from tasks.recurrent.compiler.trace import BATCH, UNKNOWN, Call, Step, Tracer, substitute, tensors
from tasks.recurrent.torch_internals import outside_dispatch_modes

NO_WEIGHT = "a matrix product whose right operand is no weight"


@final
@dataclass(frozen=True, eq=False, slots=True)
class Product:
    """A matrix product of the step.

    Args:
        matrix: name of its right operand.
        left: its left operand.
        gradient: with respect to its result.
    """

    matrix: str
    left: Node
    gradient: Node


@final
@dataclass(frozen=True, eq=False, slots=True)
class Derivative:
    """A step and its backward.

    Args:
        graph: holds all nodes.
        boundary: nodes of a lower index belong to the step, all others to its backward.
        matrices: values of the weights, right operands of products, by name; of shape (depth, columns).
        vectors: values of weights that meet rows column by column, by name; of shape (columns,).
        products: all products of the step.
        after: the new state.
        before: gradients with respect to the old state.
        read: gradient with respect to what the step reads.
        vector_gradients: gradients with respect to the vectors, a row per sequence, by name.
    """

    graph: Graph
    boundary: int
    matrices: dict[str, Tensor]
    vectors: dict[str, Tensor]
    products: tuple[Product, ...]
    after: tuple[Node, ...]
    before: tuple[Node, ...]
    read: Node
    vector_gradients: dict[str, Node]


def differentiate(step: Step) -> Derivative:
    """Differentiate a step.

    Its operations run again with gradients: with respect to what is read and to the state; to each vector, set out as a
    row per sequence; and to the result of each product. The gradient of a product's matrix is left to one product over
    all steps.

    Raises:
        Unsupported: an operation of it, or of its derivative, is not known.
    """
    replay, tracer = _Replay(step), Tracer()
    with tracer, torch.enable_grad():
        replay.run(step)
        after = [replay.now[id(part)] for part in step.after]
        boundary = len(tracer.calls)  # behind these, what autograd calls
        into = [_stand_in(part.shape[1], part.dtype) for part in after]  # gradients at the new state, one per part
        leaves = [row for row in replay.rows.values() if row.requires_grad]
        rows = [row for _, _, row in replay.vectors.values()]
        wanted = [*leaves, *rows, *(result for _, _, result in replay.products)]
        smooth = [(part, grad) for part, grad in zip(after, into, strict=True) if part.requires_grad]
        found: tuple[Tensor | None, ...] = (None,) * len(wanted)
        if smooth:
            parts, grads = zip(*smooth, strict=True)
            found = torch.autograd.grad(parts, wanted, grads, allow_unused=True)
    nodes = _Nodes(replay)
    nodes.add(tracer.calls[:boundary])
    # Before `first` is counted: where a new state is nothing but a leaf, its copy still belongs to the step.
    states = tuple(nodes.computed(part, part.shape[1]) for part in after)
    first = len(nodes.graph.nodes)
    for part, tensor in enumerate(into):
        nodes.leaf(f"gradient_{part}", tensor)
    nodes.add(tracer.calls[boundary:])
    gradients = dict(zip(map(id, wanted), found, strict=True))

    def gradient(tensor: Tensor) -> Node:
        return nodes.computed(gradients[id(tensor)], tensor.shape[1])

    return Derivative(
        graph=nodes.graph,
        boundary=first,
        # Leaves are in the order of the traced rows: what is read, then the parts of the state.
        read=gradient(leaves[0]),
        before=tuple(nodes.of(gradients[id(row)]) for row in leaves[1:]),
        vector_gradients={name: gradient(row) for name, _, row in replay.vectors.values()},
        products=tuple(Product(name, nodes.left(left), gradient(result)) for name, left, result in replay.products),
        matrices=dict(replay.matrices.values()),
        vectors={name: value for name, value, _ in replay.vectors.values()},
        after=states,
    )


@final
class _Replay:
    """Runs a step's operations again, with gradients, and notes what weights they meet and how.

    ``now`` holds what stands for each tensor of the trace by its id; ``matrices`` and ``vectors`` hold names and values
    by id of the value, vectors with their rows; ``products`` holds name, left operand and result.
    """

    def __init__(self, step: Step) -> None:
        self.rows = {name: row.detach().clone() for name, row in step.rows.items()}
        for name, row in self.rows.items():
            row.requires_grad_(name == "read" or name.startswith("state_"))  # masks have no gradient
        self.now = {id(row): self.rows[name] for name, row in step.rows.items()}
        self.matrices: dict[int, tuple[str, Tensor]] = {}
        self.vectors: dict[int, tuple[str, Tensor, Tensor]] = {}
        self.products: list[tuple[str, Tensor, Tensor]] = []

    def run(self, step: Step) -> None:
        for call in step.within:
            result = self._product(call) if name_of(call.operation) == "mm.default" else call.again(self._row)
            for old, new in zip(call.made, tensors(result), strict=True):
                self.now[id(old)] = new

    def _product(self, call: Call) -> Tensor:
        left, right = call.values
        if id(left) not in self.now or id(right) in self.now:
            raise Unsupported(NO_WEIGHT)
        name, _ = self.matrices.setdefault(id(right), (f"matrix_{len(self.matrices)}", right))
        result = self.now[id(left)].mm(right)
        # A result without gradients (a mask times a weight) becomes a leaf, since its weight has one all the same.
        self.products.append((name, self.now[id(left)], result if result.requires_grad else result.requires_grad_()))
        return result

    def _row(self, tensor: Tensor) -> Tensor:
        """What stands for a tensor: a weight is set out as a row per sequence, so that its gradient comes as rows."""
        if id(tensor) in self.now:
            return self.now[id(tensor)]
        if tensor.dim() > 2 or (tensor.dim() == 2 and tensor.shape[0] != 1):
            raise Unsupported(f"a weight of shape {tuple(tensor.shape)} outside of a matrix product")
        if tensor.dtype != self.rows["read"].dtype:
            raise Unsupported(f"a weight of type {tensor.dtype} beside others")
        if id(tensor) not in self.vectors:
            row = _stand_in(tensor.numel(), tensor.dtype).requires_grad_()
            self.vectors[id(tensor)] = (f"vector_{len(self.vectors)}", tensor, row)
        return self.vectors[id(tensor)][2]


def _stand_in(width: int, dtype: torch.dtype) -> Tensor:
    """A row per sequence, whose making is not traced."""
    with outside_dispatch_modes():
        return torch.empty(BATCH, width, dtype=dtype, device="meta")


@final
class _Nodes:
    """Traced calls as nodes of a graph, found by the tensors that they stand for."""

    def __init__(self, replay: _Replay) -> None:
        self.graph, self._nodes = Graph(), dict[int, Node]()
        for name, row in (*replay.rows.items(), *((name, row) for name, _, row in replay.vectors.values())):
            self.leaf(name, row)
        self._matrices = {id(value): (name, False) for name, value in replay.matrices.values()}

    def leaf(self, name: str, row: Tensor) -> None:
        """What is given from outside."""
        self._nodes[id(row)] = self.graph.leaf(name, row.shape[1])

    def add(self, calls: list[Call]) -> None:
        """Nodes for some calls."""
        for call in calls:
            name = name_of(call.operation)
            # A weight that is transposed is the same matrix, packed the other way round: no value of the step.
            if name in ("t.default", "transpose.int", "detach.default") and id(call.values[0]) in self._matrices:
                matrix, transposed = self._matrices[id(call.values[0])]
                self._matrices[id(call.result)] = (matrix, transposed ^ (name != "detach.default"))
                continue
            made = [self._product(call)] if name == "mm.default" else self._express(name, call)
            for tensor, node in zip(call.made, made, strict=True):
                self._nodes[id(tensor)] = node

    def _product(self, call: Call) -> Node:
        left, right = call.values
        if id(left) not in self._nodes or id(right) not in self._matrices:
            raise Unsupported(NO_WEIGHT)
        matrix, transposed = self._matrices[id(right)]
        return self.graph.product(self.left(left), matrix, right.shape[1], transposed=transposed)

    def _express(self, name: str, call: Call) -> list[Node]:
        values = [substitute(value, self.of) for value in call.values]
        options = {key: substitute(value, self.of) for key, value in call.options.items()}
        return express(self.graph, name, values, options, call.made[0].shape)

    def of(self, tensor: Any) -> Node:
        """The node of a tensor; 0 in the place of a gradient that there is none of."""
        if tensor is None:
            return self.graph.constant(0)
        if id(tensor) not in self._nodes:
            raise Unsupported(UNKNOWN)
        return self._nodes[id(tensor)]

    def left(self, tensor: Tensor) -> Node:
        """A left operand: what is read and the state lie there already, all else is computed."""
        node = self._nodes[id(tensor)]
        there = node.kind == "leaf" and node.text.startswith(("read", "state_"))
        return node if there else self.graph.computed(node, tensor.shape[1])

    def computed(self, tensor: Tensor | None, width: int) -> Node:
        """The same as a node that can have a place of its own."""
        return self.graph.computed(self.of(tensor), width)
