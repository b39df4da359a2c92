"""A cell that is changed after it ran: the loop that runs is that of the cell as it is."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from weakref import ref

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.compiler import run, trace
from tests.recurrent.cells.variants import Variant
from tests.recurrent.compiler.cells import Adjustable
from tests.recurrent.compiler.compare import assert_same, randomize


def _replace(cell: Adjustable) -> None:
    cell.recur = nn.Linear(cell.hidden, cell.hidden, bias=True).double()  # type: ignore[assignment]


def _parametrise(cell: Adjustable) -> None:
    nn.utils.parametrizations.weight_norm(cell.recur)


def _prune(cell: Adjustable) -> None:
    prune.random_unstructured(cell.recur, "weight", 0.5)  # type: ignore[no-untyped-call]


def _scale(cell: Adjustable) -> None:
    cell._scale = 2.0


def _function(cell: Adjustable) -> None:
    cell.function = torch.sigmoid


def _doubled(x: Tensor) -> Tensor:
    return torch.tanh(2 * x)


def _another(cell: Adjustable) -> None:
    cell.function = _doubled  # type: ignore[assignment]


def _within(cell: Adjustable) -> None:
    cell.options["powers"][0] = 2.0


def _tie(cell: Adjustable) -> None:
    cell.twin = nn.Linear(cell.hidden, cell.hidden, bias=False).double()
    cell.twin.weight = cell.recur.weight


def _step(cell: Adjustable) -> None:
    cell.step = lambda read, state: (torch.tanh(read) * state[0],)  # type: ignore[method-assign]


def _hook(cell: Adjustable) -> None:
    cell.recur.register_forward_hook(lambda _module, _given, made: made * 0.5)


@pytest.mark.parametrize(
    "change",
    [_replace, _parametrise, _prune, _scale, _function, _another, _within, _tie, _step, _hook],
    ids=lambda f: f.__name__,
)
def test_what_is_changed_after_use_counts(change: Callable[[Adjustable], None]) -> None:
    cell = Adjustable()
    randomize(cell)
    assert_same(cell)
    change(cell)
    assert_same(cell)


class Twice(Cell):
    """Has two matrices that may be one."""

    def __init__(self) -> None:
        super().__init__(inputs=2, hidden=3, blocks="h")
        self.twin = nn.Linear(3, 3, bias=False)

    def step(self, read: Tensor, state: State) -> State:
        return (torch.tanh(read + self.recur(self.twin(state[0]))),)


def test_weights_that_were_one_and_are_no_longer() -> None:
    cell = Twice()
    cell.twin.weight = cell.recur.weight
    assert_same(randomize(cell))
    cell.twin.weight = nn.Parameter(torch.ones(3, 3).double())
    assert_same(cell)


def test_a_cell_that_ran_is_not_kept_alive() -> None:
    cell: Cell = Adjustable()
    randomize(cell)
    assert_same(cell)
    gone = ref(cell)
    del cell
    gc.collect()
    assert gone() is None


def test_threads_that_use_a_cell_while_its_step_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = randomize(Variant("lstm").build(inputs=2, hidden=3))
    devices, real = set(), trace.trace_step

    def watched(*given: object, **options: object) -> object:
        devices.update(_devices_during(cell, lambda: real(*given, **options)))  # type: ignore[arg-type]
        return real(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(run, "trace_step", watched)
    assert_same(cell)
    assert devices == {"cpu"}


def _devices_during(cell: Cell, work: Callable[[], object]) -> set[str]:
    """Where another thread finds the cell's weights meanwhile."""
    found, done = set(), threading.Event()

    def look() -> None:
        while not done.is_set():
            found.add(cell.recur.weight.device.type)

    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(20):
        work()
    done.set()
    thread.join()
    return found
