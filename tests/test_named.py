"""Cells, decoders and problems are files: a mistake in one is told with its place, in the same words for all."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tasks.classification import encoders
from tasks.learning import schedules
from tasks.long_range import problems
from tasks.recurrent import cells
from tasks.tagging import decoders
from unroll.contract import UserError

FOLDERS = {
    "kind of encoder": (encoders, encoders.ENCODERS.find, "tasks.classification.encoder", "Encoder", "forward"),
    "schedule": (schedules, schedules.SCHEDULES.find, "tasks.learning.schedule", "Schedule", "rate"),
    "cell": (cells, cells.find_cell, "tasks.recurrent.cell", "Cell", "step"),
    "decoder": (decoders, decoders.DECODERS.find, "tasks.tagging.decoder", "Decoder", "decode and loss"),
    "problem": (
        problems,
        problems.find_problem,
        "tasks.long_range.problem",
        "Problem",
        "draw and every_step and inputs and memoryless and outputs and score and shortest",
    ),
}


def refusal(
    package: ModuleType, find: Callable[[str], Any], source: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """What is said of a file ``broken.py`` in a folder of this package."""
    (folder / "broken.py").write_text(source)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, f"{package.__name__}.broken", raising=False)
    try:
        with pytest.raises(UserError) as caught:
            find("broken")
    finally:
        sys.modules.pop(f"{package.__name__}.broken", None)
    return str(caught.value)


@pytest.mark.parametrize("what", FOLDERS)
def test_a_mistake_in_a_file_is_told_with_its_place(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, find, home, base, needed = FOLDERS[what]
    file = f"{package.__name__.replace('.', '/')}/broken.py"
    told = {
        "x = (\n": f"{file}:1: a {what}'s file must be importable (received SyntaxError: ",
        "\nimport nothing_here\n": f"{file}:2: a {what}'s file must be importable (received ModuleNotFoundError: ",
        "": f"{file}: a {what}'s file holds exactly one subclass of {base} (received 0)",
        f"from {home} import {base}\nclass Broken({base}): ...\n": f"{file}: a {what} defines {needed} (",
    }
    for source, beginning in told.items():
        assert refusal(package, find, source, tmp_path, monkeypatch).startswith(beginning)


@pytest.mark.parametrize("what", FOLDERS)
def test_a_name_that_is_not_there_is_told_where_it_would_be(what: str) -> None:
    package, find, *_ = FOLDERS[what]
    with pytest.raises(UserError, match=f"a new {what} is a new file in {package.__name__.replace('.', '/')}"):
        find("zzzz")
