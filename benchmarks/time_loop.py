"""Time of reading a batch of sequences with one cell, forward and backward, in each loop, against its products alone.

The limit is the cell's matrix products as torch does them (``mm``, ``addmm``) into buffers that are there already:
those of the inputs, of each step forward and back, and one over all of time for each weight's gradient. The contenders
take turns within each repeat, and the fastest of their turns counts: what else runs on the machine can only add.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.measurement import Measurement, Ratio
from tasks.recurrent.cell import Cell
from tasks.recurrent.cells import cell_names, find_cell
from tasks.recurrent.compiler.products import products
from tasks.recurrent.compiler.trace import trace_step
from tasks.recurrent.loop import LoopName, read_sequence
from tasks.recurrent.loop.fused import fused

SHAPES = ((20, 35, 200, 200), (32, 20, 64, 64), (32, 100, 128, 128))
"""Batch, time, inputs, hidden."""
SMALLEST = ((2, 3, 4, 4),)

Run = Callable[[], object]


def measure_time_loops(
    *, repeats: int, turns: int, shapes: tuple[tuple[int, ...], ...] = SHAPES
) -> Iterator[Measurement]:
    """Every cell with its default options, at every shape; then what the first call costs."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for name in cell_names():
            for shape in shapes:
                yield compare(name, *shape, repeats=repeats, turns=turns)
        yield measure_start(repeats=repeats)
    finally:
        torch.set_num_threads(threads)


def compare(name: str, batch: int, steps: int, inputs: int, hidden: int, *, repeats: int, turns: int) -> Measurement:
    """One cell at one shape."""
    build: Callable[..., Cell] = find_cell(name)
    cell = build(inputs=inputs, hidden=hidden)
    sequences = torch.randn(steps, batch, inputs, requires_grad=True)
    runs = contenders(cell, sequences)
    seconds: dict[str, list[float]] = {contender: [] for contender in runs}
    for _ in range(repeats):
        for contender, best in fastest(runs, turns).items():
            seconds[contender].append(best)
    return Measurement(
        name=f"{name}, {batch} x {steps} x {inputs} x {hidden}",
        facts={f"{contender}, seconds": values for contender, values in seconds.items()},
        ratios=(
            Ratio(name="compiled / limit", repeats=_quotients(seconds, "compiled", "limit"), goal=1.4, bound="at most"),
            Ratio(
                name="plain / compiled", repeats=_quotients(seconds, "plain", "compiled"), goal=1.5, bound="at least"
            ),
        ),
    )


def contenders(cell: Cell, sequences: Tensor) -> dict[str, Run]:
    """Limit, loops, and torch's own kernel where it is the same function."""
    direction = torch.randn(*sequences.shape[:2], cell.hidden)
    runs: dict[str, Run] = {"limit": limit(cell, sequences)}
    names: tuple[LoopName, ...] = ("plain", "compiled")
    for name in names:
        runs[name] = partial(train, partial(_read, cell, sequences, name), cell, sequences, direction)
    if cell.kernel() is not None:
        runs["torch"] = partial(train, partial(_fused, cell, sequences), cell, sequences, direction)
    return runs


def train(run: Callable[[], Tensor], cell: Cell, sequences: Tensor, direction: Tensor) -> None:
    """Forward and backward."""
    cell.zero_grad()
    sequences.grad = None
    run().backward(direction)  # type: ignore[no-untyped-call]


def _read(cell: Cell, sequences: Tensor, loop: LoopName) -> Tensor:
    state = cell.initial_state(sequences.shape[1])
    return read_sequence(cell, sequences, state, loop=loop, final_state=False).outputs


def _fused(cell: Cell, sequences: Tensor) -> Tensor:
    found = fused(cell, sequences, cell.initial_state(sequences.shape[1]))
    assert found is not None
    return found[0]


def limit(cell: Cell, sequences: Tensor) -> Run:
    """The matrix products alone."""
    steps, batch, inputs = sequences.shape
    weight = cell.read.weight.detach()
    rows, gates = torch.randn(steps * batch, inputs), torch.randn(steps * batch, len(weight))
    read, bias = torch.empty_like(gates), torch.randn(len(weight))
    d_rows, d_weight = torch.empty_like(rows), torch.empty_like(weight)
    recurrent = [_recurrent(steps, batch, *shape) for shape in product_shapes(cell)]

    def run() -> None:
        torch.addmm(bias, rows, weight.t(), out=read)
        for each in recurrent:
            each()
        torch.mm(gates.t(), rows, out=d_weight)
        torch.mm(gates, weight, out=d_rows)

    return run


def _recurrent(steps: int, batch: int, depth: int, width: int) -> Run:
    """One product of a step, at all steps: forward, back, and its weight's gradient."""
    weight, state, into = torch.randn(width, depth), torch.randn(batch, depth), torch.randn(steps, batch, width)
    states, result, d_state = torch.randn(steps * batch, depth), torch.empty(batch, width), torch.empty(batch, depth)
    d_weight, gradients = torch.empty_like(weight), into.unbind()
    every = into.view(-1, width)

    def run() -> None:
        for _ in range(steps):
            torch.mm(state, weight.t(), out=result)
        for gradient in gradients:
            torch.mm(gradient, weight, out=d_state)
        torch.mm(every.t(), states, out=d_weight)

    return run


def product_shapes(cell: Cell) -> list[tuple[int, ...]]:
    """Depth and width of every product of a step."""
    step = trace_step(cell, width=cell.read.out_features, dtype=cell.read.weight.dtype, recurrent=False, keep=())
    return [tuple(call.values[1].shape) for call in step.within if str(call.operation) == "aten.mm.default"]


def fastest(runs: Mapping[str, Run], turns: int) -> dict[str, float]:
    """Seconds of the fastest of some turns of each; a first turn warms up."""
    best = dict.fromkeys(runs, float("inf"))
    for turn in range(turns + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn:
                best[name] = min(best[name], time.perf_counter() - start)
    return best


def _quotients(seconds: Mapping[str, list[float]], one: str, other: str) -> tuple[float, ...]:
    return tuple(a / b for a, b in zip(seconds[one], seconds[other], strict=True))


def measure_start(*, repeats: int) -> Measurement:
    """The first call of an LSTM's loop: on a machine that has none yet, and on one that has."""
    found: dict[str, list[float]] = {"machine": [], "cell": [], "process": []}
    sequences = torch.randn(2, 2, 8)
    for _ in range(repeats):
        with empty_cache():
            _forget()
            found["machine"].append(_first_call(sequences))
            found["cell"].append(_first_call(sequences[..., :7]))
            found["process"].append(_first_call(sequences[..., :7]))
    return Measurement(
        name="first call of an LSTM's loop",
        facts={
            "nothing compiled yet, seconds": found["machine"],
            "the cell's first time on the machine, seconds": found["cell"],
            "another one of the same cell, seconds": found["process"],
        },
        ratios=(
            Ratio(name="seconds on a new machine", repeats=tuple(found["machine"]), goal=10, bound="at most"),
            Ratio(name="seconds per trial afterwards", repeats=tuple(found["process"]), goal=0.1, bound="at most"),
        ),
    )


def _first_call(sequences: Tensor) -> float:
    build: Callable[..., Any] = find_cell("lstm")
    cell = build(inputs=sequences.shape[2], hidden=sequences.shape[2])
    start = time.perf_counter()
    _read(cell, sequences, "compiled")
    return time.perf_counter() - start


@contextmanager
def empty_cache() -> Iterator[None]:
    """A folder of compiled loops that is empty, then the one that was there before."""
    before = os.environ.get("UNROLL_CACHE")
    with tempfile.TemporaryDirectory(prefix="unroll-benchmark-") as folder:
        os.environ["UNROLL_CACHE"] = str(Path(folder))
        try:
            yield
        finally:
            os.environ.pop("UNROLL_CACHE")
            os.environ |= {} if before is None else {"UNROLL_CACHE": before}
            _forget()


def _forget() -> None:
    """Let this process look for its products again."""
    products.cache_clear()
