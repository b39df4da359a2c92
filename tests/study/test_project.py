"""Studies and tasks are found by looking into the folders."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from unroll.contract import UserError
from unroll.study import discover_studies, discover_tasks, find_study, load_study, load_task, project_root
from unroll.study.project import nearest

Write = Callable[..., Path]


def refused(target: str) -> str:
    with pytest.raises(UserError) as raised:
        find_study(target)
    return str(raised.value)


@pytest.mark.parametrize(
    "target", ["cells", "studies/cells", "studies/cells/", "studies/cells/study.yaml", "./studies/cells"]
)
def test_a_study_is_named_by_file_folder_or_name(write: Write, target: str) -> None:
    file = write()
    assert find_study(target) == ("cells", file)
    assert find_study(file) == ("cells", file)
    assert load_study(target).name == "cells"


def test_targets_are_found_from_inside_the_project_too(
    project: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write()
    monkeypatch.delenv("UNROLL_ROOT")
    monkeypatch.chdir(project / "tasks" / "tiny")
    assert project_root() == project
    for target in ("cells", "studies/cells"):
        assert find_study(target) == ("cells", file)


def test_a_file_of_another_name_is_a_study_too(project: Path) -> None:
    file = project / "draft.yaml"
    file.write_text("question: Why?")
    assert find_study("draft.yaml") == ("draft", file)


def test_a_name_means_the_study_although_a_folder_has_it(project: Path, write: Write) -> None:
    file = write()
    (project / "cells").mkdir()
    assert find_study("cells") == ("cells", file)


def test_an_unknown_name_is_told_with_the_nearest(write: Write) -> None:
    write()
    assert refused("cels") == "there is no such study (received 'cels'); did you mean 'cells'?"
    assert refused("studies/cels") == "there is no such study (received 'studies/cels'); did you mean 'cells'?"
    assert refused("x") == "there is no such study (received 'x'); known: 'cells'"


@pytest.mark.usefixtures("project")
def test_where_studies_are_looked_for_is_told_where_none_is_near() -> None:
    assert refused("x") == "there is no such study (received 'x'); studies lie in studies"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("gur", "gru"), ("ltsm", "lstm"), ("vanish", "vanishing"), ("nothing", None), ("novel", None), ("epsilon", None)],
)
def test_only_a_name_that_is_near_is_suggested(written: str, meant: str | None) -> None:
    assert nearest(written, ["gru", "lstm", "vanishing", "clipping", "word_vectors", "question"]) == meant


@pytest.mark.parametrize("name", ["-x", "a b", "a$b", "CON", "nul.x", ".hidden", "é", "a" * 65])
def test_a_name_that_could_harm_is_refused_before_any_folder_is_made(write: Write, project: Path, name: str) -> None:
    write(name=name)
    before = sorted(project.rglob("*"))
    assert "a study's name must be letters, digits" in refused(f"studies/{name}")
    assert sorted(project.rglob("*")) == before


@pytest.mark.parametrize("target", ["", "..", "/", "../x", "/etc", "studies"])
def test_what_holds_no_study_is_refused(write: Write, target: str) -> None:
    write()
    assert "there is no such study" in refused(target)


def test_a_link_to_a_study_has_the_name_of_what_it_leads_to(project: Path, write: Write) -> None:
    write()
    (project / "studies" / "link").symlink_to(project / "studies" / "cells")
    assert find_study("link")[0] == "cells"


def test_the_root_must_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLL_ROOT", str(tmp_path))
    with pytest.raises(UserError, match="UNROLL_ROOT: must be a folder with tasks/ and studies/"):
        project_root()


def test_folders_are_the_list_of_tasks_and_studies(project: Path, write: Write) -> None:
    write()
    (project / "tasks" / "parts").mkdir()
    assert discover_tasks() == ["tiny"]
    assert discover_studies() == ["cells"]


def add_task(project: Path, name: str, text: str) -> None:
    folder = project / "tasks" / name
    folder.mkdir()
    (folder / "task.py").write_text(text)


def test_a_task_file_must_hold_exactly_one_task(project: Path) -> None:
    add_task(project, "none", "from tasks.tiny.task import Tiny\n")
    add_task(project, "two", "from tasks.tiny.task import Tiny\nclass A(Tiny): pass\nclass B(Tiny): pass\n")
    with pytest.raises(UserError, match=r"tasks\.none\.task: must hold exactly one concrete Task \(received none\)"):
        load_task("none")
    with pytest.raises(UserError, match=r"tasks\.two\.task: must hold exactly one concrete Task \(received A, B\)"):
        load_task("two")


def test_a_section_named_like_a_key_of_studies_is_refused(project: Path) -> None:
    add_task(
        project,
        "rival",
        "from tasks.tiny.task import Data, Tiny\nfrom unroll.contract import Settings\n"
        "class Own(Settings):\n    seeds: Data = Data()\nclass Rival(Tiny):\n    settings = Own\n",
    )
    with pytest.raises(UserError, match=r"must not be named like a study's own key \(received seeds\)"):
        load_task("rival")


def test_a_mistake_inside_a_task_is_not_hidden(project: Path) -> None:
    add_task(project, "broken", "\nimport no_such_library\n")
    add_task(project, "odd", "x = (\n")
    told = r"broken/task\.py:2: tasks\.broken\.task must be importable \(received ModuleNotFoundError: No module named"
    with pytest.raises(UserError, match=told):
        load_task("broken")
    with pytest.raises(UserError, match=r"odd/task\.py:1: tasks\.odd\.task must be importable \(received SyntaxError"):
        load_task("odd")


def test_what_a_task_lacks_is_named(project: Path) -> None:
    add_task(project, "half", "from unroll.contract import Task\nclass Half(Task):\n    epochs = prepare = None\n")
    with pytest.raises(UserError, match=r"tasks\.half\.task: a task defines data and module \(received Half\)"):
        load_task("half")


def test_a_project_without_its_package_file_is_told_what_is_missing(project: Path) -> None:
    (project / "tasks" / "__init__.py").unlink()
    sys.modules.pop("tasks", None)
    with pytest.raises(UserError, match=r"tasks is imported from elsewhere .*; add tasks/__init__\.py to the project"):
        load_task("tiny")


def test_reading_a_study_imports_nothing_heavy(root: Path) -> None:
    import subprocess

    code = "import sys, unroll.study; print(sorted({'torch', 'ray', 'pytorch_lightning', 'polars'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
