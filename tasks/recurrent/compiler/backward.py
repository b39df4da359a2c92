"""From a recorded step to two graphs in one: the step, and the way back as torch's own autograd writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

import torch
from torch import Tensor
from torch.autograd import Function
from torch.utils._python_dispatch import _disable_current_modes

from tasks.recurrent.compiler.graph import Graph, Node, Unsupported
from tasks.recurrent.compiler.pointwise import express, name_of
from tasks.recurrent.compiler.trace import BATCH, UNKNOWN, Call, Recorder, Step, substitute, tensors


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
@dataclass(eq=False, slots=True)
class Derivation:
    """A step and its way back.

    Args:
        matrices: values of the weights, right operands of products, by name; of shape (depth, columns).
        vectors: values of weights that meet rows column by column, by name; of shape (columns,).
        after: the new state.
        before: gradients with respect to the old state.
        read: gradient with respect to what the step reads.
        gains: gradients with respect to the vectors, a row per sequence, by name.
        products: all products of the step.
        boundary: nodes up to this index belong to the step, later ones to the way back.
    """

    graph: Graph
    matrices: dict[str, Tensor] = field(default_factory=dict)
    vectors: dict[str, Tensor] = field(default_factory=dict)
    after: tuple[Node, ...] = ()
    before: tuple[Node, ...] = ()
    read: Node = field(init=False)
    gains: dict[str, Node] = field(default_factory=dict)
    products: list[Product] = field(default_factory=list)
    boundary: int = 0


class _Product(Function):
    """A product that notes the gradient at its result, and leaves that of its weight to one product over all steps."""

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, note: Callable[[Tensor], None]) -> Tensor:
        ctx.right, ctx.note = right, note
        return left.mm(right)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        ctx.note(gradient)
        return gradient.mm(ctx.right.t()), None, None


@final
class _Replay:
    """Runs a step's operations again, with gradients, and notes what weights they meet and how."""

    def __init__(self, step: Step) -> None:
        self.rows = {name: row.detach().clone() for name, row in step.rows.items()}
        for name, row in self.rows.items():
            row.requires_grad_(name == "read" or name.startswith("state_"))
        self.now = {id(row): self.rows[name] for name, row in step.rows.items()}
        self.matrices: dict[int, tuple[str, Tensor]] = {}
        self.vectors: dict[int, tuple[str, Tensor, Tensor]] = {}
        self.products: list[tuple[str, Tensor, Tensor, list[Tensor]]] = []
        self._within = step.within

    def run(self) -> None:
        for call in self._within:
            result = self._product(call) if name_of(call.operation) == "mm.default" else self._other(call)
            for old, new in zip(call.made, tensors(result), strict=True):
                self.now[id(old)] = new

    def _product(self, call: Call) -> Tensor:
        left, right = call.values
        if id(left) not in self.now or id(right) in self.now:
            raise Unsupported("a matrix product whose right operand is no weight")
        if id(right) not in self.matrices:
            self.matrices[id(right)] = (f"matrix_{len(self.matrices)}", right)
        name, _ = self.matrices[id(right)]
        notes: list[Tensor] = []
        result: Tensor = _Product.apply(self.now[id(left)], right, notes.append)  # type: ignore[no-untyped-call]
        self.products.append((name, self.now[id(left)], result, notes))
        return result

    def _other(self, call: Call) -> Any:
        values = substitute(call.values, self._row)
        options = {name: substitute(value, self._row) for name, value in call.options.items()}
        return call.operation(*values, **options)

    def _row(self, tensor: Tensor) -> Tensor:
        return self.now[id(tensor)] if id(tensor) in self.now else self._vector(tensor)

    def _vector(self, tensor: Tensor) -> Tensor:
        """A weight as a row per sequence, so that its gradient comes out as rows."""
        if tensor.dim() > 2 or (tensor.dim() == 2 and tensor.shape[0] != 1):
            raise Unsupported(f"a weight of shape {tuple(tensor.shape)} outside of a matrix product")
        if tensor.dtype != self.rows["read"].dtype:
            raise Unsupported(f"a weight of type {tensor.dtype} beside others")
        if id(tensor) not in self.vectors:
            row = _stand_in(tensor.numel(), tensor.dtype).requires_grad_()
            self.vectors[id(tensor)] = (f"vector_{len(self.vectors)}", tensor, row)
        return self.vectors[id(tensor)][2]


def _stand_in(width: int, dtype: torch.dtype) -> Tensor:
    """A row per sequence, whose making is not recorded."""
    with _disable_current_modes():
        return torch.empty(BATCH, width, dtype=dtype, device="meta")


def derive(step: Step) -> Derivation:
    """Differentiate a step.

    Raises:
        Unsupported: an operation of it, or of its derivative, is not known.
    """
    replay, recorder = _Replay(step), Recorder()
    with recorder, torch.enable_grad():
        replay.run()
        after = [replay.now[id(part)] for part in step.after]
        boundary = len(recorder.calls)
        into = [_stand_in(part.shape[1], part.dtype) for part in after]
        leaves = [row for row in replay.rows.values() if row.requires_grad]
        wanted = leaves + [row for _, _, row in replay.vectors.values()]
        smooth = [(part, grad) for part, grad in zip(after, into, strict=True) if part.requires_grad]
        found: tuple[Tensor | None, ...] = (None,) * len(wanted)
        if smooth:
            parts, grads = zip(*smooth, strict=True)
            found = torch.autograd.grad(parts, wanted, grads, allow_unused=True)
    return _Translation(replay, recorder.calls, boundary, after, into, found).derivation


@final
class _Translation:
    """Recorded calls as nodes."""

    def __init__(
        self,
        replay: _Replay,
        calls: list[Call],
        boundary: int,
        after: list[Tensor],
        into: list[Tensor],
        found: tuple[Tensor | None, ...],
    ) -> None:
        graph = self._graph = Graph()
        self.derivation = derived = Derivation(graph)
        self._nodes = {id(row): graph.leaf(name, row.shape[1]) for name, row in replay.rows.items()}
        for name, value, row in replay.vectors.values():
            derived.vectors[name] = value
            self._nodes[id(row)] = graph.leaf(name, row.shape[1])
        for name, value in replay.matrices.values():
            derived.matrices[name] = value
        self._matrices = {id(value): (name, False) for name, value in replay.matrices.values()}
        self._translate(calls[:boundary])
        derived.after = tuple(self._computed(self._nodes[id(part)], part.shape[1]) for part in after)
        derived.boundary = len(graph.nodes)
        for part, tensor in enumerate(into):
            self._nodes[id(tensor)] = graph.leaf(f"gradient_{part}", tensor.shape[1])
        self._translate(calls[boundary:])
        self._gradients(replay, found)

    def _gradients(self, replay: _Replay, found: tuple[Tensor | None, ...]) -> None:
        derived, zero = self.derivation, self._graph.constant(0)
        gradients = [zero if tensor is None else self._nodes[id(tensor)] for tensor in found]
        parts = len(derived.after)
        derived.read = self._computed(gradients[0], replay.rows["read"].shape[1])
        derived.before = tuple(gradients[1 : parts + 1])
        for (name, vector, _), gradient in zip(replay.vectors.values(), gradients[parts + 1 :], strict=True):
            derived.gains[name] = self._computed(gradient, vector.numel())
        for name, left, result, notes in replay.products:
            gradient = self._computed(self._nodes[id(notes[0])] if notes else zero, result.shape[1])
            derived.products.append(Product(name, self._left(left), gradient))

    def _translate(self, calls: list[Call]) -> None:
        for call in calls:
            name = name_of(call.operation)
            if name in ("t.default", "transpose.int", "detach.default") and id(call.values[0]) in self._matrices:
                matrix, transposed = self._matrices[id(call.values[0])]
                self._matrices[id(call.result)] = (matrix, transposed ^ (name != "detach.default"))
                continue
            if name == "mm.default":
                made = [self._product(call)]
            else:
                values = [substitute(value, self._node) for value in call.values]
                options = {key: substitute(value, self._node) for key, value in call.options.items()}
                made = express(self._graph, name, values, options, call.made[0].shape)
            for tensor, node in zip(call.made, made, strict=True):
                self._nodes[id(tensor)] = node

    def _product(self, call: Call) -> Node:
        left, right = call.values
        if id(left) not in self._nodes or id(right) not in self._matrices:
            raise Unsupported("a matrix product whose right operand is no weight")
        matrix, transposed = self._matrices[id(right)]
        return self._graph.product(self._left(left), matrix, right.shape[1], transposed=transposed)

    def _left(self, tensor: Tensor) -> Node:
        """A left operand: what is read and the state lie there already, all else is computed."""
        node = self._nodes[id(tensor)]
        there = node.kind == "leaf" and node.text.startswith(("read", "state_"))
        return node if there else self._computed(node, tensor.shape[1])

    def _computed(self, node: Node, width: int) -> Node:
        """The node, or a copy of it: something that is computed row by row and can have a place of its own."""
        computed = node.kind in ("point", "cat", "piece") and node.width == width
        return node if computed else self._graph.point("{0}", node, width=width)

    def _node(self, tensor: Tensor) -> Node:
        if id(tensor) not in self._nodes:
            raise Unsupported(UNKNOWN)
        return self._nodes[id(tensor)]
