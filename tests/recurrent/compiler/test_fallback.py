"""Where the compiled loop cannot run, the plain one does, and says why; where it can, it is compiled once."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.compiler import build, products
from tasks.recurrent.compiler import run as compiler_run
from tasks.recurrent.compiler.codegen import head
from tasks.recurrent.compiler.kernel import Kernel
from tasks.recurrent.compiler.products import OwnLinear
from tasks.recurrent.compiler.run import FOREIGN, Refusal, run_compiled
from tasks.recurrent.loop import LoopName, describe_loops, read_sequence
from tests.recurrent.cells.variants import Variant
from tests.recurrent.compiler.cells import (
    Adjustable,
    Deciding,
    Detached,
    Locked,
    Mixing,
    Reversing,
    Straight,
    Unknown,
    Unregistered,
)
from tests.recurrent.compiler.compare import randomize

CACHES = (
    products.products,
    build.find_compiler,
    build.describe,
    build._own_folder,
    build._warn_unkept,
    compiler_run._warn_once,
)


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A process that has compiled nothing and said nothing yet; gives the folder of compiled loops."""
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path))
    for cache in CACHES:
        cache.cache_clear()
    yield tmp_path
    for cache in CACHES:
        cache.cache_clear()


def lstm(*, hidden: int = 3) -> Cell:
    return Variant("lstm").build(inputs=2, hidden=hidden).float()


def run(cell: Cell) -> torch.Tensor:
    dtype = cell.read.weight.dtype
    return read_sequence(
        cell, torch.ones(3, 2, cell.inputs, dtype=dtype), cell.initial_state(2), loop="compiled"
    ).outputs


def replace(path: Path, content: bytes, *, mode: int) -> None:
    """Another file of this name: the one that this process has in use must stay as it is."""
    path.unlink()
    path.write_bytes(content)
    path.chmod(mode)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Unknown, "the operation cumsum.default"),
        (Mixing, "the operation mean.dim with a result of shape (3)"),
        (Deciding, "a step that does not run on shapes alone"),
        (Detached, "a step that turns gradients off"),
        (Straight, "in a torch.autograd.Function, writes its own"),
        (Reversing, "in a torch.autograd.Function, writes its own"),
        (Unregistered, "register it as a buffer"),
        (Locked, "a cell that cannot be copied"),
    ],
)
def test_a_step_that_cannot_be_compiled_says_so_once(
    kind: type, reason: str, fresh: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cell = randomize(kind(inputs=2, hidden=3))
    with caplog.at_level(logging.WARNING):
        found = [run(cell), run(cell), run(randomize(kind(inputs=2, hidden=3)))]
    plain = read_sequence(cell, torch.ones(3, 2, 2).double(), cell.initial_state(2), loop="plain").outputs
    torch.testing.assert_close(found, [plain] * 3)
    assert len(caplog.messages) == 1
    assert f"the cell {kind.__name__} runs in the plain loop" in caplog.messages[0]
    assert reason in caplog.messages[0]


@pytest.mark.parametrize(
    ("compiler", "reason"),
    [
        (None, "there is no C compiler"),
        ("#!/bin/sh\n[ $1 = --version ] || { echo 'loop.c:1: error: not today' >&2; exit 1; }\n", "error: not today"),
        ("#!/bin/sh\n[ $1 = --version ] || for last; do true; done; touch loop.so\n", "cannot be kept or loaded"),
    ],
)
def test_without_a_working_compiler_the_plain_loop_runs(
    compiler: str | None, reason: str, fresh: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(fresh)
    monkeypatch.setenv("PATH", str(fresh))
    if compiler:
        path = fresh / "mycc"
        path.write_text(compiler)
        path.chmod(0o755)
        monkeypatch.setenv("PATH", os.pathsep.join([str(fresh), "/usr/bin", "/bin"]))
        monkeypatch.setenv("CC", str(path))
    with caplog.at_level(logging.WARNING):
        found = [run(lstm()), run(lstm())]
    plain = read_sequence(lstm(), torch.ones(3, 2, 2), lstm().initial_state(2), loop="plain").outputs
    assert all(torch.equal(plain, each) for each in found)
    (message,) = (text for text in caplog.messages if "for this process alone" not in text)
    assert message.startswith("recurrent cells run in the plain loop, which is slower: ")
    assert reason in message


def test_what_was_compiled_is_found_again(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(lstm())
    kept = sorted(fresh.rglob("*.so"))
    assert len(kept) == 2, "the products and the loop"
    monkeypatch.setattr(build, "_compile", None)
    assert torch.equal(run(lstm()), first)
    assert sorted(fresh.rglob("*")) == sorted([*kept, kept[0].parent])


def test_another_processor_compiles_for_itself(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(lstm())
    products.products.cache_clear()
    own = build.processor()
    monkeypatch.setattr(build, "processor", lambda: own + " another")
    run(lstm())
    assert len(list(fresh.rglob("*.so"))) == 4


def test_a_damaged_file_is_made_again(fresh: Path) -> None:
    first = run(lstm(hidden=4))
    script = f"""
import sys; sys.path[:0] = {sys.path!r}
from tests.recurrent.compiler.test_fallback import lstm, run
print(run(lstm(hidden=4)).sum().item())
"""
    for path in fresh.rglob("*.so"):
        replace(path, path.read_bytes()[:1000], mode=0o700)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(done.stdout) == first.sum().item()
    assert all(path.stat().st_size > 1000 for path in fresh.rglob("*.so"))


def test_a_file_that_others_may_write_is_not_run(fresh: Path) -> None:
    run(lstm())
    for path in fresh.rglob("*.so"):
        replace(path, b"not ours", mode=0o666)
    products.products.cache_clear()
    run(lstm())
    assert not any(path.stat().st_mode & 0o022 for path in fresh.rglob("*.so"))


@pytest.mark.parametrize("kind", ["others may write", "a link"])
def test_a_folder_that_others_may_write_is_not_used(
    kind: str, fresh: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = fresh / f"loops-{os.getuid()}"
    (tmp_path / "elsewhere").mkdir()
    if kind == "a link":
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.mkdir()
        folder.chmod(0o777)
    assert compiles_for_itself(lstm())
    assert not list(fresh.rglob("*.so"))
    reason = "is no folder that this user alone may write in" if kind == "a link" else "can be written by every account"
    assert f"{folder} {reason}" in caplog.text


def test_a_cache_that_others_may_write_is_not_used(fresh: Path, caplog: pytest.LogCaptureFixture) -> None:
    (fresh / "open").mkdir()
    (fresh / "open").chmod(0o1777)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNROLL_CACHE", str(fresh / "open"))
        assert compiles_for_itself(lstm())
    assert list((fresh / "open").iterdir()) == []
    assert f"kept for this process alone, and every other one compiles anew: {fresh}/open can be written" in caplog.text


@pytest.mark.parametrize("reason", ["No space left on device", "Read-only file system", "Permission denied"])
def test_a_cache_that_cannot_be_written_changes_no_number(
    reason: str, fresh: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept = run(lstm())
    for cache in CACHES:
        cache.cache_clear()
    real = build._compile

    def refused(source: str, compiler: str, flags: tuple[str, ...], path: Path) -> None:
        if path.is_relative_to(fresh):
            raise OSError(errno.ENOSPC, reason)
        real(source, compiler, flags, path)

    for path in fresh.rglob("*.so"):
        path.unlink()
    monkeypatch.setattr(build, "_compile", refused)
    cell = lstm()
    assert torch.equal(run(cell), kept)
    assert describe_loops(cell)["loop"] == "compiled"
    assert caplog.text.count(f"compiles anew: {reason}") == 1
    assert not list(fresh.rglob("*.so"))


def compiles_for_itself(cell: Cell) -> bool:
    """Whether a cell runs compiled, by a library of this process alone."""
    run(cell)
    return describe_loops(cell)["loop"] == "compiled" and len(list(build._own_folder().iterdir())) == 2


def test_a_link_in_the_place_of_a_compiled_loop_is_replaced(fresh: Path) -> None:
    run(lstm())
    for path in list(fresh.rglob("*.so")):
        path.rename(fresh / path.name)
        path.symlink_to(fresh / path.name)
    products.products.cache_clear()
    run(lstm())
    assert not any(path.is_symlink() for path in fresh.glob("loops-*/*.so"))


def test_what_is_loaded_is_the_file_that_was_looked_at(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is swapped for another one between the look and the loading."""
    run(lstm())
    (_, other), whole = sorted(fresh.rglob("*.so")), build._is_whole
    monkeypatch.setattr(build, "_loaded", {})

    def look_and_be_robbed(handle: int) -> bool:
        seen = whole(handle)
        replace(Path(os.readlink(f"/proc/self/fd/{handle}")), b"not a library", mode=0o700)
        return seen

    monkeypatch.setattr(build, "_is_whole", look_and_be_robbed)
    assert build._load(other) is not None
    assert other.read_bytes() == b"not a library"


def test_the_folder_is_this_users_alone(fresh: Path) -> None:
    folder = fresh / f"loops-{os.getuid()}"
    folder.mkdir(mode=0o755)
    run(lstm())
    assert folder.stat().st_mode & 0o777 == 0o700


def test_without_a_home_folder_a_process_compiles_for_itself(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def homeless(_: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", homeless)
    assert compiles_for_itself(lstm())
    assert "Could not determine home directory" in caplog.text


@pytest.mark.parametrize("what", ["the products", "the loop"])
def test_a_failure_that_passes_is_forgotten(
    what: str, fresh: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    cell = lstm()
    if what == "the loop":
        products.products(torch.float32)
    with monkeypatch.context() as full:
        full.setattr(build, "_compile", _disk_is_full)
        run(cell)
    assert "No space left" in caplog.text
    assert ran(monkeypatch, cell) == []
    clock[0] = 100.0
    assert ran(monkeypatch, cell) == ["compiled"]


def _disk_is_full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def ran(monkeypatch: pytest.MonkeyPatch, cell: Cell) -> list[str]:
    """Whether the cell's compiled loop runs."""
    seen, real = [], Kernel.forward

    def watched(self: Kernel, *given: object, **options: object) -> object:
        seen.append("compiled")
        return real(self, *given, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Kernel, "forward", watched)
        run(cell)
    return seen


def test_two_processes_compile_at_once(fresh: Path) -> None:
    script = f"""
import sys; sys.path[:0] = {sys.path!r}
from tests.recurrent.compiler.test_fallback import lstm, run
print(run(lstm(hidden=5)).double().sum().item())
"""
    command = [sys.executable, "-c", script]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {process.communicate()[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(said) == 1
    assert len([path for path in fresh.rglob("*") if path.is_file()]) == 2


def test_an_option_that_changes_changes_the_step() -> None:
    cell = Variant("elman").build(inputs=2, hidden=3)
    first = run(cell)
    cell.activation = "relu"  # type: ignore[assignment]
    plain = read_sequence(cell, torch.ones(3, 2, 2).double(), cell.initial_state(2), loop="plain").outputs
    torch.testing.assert_close(run(cell), plain)
    assert not torch.equal(first, plain)


def test_more_steps_than_are_worth_compiling_run_in_the_plain_loop(
    fresh: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compiler_run, "MOST", 2)
    cell = Adjustable()
    with caplog.at_level(logging.WARNING):
        for scale in (0.5, 0.6, 0.7, 0.8, 0.5):
            cell._scale = scale
            plain = read_sequence(cell, torch.ones(3, 2, 2), cell.initial_state(2), loop="plain").outputs
            torch.testing.assert_close(run(cell), plain)
    assert caplog.messages == ["the cell Adjustable runs in the plain loop, which is slower: it changed 2 times"]


def test_under_inference_mode_the_same_loop_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.recurrent.loop.plain_steps", None)
    cell = lstm(hidden=6)
    with torch.inference_mode():
        tested = run(cell)
    assert torch.equal(tested, run(cell))
    assert run(cell).requires_grad


def test_without_gradients_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    cell, kept = lstm(), []
    real = Kernel.forward

    def watched(self: Kernel, *given: object, **options: object) -> object:
        kept.append(options["keep"])
        return real(self, *given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Kernel, "forward", watched)
    with torch.no_grad():
        assert not run(cell).requires_grad
    assert run(cell).requires_grad
    assert not run(cell.requires_grad_(False)).requires_grad
    assert kept == [False, True, False]


def test_wrong_shapes_are_told_by_the_plain_loop() -> None:
    cell = lstm()
    inputs, wrong = torch.ones(3, 2, 2), cell.initial_state(5)
    assert run_compiled(cell, inputs, wrong, lengths=None, noise=None) == Refusal(FOREIGN)
    with pytest.raises(RuntimeError, match="size"):
        read_sequence(cell, inputs, wrong, loop="compiled")
    with pytest.raises(RuntimeError, match="size"):
        read_sequence(cell, inputs, cell.initial_state(2), lengths=torch.ones(5), loop="compiled")


@pytest.mark.parametrize("loop", ["auto", "compiled", "plain"])
def test_sequences_without_a_step_are_refused(loop: LoopName) -> None:
    cell = lstm()
    with pytest.raises(ValueError, match="at least one step"):
        read_sequence(cell, torch.ones(0, 2, 2), cell.initial_state(2), loop=loop)
    with pytest.raises(ValueError, match="a sequence of length 0"):
        read_sequence(cell, torch.ones(3, 2, 2), cell.initial_state(2), lengths=torch.tensor([3, 0]), loop=loop)


class Halved(Cell):
    """Reads in other numbers than it keeps."""

    def __init__(self) -> None:
        super().__init__(inputs=8, hidden=4, blocks="h")

    def project(self, inputs: torch.Tensor) -> torch.Tensor:
        half = torch.bfloat16
        return torch.nn.functional.linear(inputs.to(half), self.read.weight.to(half), self.read.bias.to(half)).float()

    def step(self, read: torch.Tensor, state: State) -> State:
        return (torch.tanh(read + self.recur(state[0])),)


def test_our_products_leave_other_numbers_and_other_shapes_to_torch() -> None:
    cell, inputs = Halved(), torch.randn(64, 16, 8)
    plainly = cell.project(inputs)
    products.products(torch.float32)
    with OwnLinear():
        assert torch.equal(cell.project(inputs), plainly)
        with pytest.raises(RuntimeError, match="cannot be multiplied"):
            lstm().project(inputs)
    with pytest.raises(ValueError, match="bfloat16"):
        head(torch.bfloat16)


def test_other_numbers_run_in_the_plain_loop() -> None:
    cell = lstm().bfloat16()
    assert run(cell).dtype == torch.bfloat16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert run(lstm()).shape == (3, 2, 3)


class Column(Cell):
    """Hands one unit to all: a legal step, whose slice the generator gets wrong."""

    def __init__(self) -> None:
        super().__init__(inputs=4, hidden=3, blocks="gc")

    def step(self, read: torch.Tensor, state: State) -> State:
        (h,) = state
        g, c = (read + self.recur(h)).chunk(2, dim=-1)
        g = torch.sigmoid(g)
        return (g * h + (1 - g) * torch.tanh(c)[:, :1],)


def test_a_step_that_the_generator_gets_wrong_runs_in_the_plain_loop() -> None:
    torch.manual_seed(0)
    cell, inputs = Column(), torch.randn(5, 2, 4)
    state = cell.initial_state(2)
    outputs = [read_sequence(cell, inputs, state, loop=loop).outputs for loop in ("compiled", "plain")]
    torch.testing.assert_close(*outputs)
