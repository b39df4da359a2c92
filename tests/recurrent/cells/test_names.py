"""Cells by name: a file is a cell."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tasks.recurrent import cells
from tasks.recurrent.cells import cell_names, find_cell
from unroll.contract import UserError


def test_an_unknown_cell_is_named_with_a_suggestion() -> None:
    with pytest.raises(UserError) as caught:
        find_cell("LTSM")
    assert str(caught.value) == (f"a cell is one of {', '.join(cell_names())} (received 'LTSM'); did you mean 'lstm'?")
    with pytest.raises(UserError, match="a new cell is a new file in tasks/recurrent/cells"):
        find_cell("transformer")


def test_a_new_file_is_a_new_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(cells.__file__).with_name("elman.py").read_text()
    (tmp_path / "rosenblatt.py").write_text(source.replace("class Elman", "class Rosenblatt"))
    (tmp_path / "_pieces.py").write_text("")
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    assert "rosenblatt" in cell_names()
    assert find_cell("rosenblatt").__name__ == "Rosenblatt"
    assert not [name for name in cell_names() if name.startswith("_")]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("x = (\n", "tasks/recurrent/cells/broken.py:1: a cell's file must be importable (received SyntaxError: "),
        ("\nimport nothing_here\n", "tasks/recurrent/cells/broken.py:2: a cell's file must be importable"),
        ("", "tasks/recurrent/cells/broken.py: a cell's file holds exactly one subclass of Cell (received 0)"),
        (
            "from tasks.recurrent.cell import Cell\nclass Broken(Cell): ...\n",
            "tasks/recurrent/cells/broken.py: a cell defines step (received Broken)",
        ),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_place(
    source: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text(source)
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, f"{cells.__name__}.broken", raising=False)
    with pytest.raises(UserError) as caught:
        find_cell("broken")
    assert str(caught.value).startswith(told)
    sys.modules.pop(f"{cells.__name__}.broken", None)
