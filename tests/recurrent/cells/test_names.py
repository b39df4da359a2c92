"""Cells by name: a file is a cell."""

from __future__ import annotations

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
