"""The same study gives the same numbers in a command, a script, a notebook and a test; and leaves no trace there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import unroll

if TYPE_CHECKING:
    from collections.abc import Callable

COMMAND = ("-c", "from unroll.cli.main import main; main()")
SCRIPT = """
import json, random, sys, threading
import torch
import unroll

def numbers(folder):
    frame = unroll.results(folder)
    return frame.select("trial", "status", "steps", *(name for name in frame.columns if "/" in name)).to_dicts()

torch.ones(400, 400) @ torch.ones(400, 400)  # threads of its own, as a user's process has
random.seed(3)
before = random.getstate()
done = unroll.run("tiny", results="results/script", report=False)
assert random.getstate() == before, "libraries draw when they are imported for the first time"
print(json.dumps(numbers(done.folder)))
again = unroll.run("tiny", results="results/script", report=False)
assert again.completed and again.summary.done_before == 4
assert "ray" not in sys.modules
assert threading.active_count() == 1
"""
"""Without ``if __name__ == "__main__"``, as scripts in notebooks' style are written."""

NOTEBOOK = """
import nbformat
from nbclient import NotebookClient

first = '''
import asyncio, json, signal
import unroll
assert asyncio.get_event_loop().is_running()
before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
done = unroll.run("tiny", results="results/notebook", report=False)
assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
frame = unroll.results(done.folder)
'''
second = '''
names = [name for name in frame.columns if "/" in name]
print(json.dumps(frame.select("trial", "status", "steps", *names).to_dicts()))
'''
shown = "done"
nodes = [nbformat.v4.new_code_cell(text) for text in (first, second, shown)]
book = NotebookClient(nbformat.v4.new_notebook(cells=nodes), timeout=280, kernel_name="python3").execute()
print(book.cells[1].outputs[0].text)
(result,) = book.cells[2].outputs
assert "4 trials: 4 completed" in result.data["text/plain"], result
"""


def numbers(folder: str | Path) -> list[dict[str, Any]]:
    """What a run must not change: ids, ends, steps and all final metrics."""
    frame = unroll.results(folder)
    return frame.select("trial", "status", "steps", *(name for name in frame.columns if "/" in name)).to_dicts()


@pytest.fixture(scope="module")
def of_the_command(process: Callable[..., str]) -> list[dict[str, Any]]:
    """The numbers that ``unroll run`` gives."""
    process(*COMMAND, "run", "tiny", "--results", "results/command", "--no-report")
    rows = json.loads(process(*COMMAND, "results", "results/command", "--format", "json"))
    return [{name: row[name] for name in row if name in {"trial", "status", "steps"} or "/" in name} for row in rows]


@pytest.mark.slow
def test_a_script_gives_the_numbers_of_the_command(
    process: Callable[..., str], of_the_command: list[dict[str, Any]]
) -> None:
    assert json.loads(process("-c", SCRIPT)) == of_the_command


def test_a_notebook_gives_the_numbers_of_the_command(
    process: Callable[..., str], of_the_command: list[dict[str, Any]]
) -> None:
    assert json.loads(process("-c", NOTEBOOK)) == of_the_command


@pytest.mark.usefixtures("project")
def test_a_test_gives_the_numbers_of_the_command(of_the_command: list[dict[str, Any]]) -> None:
    assert numbers(unroll.run("tiny", runner="inline", report=False, progress=False).folder) == of_the_command


def test_importing_the_package_imports_nothing_else(process: Callable[..., str]) -> None:
    program = "import sys, unroll; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = set(json.loads(process("-c", program).replace("'", '"')))
    assert not loaded & {"torch", "ray", "polars", "pydantic", "typer", "rich", "numpy", "asyncio"}
