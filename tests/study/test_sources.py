"""Which source files a trial runs, and which edits of them are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from unroll.study.sources import compare_sources, digest_sources, find_loaded_sources, find_sources

TREE = {
    "task.py": """
        from __future__ import annotations
        import json
        from typing import TYPE_CHECKING
        from tasks.shared import pieces
        from .sibling import VALUE  # of this folder
        if TYPE_CHECKING:
            from tasks.shared.types_only import Nothing
        def late():
            import tasks.shared.late
        """,
    "sibling.py": "VALUE = 1\n",
    "unused.py": "raise RuntimeError('is never imported')\n",
    "../shared/__init__.py": "",
    "../shared/pieces.py": "from tasks.shared import cells\n",
    "../shared/late.py": "",
    "../shared/types_only.py": "",
    "../shared/cells/__init__.py": "",
    "../shared/cells/lstm.py": "from tasks.shared.cells._norm import norm\n",
    "../shared/cells/gru.py": "",
    "../shared/cells/_norm.py": "def norm(): ...\n",
    "../shared/cells/products.c": "int one(void) { return 1; }\n",
    "../shared/cells/notes.md": "",
}


@pytest.fixture
def tasks(project: Path) -> Path:
    """A project whose task ``learned`` imports what a task may import; gives the folder of tasks."""
    folder = project / "tasks" / "learned"
    for name, text in TREE.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = text.strip("\n").split("\n")
        indent = len(lines[0]) - len(lines[0].lstrip())
        file.write_text("\n".join(line[indent:] for line in lines) + "\n")
    return project / "tasks"


def files(cell: str = "lstm") -> set[str]:
    return {file.removeprefix("tasks/") for file in find_sources("learned", {"network": {"cell": cell, "depth": 1}})}


COMMON = {
    *("__init__.py", "learned/task.py", "learned/sibling.py"),
    *(
        "shared/__init__.py",
        "shared/pieces.py",
        "shared/late.py",
        "shared/cells/__init__.py",
        "shared/cells/products.c",
    ),
}


@pytest.mark.usefixtures("tasks")
def test_what_a_task_imports_and_what_its_settings_name_belong_to_a_trial() -> None:
    assert files("lstm") == COMMON | {"shared/cells/lstm.py", "shared/cells/_norm.py"}
    assert files("gru") == COMMON | {"shared/cells/gru.py"}
    assert files("elman") == COMMON


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("shared/cells/_norm.py", "...", "return 1"),
        ("shared/cells/products.c", "return 1", "return 2"),
        ("learned/sibling.py", "VALUE = 1", "VALUE = '# 1'"),
    ],
)
def test_an_edit_of_one_is_told(tasks: Path, file: str, before: str, after: str) -> None:
    then = find_sources("learned", {"cell": "lstm"})
    path = tasks / file
    path.write_text(path.read_text().replace(before, after))
    now = find_sources("learned", {"cell": "lstm"})
    assert compare_sources(then, now) == [f"tasks/{file}"]
    assert digest_sources(then) != digest_sources(now)


def test_a_text_that_is_no_statement_of_its_own_does_something(tasks: Path) -> None:
    found = set()
    for text in ('def f(): "one"', 'def f(): "two"', 'X = """\nVALUE\n"""', '"a"; X = 1', '"a"; X = 2'):
        (tasks / "learned/sibling.py").write_text(f"{text}\nVALUE = 1\n")
        found.add(find_sources("learned", {})["tasks/learned/sibling.py"])
    assert len(found) == 5


def test_a_blank_line_within_a_text_does_something(tasks: Path) -> None:
    found = set()
    for text in (
        'X = """a\nb"""',
        'X = """a\n\nb"""',
        'X = """a\nb   \n"""',
        'X = f"""a{VALUE}\n\nb"""',
        'X = f"""a{VALUE}\nb"""',
    ):
        (tasks / "learned/sibling.py").write_text(f"VALUE = 1\nX = {text}\n")
        found.add(find_sources("learned", {})["tasks/learned/sibling.py"])
    assert len(found) == 5


def test_what_a_process_has_imported_stays_what_it_was(tasks: Path) -> None:
    first = find_loaded_sources("learned", {"cell": "gru"})
    (tasks / "learned/sibling.py").write_text("VALUE = 2\n")
    later = find_loaded_sources("learned", {"cell": "lstm"})  # another arm, in the same process, after an edit
    assert later["tasks/learned/sibling.py"] == first["tasks/learned/sibling.py"]
    assert find_sources("learned", {"cell": "lstm"})["tasks/learned/sibling.py"] != first["tasks/learned/sibling.py"]


def test_a_cell_of_another_arm_is_none_of_its_sources(tasks: Path) -> None:
    then = find_sources("learned", {"cell": "gru"})
    (tasks / "shared/cells/lstm.py").write_text("changed = True\n")
    assert find_sources("learned", {"cell": "gru"}) == then


@pytest.mark.parametrize(
    "text",
    [
        "# a word on it\nVALUE = 1   # one\n\n",
        "VALUE = 1\r\n",
        "# a word on it\rVALUE = 1\r",
        "\ufeffVALUE = 1\n",
        '"""What\n\nit is."""\nVALUE = 1\n"""One."""\n',
    ],
)
def test_words_about_code_blank_lines_and_line_ends_do_nothing(tasks: Path, text: str) -> None:
    then = find_sources("learned", {})
    (tasks / "learned/sibling.py").write_bytes(text.encode())
    assert find_sources("learned", {}) == then


def test_a_file_that_is_no_python_is_still_a_file(tasks: Path) -> None:
    (tasks / "shared/pieces.py").write_bytes(b"def \xff(:\n")
    found = find_sources("learned", {"cell": "lstm"})
    assert "tasks/shared/pieces.py" in found
    assert "tasks/shared/cells/lstm.py" not in found, "what it imports cannot be known"


def test_a_file_that_came_or_went_is_told() -> None:
    assert compare_sources({"a": "1", "b": "2"}, {"b": "2", "c": "3"}) == ["a", "c"]


def test_a_digest_stands_for_content_in_any_order() -> None:
    assert digest_sources({"a": "1", "b": "2"}) == digest_sources({"b": "2", "a": "1"})
    assert digest_sources({}) == ""


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_cells_file_belongs_to_the_arms_that_run_it(cell: str) -> None:
    found = find_sources("language_modeling", {"network": {"cell": cell}})
    assert f"tasks/recurrent/cells/{cell}.py" in found
    assert f"tasks/recurrent/cells/{'gru' if cell == 'lstm' else 'lstm'}.py" not in found
    assert "tasks/recurrent/compiler/products.c" in found
    assert not [file for file in found if file.startswith("tasks/tagging")]
