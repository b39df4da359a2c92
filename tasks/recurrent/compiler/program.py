"""The functions of a loop, forward and back: what each reads, keeps and writes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from tasks.recurrent.compiler.backward import Derivative
from tasks.recurrent.compiler.graph import Node
from tasks.recurrent.compiler.schedule import Buffer, Region, Schedule, Scheduler, merged

Roots = dict[int, list[Buffer]]
Places = dict[int, list[tuple[Region, Buffer]]]
ADD = "{0} + {1}"


@final
@dataclass(frozen=True, eq=False, slots=True)
class WeightGradient:
    """``left' @ right`` over all steps.

    Args:
        matrix: name of the weight.
        left: name of what was multiplied with it: a leaf, or a buffer of the way forward.
        right: name of the buffer of the way back that holds the gradient at the result.
        depth: columns of left.
        width: columns of right.
    """

    matrix: str
    left: str
    right: str
    depth: int
    width: int


@final
@dataclass(frozen=True, eq=False, slots=True)
class Program:
    """All that is generated for one cell.

    Args:
        only: forward without a way back.
        forward: forward, keeping what the way back needs.
        backward: the way back.
        found: where the way back finds values of the way forward.
        gradients: of the matrices.
    """

    derivative: Derivative
    only: Schedule
    forward: Schedule
    backward: Schedule
    found: Places
    gradients: tuple[WeightGradient, ...]


def make_program(derivative: Derivative) -> Program:
    """Decide what is computed where."""
    lefts = _lefts(derivative)
    roots, found = _forward_roots(derivative, lefts, kept=True), Places()
    back = _WayBack(derivative, frozenset(roots))
    backward = back.schedule()
    saves, products = Places(), dict[int, Buffer]()
    for index, regions in backward.asked.items():
        node = derivative.graph.nodes[index]
        if node.kind == "product":
            products[index] = Buffer(f"product_{index}", "time", node.width)
            found[index] = [((0, node.width), products[index])]
        elif index in roots:
            found[index] = [((0, node.width), roots[index][0])]
        elif node.kind != "leaf":
            saves[index] = [(r, Buffer(f"save_{index}_{r[0]}", "time", r[1])) for r in merged(regions)]
            found[index] = saves[index]
    gradients = tuple(
        WeightGradient(p.matrix, lefts.get(p.left.index, p.left.text), right, p.left.width, p.gradient.width)
        for p, right in zip(derivative.products, back.rights, strict=True)
    )
    return Program(
        derivative,
        only=_forward(derivative, _forward_roots(derivative, lefts, kept=False), {}, {}),
        forward=_forward(derivative, roots, saves, products),
        backward=backward,
        found=found,
        gradients=gradients,
    )


def _lefts(derivative: Derivative) -> dict[int, str]:
    """Left operands that are computed, and names for them."""
    computed = {product.left.index for product in derivative.products if product.left.kind != "leaf"}
    return {index: f"left_{index}" for index in sorted(computed)}


def _forward_roots(derivative: Derivative, lefts: Mapping[int, str], *, kept: bool) -> Roots:
    roots: Roots = defaultdict(list)
    for part, node in enumerate(derivative.after):
        roots[node.index].append(Buffer(f"out_{part}", "time", node.width))
    for index, name in lefts.items():
        roots[index].append(Buffer(name, "time" if kept else "step", derivative.graph.nodes[index].width))
    return roots


def _forward(derivative: Derivative, roots: Roots, saves: Places, products: Mapping[int, Buffer]) -> Schedule:
    return Scheduler(
        derivative.graph.nodes,
        roots=roots,
        saves=saves,
        given=lambda node: node.kind == "leaf",
        products=products,
        into={},
    ).run()


@final
class _WayBack:
    """Where gradients go.

    Args:
        derivative: the step and its way back.
        kept: nodes that the way forward keeps in any case.
    """

    def __init__(self, derivative: Derivative, kept: frozenset[int]) -> None:
        self._derived, self._kept = derivative, kept
        self._roots: Roots = defaultdict(list)
        self._into: dict[int, tuple[Buffer, bool]] = {}
        self.rights: list[str] = []
        """Names of the buffers of the gradients at the products' results, in their order."""

    def schedule(self) -> Schedule:
        derived = self._derived
        self._roots[derived.read.index].append(Buffer("d_read", "time", derived.read.width))
        for number, product in enumerate(derived.products):
            buffers = self._roots[product.gradient.index]
            if not buffers:
                buffers.append(Buffer(f"d_product_{number}", "time", product.gradient.width))
            self.rights.append(buffers[0].name)
        for name, node in derived.vector_gradients.items():
            self._roots[node.index].append(Buffer(f"d_{name}", "total", node.width))
        for part, node in enumerate(derived.before):
            self._carry(node, Buffer(f"carry_{part}", "step", derived.after[part].width))
        return self._scheduler().run()

    def _scheduler(self) -> Scheduler:
        nodes = self._derived.graph.nodes
        return Scheduler(nodes, roots=self._roots, saves={}, given=self._given, products={}, into=self._into)

    def _given(self, node: Node) -> bool:
        forward = node.index < self._derived.boundary
        return node.kind == "leaf" or (forward and (node.expensive or node.index in self._kept))

    def _carry(self, gradient: Node, buffer: Buffer) -> None:
        """The gradient at the old state. Products add themselves to what else it is a sum of."""
        graph, uses = self._derived.graph, self._uses()
        terms = list(_terms(gradient, uses))
        position = self._scheduler().position
        products = sorted((n for n in terms if n.kind == "product" and uses[n.index] <= 1), key=position)
        rest = [node for node in terms if node not in products]
        for product in tuple(products):
            if rest and position(product.inputs[0])[0] < max(position(node)[0] for node in rest):
                products.remove(product)
                rest.append(product)
        if rest:
            total = rest[0]
            for node in rest[1:]:
                total = graph.pointwise(ADD, total, node)
            self._roots[graph.computed(total, buffer.width).index].append(buffer)
        for number, product in enumerate(products):
            self._into[product.index] = (buffer, bool(rest) or number > 0)

    def _uses(self) -> Counter[int]:
        counts = Counter(each.index for node in self._derived.graph.nodes for each in node.inputs)
        counts.update(index for index, buffers in self._roots.items() if buffers)
        counts.update(node.index for node in self._derived.before)
        return counts


def _terms(node: Node, uses: Counter[int]) -> list[Node]:
    if node.kind == "pointwise" and node.text == ADD and uses[node.index] <= 1:
        return [term for each in node.inputs for term in _terms(each, uses)]
    return [node]
