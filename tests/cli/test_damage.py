"""Damage of one file is named by every command, and stops none."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unroll.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said

    Unroll = Callable[..., Said]

pytestmark = pytest.mark.usefixtures("project")


def test_a_lost_history_is_named(unroll: Unroll, runner: FakeRunner) -> None:
    unroll("run", "tiny")
    folder = next(Path("results/tiny/trials").glob("*/history"))
    assert "damaged" not in unroll("status", "tiny").out
    next(folder.iterdir()).unlink()
    rule = "the history of a completed trial must be whole up to its last step"
    expected = f"{folder}: {rule} (received it ends at step 0 of 7)"
    (named,) = json.loads(unroll("status", "tiny", "--format", "json").out)["damaged"]
    assert expected in named
    assert expected in unroll("status", "tiny").out
    assert expected in unroll("run", "tiny").out
    unroll("report", "tiny")
    assert "history" in Path("results/tiny/report/report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["attempts/0001.json", "attempts"])
def test_what_cannot_be_read_counts_as_missing(unroll: Unroll, runner: FakeRunner, name: str) -> None:
    unroll("run", "tiny")
    path = sorted(Path("results/tiny/trials").iterdir())[0] / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    if name == "attempts":
        path.write_text("a file in place of the folder", encoding="utf-8")
    else:
        path.mkdir()
    told = json.loads(unroll("status", "tiny", "--format", "json").out)
    assert told["counts"] == {"completed": 3, "missing": 1}
    reason = "Not a directory" if name == "attempts" else "Is a directory"
    assert f"received it cannot be read: {reason}" in told["damaged"][0]
    assert unroll("results", "tiny").code == unroll("report", "tiny").code == 0
    if name != "attempts":
        assert unroll("run", "tiny").code == 0
        assert json.loads(unroll("status", "tiny", "--format", "json").out)["counts"] == {"completed": 4}


def test_an_owner_that_is_gone_is_not_said_to_run(unroll: Unroll, runner: FakeRunner) -> None:
    unroll("run", "tiny", "--no-report")
    killed = (
        "import os, pathlib, signal; from unroll.ledger import Ledger\n"
        "held = Ledger(pathlib.Path('results/tiny')).lock('unroll run tiny'); held.__enter__()\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    process = subprocess.Popen([sys.executable, "-c", killed])
    process.wait()
    said = unroll("status", "tiny").out
    assert f"was run by process {process.pid} on " in said
    assert "which is gone" in said
    told = json.loads(unroll("status", "tiny", "--format", "json").out)
    assert told["owned_by"] == ""
    assert told["left_by"].startswith(f"process {process.pid} on ")
    assert Ledger.open(Path("results/tiny")).owner() is not None


MISPLACED = "a folder must not stand where a file of the results belongs (received Is a directory)"


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("stop", MISPLACED),
        ("lock/000009.held", MISPLACED),
        ("lock/000009.free", MISPLACED),
        ("lock", "a file must not stand where a folder of the results belongs (received Not a directory)"),
    ],
)
def test_what_stands_in_the_place_of_something_else_is_told_as_what_it_is(
    unroll: Unroll, runner: FakeRunner, place: str, told: str
) -> None:
    unroll("run", "tiny", "--no-report")
    if place == "lock":
        shutil.rmtree("results/tiny/lock")
        Path("results/tiny/lock").write_text("mine", encoding="utf-8")
    else:
        (Path("results/tiny") / place).unlink(missing_ok=True)
        (Path("results/tiny") / place).mkdir()
    said = unroll("run", "tiny", "seeds=3", "--no-report")
    assert said.code == 74
    (line,) = said.err.splitlines()
    path = Path("results/tiny").resolve() / place
    assert line == f"error: {path}: {told}; no record is lost: move it away and run the same command again"
    assert unroll("status", "tiny").code in (0, 74)
    assert unroll("status").code == unroll("results", "tiny").code == 0
