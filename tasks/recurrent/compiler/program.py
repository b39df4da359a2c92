"""The three functions of a loop: what each reads, keeps and writes."""

from __future__ import annotations

from collections import Counter, defaultdict
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
class Program:
    """All that is generated for one cell. A matrix's gradient is ``left' @ right`` over all steps and all its products.

    Args:
        derivative: the step and its backward.
        inference: forward, keeping nothing.
        forward: forward, keeping what the backward needs.
        backward: the backward.
        found: where the backward finds values of the forward.
        lefts: of each product, what was multiplied with its matrix: a leaf, or a buffer of the forward, by name.
        rights: of each product, the buffer of the backward that holds the gradient at its result, by name.
    """

    derivative: Derivative
    inference: Schedule
    forward: Schedule
    backward: Schedule
    found: Places
    lefts: tuple[str, ...]
    rights: tuple[str, ...]


def make_program(derivative: Derivative) -> Program:
    """Decide what is computed where."""
    nodes, lefts = derivative.graph.nodes, [product.left for product in derivative.products]
    roots = _forward_roots(derivative, kept=True)
    # The backward first: it decides what the forward must keep.
    back = _Backward(derivative, frozenset(roots))
    backward = back.schedule()
    found, saves, kept = Places(), Places(), dict[int, Buffer]()
    for index, regions in backward.asked.items():
        node = nodes[index]
        if node.kind == "product":
            kept[index] = Buffer(f"product_{index}", "time", node.width)
            found[index] = [((0, node.width), kept[index])]
        elif index in roots:
            found[index] = [((0, node.width), roots[index][0])]
        elif node.kind != "leaf":  # leaves lie with the caller
            saves[index] = [(r, Buffer(f"save_{index}_{r[0]}", "time", r[1])) for r in merged(regions)]
            found[index] = saves[index]

    def forward(roots: Roots, saves: Places, kept: dict[int, Buffer]) -> Schedule:
        return Scheduler(
            nodes, roots=roots, saves=saves, given=lambda node: node.kind == "leaf", products=kept, into={}
        ).run()

    return Program(
        derivative,
        inference=forward(_forward_roots(derivative, kept=False), {}, {}),
        forward=forward(roots, saves, kept),
        backward=backward,
        found=found,
        lefts=tuple(left.text if left.kind == "leaf" else f"left_{left.index}" for left in lefts),
        rights=tuple(back.rights),
    )


def _forward_roots(derivative: Derivative, *, kept: bool) -> Roots:
    """Places of the new state, and of left operands of products that are computed."""
    roots: Roots = defaultdict(list)
    for part, node in enumerate(derivative.after):
        roots[node.index].append(Buffer(f"out_{part}", "time", node.width))
    for left in sorted({product.left.index for product in derivative.products if product.left.kind != "leaf"}):
        buffer = Buffer(f"left_{left}", "time" if kept else "step", derivative.graph.nodes[left].width)
        roots[left].append(buffer)
    return roots


@final
class _Backward:
    """Where gradients go.

    Args:
        derivative: the step and its backward.
        kept: nodes that the forward keeps in any case.
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
            # A matrix's gradient is left' @ right over all steps, so both operands must be there for all of time.
            buffers = self._roots[product.gradient.index]  # of an LSTM the same as what is read: nothing is kept twice
            if not buffers:
                buffers.append(Buffer(f"d_product_{number}", "time", product.gradient.width))
            self.rights.append(buffers[0].name)
        for name, node in derived.vector_gradients.items():
            self._roots[node.index].append(Buffer(f"d_{name}", "total", node.width))
        for part, node in enumerate(derived.before):
            # The gradient at the old state is what the step before it, which comes next, gets for its new state.
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
        graph = self._derived.graph
        # What something else needs as well must have a value of its own, and cannot be added up in place.
        uses = Counter(each.index for node in graph.nodes for each in node.inputs)
        uses.update(index for index, buffers in self._roots.items() if buffers)
        uses.update(node.index for node in self._derived.before)
        terms = list(_terms(gradient, uses))
        position = self._scheduler().position
        products = sorted((n for n in terms if n.kind == "product" and uses[n.index] <= 1), key=position)
        rest = [node for node in terms if node not in products]
        # A product writes after its level; a term that is computed later would overwrite it, so it joins the terms.
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


def _terms(node: Node, uses: Counter[int]) -> list[Node]:
    """What a node is a sum of, as far as nothing else needs the sums on the way."""
    if node.kind == "pointwise" and node.text == ADD and uses[node.index] <= 1:
        return [term for each in node.inputs for term in _terms(each, uses)]
    return [node]
