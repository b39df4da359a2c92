"""Prints every stage of compiling a cell's step: ``python -m tests.recurrent.compiler.stages lstm``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import torch

from tasks.recurrent.cell import Cell
from tasks.recurrent.cells import find_cell
from tasks.recurrent.compiler.backward import Derivative, differentiate
from tasks.recurrent.compiler.codegen import generate
from tasks.recurrent.compiler.graph import Node
from tasks.recurrent.compiler.pointwise import name_of
from tasks.recurrent.compiler.program import make_program
from tasks.recurrent.compiler.schedule import Schedule
from tasks.recurrent.compiler.trace import Step, substitute, trace_step


def describe_stages(name: str) -> Iterator[str]:
    """Trace, backward, schedule and C of a cell with 2 units that reads vectors of size 3, in float32."""
    build: Callable[..., Cell] = find_cell(name)
    with torch.device("meta"):
        cell = build(inputs=3, hidden=2)
        width = cell.project(torch.empty(1, 1, 3)).shape[2]
    step = trace_step(cell, width=width, dtype=torch.float32, recurrent=False, keep=())
    derivative = differentiate(step)
    program = make_program(derivative)
    yield from ("== trace", *_trace(step), "", "== backward", *_graph(derivative))
    for each in ("forward", "backward"):
        yield from ("", f"== schedule of the {each}", *_schedule(getattr(program, each)))
    text, _ = generate(program, torch.float32)
    yield from ("", "== C", *text[text.index("int inference(") :].splitlines())


def _trace(step: Step) -> Iterator[str]:
    names = {id(tensor): name for name, tensor in {**step.weights, **step.rows}.items()}
    for when, calls in (("once", step.before), ("each step", step.within)):
        for call in calls:
            given = substitute(call.values, lambda tensor: names[id(tensor)])
            made = [names.setdefault(id(tensor), f"t{len(names)}") for tensor in call.made]
            yield f"{when}: {', '.join(made)} = {name_of(call.operation)}({', '.join(map(str, given))})"
    yield f"new state: {', '.join(names[id(part)] for part in step.after)}"


def _graph(derivative: Derivative) -> Iterator[str]:
    for node in derivative.graph.nodes:
        yield f"{'step' if node.index < derivative.boundary else 'backward'}: n{node.index} = {_meaning(node)}"
    yield f"new state: {', '.join(f'n{node.index}' for node in derivative.after)}"
    gradients = {"read": derivative.read, **{f"state_{part}": node for part, node in enumerate(derivative.before)}}
    for name, node in (gradients | derivative.vector_gradients).items():
        yield f"gradient of {name}: n{node.index}"
    for product in derivative.products:
        yield f"gradient of {product.matrix}: n{product.left.index}' @ n{product.gradient.index}, over all steps"


def _meaning(node: Node) -> str:
    names = [f"n{each.index}" for each in node.inputs]
    begin = int(node.number) if node.kind == "slice" else 0
    return {
        "leaf": f"{node.text}, {node.width} columns",
        "constant": node.text,
        "pointwise": node.text.format(*names) if node.kind == "pointwise" else "",
        "sum": f"sum of {' '.join(names)}",
        "slice": f"columns {begin} to {begin + node.width} of {' '.join(names)}",
        "cat": f"columns of {', '.join(names)}",
        "product": f"{' '.join(names)} @ {node.text}{' transposed' if node.number else ''}",
    }[node.kind]


def _schedule(schedule: Schedule) -> Iterator[str]:
    for level in range(schedule.levels):
        for position in sorted(position for position in schedule.targets if position[0] == level):
            for target in schedule.targets[position]:
                places = ", ".join(f"{buffer.name} ({buffer.kind})" for buffer in target.buffers)
                columns = f"columns {target.region[0]} to {sum(target.region)}"
                yield f"level {level}, phase {position[1]}: n{target.node.index}, {columns} -> {places}"
        for product in schedule.products.get(level, ()):
            sign = "+=" if product.accumulate else "="
            yield f"after level {level}: {product.to.name} ({product.to.kind}) {sign} {_meaning(product.node)}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in describe_stages(*(sys.argv[1:] or ["lstm"])))
