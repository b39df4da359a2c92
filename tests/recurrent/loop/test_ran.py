"""Which loop ran a network's cells is known afterwards, with what compiled it or why nothing did."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tasks.recurrent.cell import Cell
from tasks.recurrent.compiler import build, products, run
from tasks.recurrent.loop import LoopName, describe_loops, read_sequence
from tests.recurrent.cells.variants import Variant
from tests.recurrent.compiler.cells import Unknown
from tests.recurrent.compiler.compare import randomize


@pytest.fixture
def no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has compiled nothing yet, on a machine without a C compiler."""
    caches = (products.products, build.find_compiler, build.describe)
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """A process that computes with one thread, as trials do by default."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def read(cell: Cell, loop: LoopName = "auto") -> None:
    dtype = cell.read.weight.dtype
    read_sequence(cell, torch.ones(3, 2, cell.inputs, dtype=dtype), cell.initial_state(2), loop=loop)


def lstm() -> Cell:
    return Variant("lstm").build(inputs=2, hidden=3).float()


def test_a_compiled_loop_tells_its_compiler_and_the_processor() -> None:
    cell = lstm()
    read(cell, "compiled")
    found = describe_loops(torch.nn.Sequential(cell))
    assert found["loop"] == "compiled"
    assert found["compiler"].startswith(build.describe(build.find_compiler()).splitlines()[0])
    assert platform.machine() in found["compiler"]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the vectors of another processor have other names")
def test_the_vectors_are_those_that_the_processor_has() -> None:
    flags = build.processor().split()
    assert build.features().split() == ["x86_64", *(name for name in build.VECTORS if name in flags)]
    assert "sse4_2" in build.features()


def test_torchs_own_kernel_is_told() -> None:
    cell, threads = lstm(), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        read(cell)
    finally:
        torch.set_num_threads(threads)
    assert describe_loops(cell) == {"loop": "torch"}


def test_the_plain_loop_has_no_reason_where_it_was_asked_for() -> None:
    cell = lstm()
    read(cell, "plain")
    assert describe_loops(cell) == {"loop": "plain"}


def test_a_look_into_the_network_does_not_count() -> None:
    cell = lstm()
    read(cell, "compiled")
    read(cell, "plain")
    assert describe_loops(cell)["loop"] == "compiled"


@pytest.mark.usefixtures("no_compiler", "one_thread")
@pytest.mark.parametrize(("name", "stands_in"), [("lstm", "torch"), ("gru", "plain")])
def test_without_a_compiler_the_reason_is_told(name: str, stands_in: str) -> None:
    cell = Variant(name).build(inputs=2, hidden=3).float()
    read(cell)
    assert describe_loops(cell) == {"loop": f"{stands_in}: there is no C compiler (Debian: apt-get install gcc)"}


def test_an_operation_that_is_not_known_is_told() -> None:
    cell = randomize(Unknown(inputs=2, hidden=3))
    read(cell, "compiled")
    (loop,) = describe_loops(cell).values()
    assert loop.startswith("plain: the cell Unknown: the compiler does not know the operation cumsum.default")


def test_a_reason_holds_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(source: str) -> None:
        raise build.NoCompiler("/opt/tools/bin/cc failed: /home/someone/x/loop.c:1: error")

    monkeypatch.setattr(run, "products", broken)
    cell = lstm()
    read(cell, "compiled")
    assert describe_loops(cell) == {"loop": "plain: cc failed: loop.c:1: error"}


def test_the_layers_of_a_network_that_ran_differently_are_all_told() -> None:
    first, second = lstm(), randomize(Unknown(inputs=2, hidden=3))
    read(first, "compiled")
    read(second, "compiled")
    both = describe_loops(torch.nn.ModuleList([first, second]))
    assert both["loop"].startswith("compiled, plain: the cell Unknown: ")
    assert "compiler" in both


def test_a_network_without_cells_tells_nothing() -> None:
    assert describe_loops(torch.nn.Linear(2, 2)) == {}
