"""The compiler's README shows what the code does now, and the folder keeps to the budget that it states."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.recurrent.cells import cell_names
from tests.recurrent.compiler.stages import describe_stages

FOLDER = Path(__file__).parents[3] / "tasks" / "recurrent" / "compiler"
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_an_lstm_goes_through_the_stages_as_the_readme_says() -> None:
    (command,) = re.findall(r"`python (-m tests\S+ \w+)`", README)
    run = [sys.executable, *command.split()]
    printed = subprocess.run(run, cwd=FOLDER.parents[2], capture_output=True, text=True, check=True).stdout
    blocks = re.findall(r"```(?:text|c)\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) == 5, "trace, backward, both schedules, C"
    assert [block for block in blocks if block not in printed] == []


@pytest.mark.parametrize("name", cell_names())
def test_every_cell_can_be_followed(name: str) -> None:
    lines = list(describe_stages(name))
    assert [line for line in lines if line.startswith("== ")] == [
        "== trace", "== backward", "== schedule of the forward", "== schedule of the backward", "== C",
    ]  # fmt: skip


def test_the_folder_keeps_to_its_budget() -> None:
    (budget,) = re.findall(r"At most ([\d,]+) lines of Python and C", README)
    files = [file for file in FOLDER.iterdir() if file.suffix in (".py", ".c", ".h")]
    lines = (line.lstrip() for file in files for line in file.read_text(encoding="utf-8").splitlines())
    assert sum(not line.startswith("# ") for line in lines) <= int(budget.replace(",", ""))


def test_every_file_stands_in_the_table() -> None:
    files = {file.name for file in FOLDER.iterdir() if file.suffix in (".py", ".c", ".h")} - {"__init__.py"}
    assert files == set(re.findall(r"`(\w+\.(?:py|c|h))`", README.split("## One LSTM step")[0]))
