"""Libraries are found by looking into the folders of ``tasks/``; settings can be read without a study."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from unroll.contract import Library, UserError
from unroll.study import load_libraries, load_settings

TWO = """\
from unroll.contract import Library

class First(Library):
    known = locate = fetch = inspect = inspect_settings = None

class Second(First):
    pass
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A ``tasks/strange/library.py`` beside those of this repository."""
    tasks = importlib.import_module("tasks")
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path)])
    (tmp_path / "strange").mkdir()
    yield tmp_path / "strange" / "library.py"
    for name in ("tasks.strange", "tasks.strange.library"):
        sys.modules.pop(name, None)


def test_the_libraries_of_the_folders_are_found() -> None:
    assert "tasks.text.library" in [type(library).__module__ for library in load_libraries()]
    assert all(isinstance(library, Library) for library in load_libraries())


@pytest.mark.parametrize(("text", "received"), [("", "none"), (TWO, "First, Second")])
def test_a_file_holds_exactly_one_library(library: Path, text: str, received: str) -> None:
    library.write_text(text)
    with pytest.raises(UserError, match="must hold exactly one concrete Library") as raised:
        load_libraries()
    assert raised.value.where == "tasks.strange.library"
    assert raised.value.received == received


def test_settings_are_read_without_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings("language_modeling", ["data.corpus=text", "data.path=here"]).model_dump()
    assert settings["data"]["corpus"] == "text"
    assert settings["data"]["path"] == tmp_path / "here"


def test_all_mistakes_in_settings_are_told() -> None:
    with pytest.raises(UserError) as raised:
        load_settings(
            "language_modeling", ["data.sentences=none", "data.lvl=word", "seeds=3", "lonely", "data.seed=1,2"]
        )
    text = str(raised.value)
    for part in ("data.lvl: unknown key", "seeds: must be a setting with one value", "must be written key=value"):
        assert part in text
    assert "data.seed: must be a setting with one value" in text
    with pytest.raises(UserError, match=r"command line: data\.sentences"):
        load_settings("language_modeling", ["data.sentences=none"])
