"""``unroll new``: what it writes runs and keeps the contract; nothing is overwritten, nothing is left half."""

from __future__ import annotations

import errno
import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unroll.contract import UserError
from unroll.study import find_study
from unroll.workflow import scaffolding
from unroll.workflow.scaffolding import find_templates, render, write_scaffold

if TYPE_CHECKING:
    from tests.cli.conftest import Said

    Unroll = Callable[..., Said]

KINDS = sorted(find_templates())
QUICK = ("cell", "study")
SLOW = sorted({*KINDS} - {*QUICK})
SMALL = ["seeds=1", "wandb.mode=disabled", "training.epochs=1", "--runner", "inline", "--no-report"]
"""What makes a printed ``unroll run`` short."""


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "UNROLL_CACHE": str(folder / "cache")}
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(Path(__file__).parents[2] / "platform")])
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=500)


UNROLL = str(Path(sys.executable).parent / "unroll")


@pytest.fixture(scope="module")
def make_copy(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes copies of this project."""
    return functools.partial(copy_of, root, tmp_path_factory)


@pytest.fixture(scope="module")
def copy(make_copy: Callable[[], Path]) -> Path:
    """A copy of this project that all kinds share."""
    return make_copy()


def copy_of(root: Path, factory: pytest.TempPathFactory) -> Path:
    folder = factory.mktemp("copy")
    for name in ("tasks", "tests", "studies"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", folder)
    (folder / "platform").symlink_to(root / "platform")
    return folder


@pytest.mark.parametrize("kind", [*QUICK, *(pytest.param(kind, marks=pytest.mark.slow) for kind in SLOW)])
def test_what_is_written_runs_by_the_commands_that_are_printed(kind: str, copy: Path) -> None:
    done = run([UNROLL, "new", kind, f"fresh_{kind}"], copy)
    assert done.returncode == 0, done.stderr
    paths, _, (_, *commands) = (part.splitlines() for part in done.stdout.split("\n\n"))
    assert paths
    for path in paths:
        assert f"fresh_{kind}" in path
        assert (copy / path).is_file()
    sources = [path for path in paths if path.endswith(".py")]
    for command in ("check", "format --check") if sources else ():
        checked = run([sys.executable, "-m", "ruff", *command.split(), *sources], copy)
        assert checked.returncode == 0, checked.stdout
    assert commands
    for command in commands:
        program, *words = shlex.split(command)
        small = SMALL if words[0] == "run" else []
        known = {"unroll": [UNROLL], "python": [sys.executable]}
        ended = run([*known[program], *words, *small], copy)
        assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"


SHIPPED = ("tasks/long_range/problems/adding.py", "tasks/tagging/decoders/crf.py")
"""One file of each kind without a template: a copy of it under another name is a new one."""
DISCOVERY = """
    agreement/test_settings.py classification/test_encoders.py classification/test_settings.py cli/test_settings.py
    decoding/test_contract.py decoding/test_settings.py remedies/test_contract.py remedies/test_settings.py
    language_modeling/test_settings.py learning/test_schedules.py long_range/test_problems.py
    long_range/test_settings.py recurrent/cells/test_names.py recurrent/test_settings.py study/test_project.py
    study/test_settings_notes.py study/test_studies.py tagging/test_settings.py
    tasks/test_contract.py text/test_formats.py text/test_labelled.py text/test_settings.py text/test_tagged.py
    test_layout.py
"""
"""Tests of what is found by being there."""


@pytest.mark.slow
def test_with_one_more_of_everything_no_test_of_what_is_there_must_be_edited(make_copy: Callable[[], Path]) -> None:
    folder = make_copy()
    for kind in KINDS:
        assert run([UNROLL, "new", kind, f"fresh_{kind}"], folder).returncode == 0
    for path in map(folder.joinpath, SHIPPED):
        source = re.sub(
            r"^class \w+", f"class Fresh{path.stem.capitalize()}", path.read_text("utf-8"), flags=re.MULTILINE
        )
        path.with_stem(f"fresh_{path.stem}").write_text(source, "utf-8")
    tests = [f"tests/{name}" for name in DISCOVERY.split()]
    ended = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests], folder)
    assert ended.returncode == 0, ended.stdout[-3000:]


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_keeps_the_form(kind: str) -> None:
    scaffold = render(find_templates()[kind], "some_name")
    assert scaffold.note.endswith(".")
    assert scaffold.files
    assert scaffold.commands
    assert all("some_name" in str(path) and not path.is_absolute() for path in scaffold.files)
    assert not any(word in text for text in scaffold.files.values() for word in ("$name", "$Name", "${name}"))


def test_help_names_every_kind(unroll: Unroll) -> None:
    told = re.sub(r"[^a-z_]+", " ", unroll("new", "--help").out)
    assert {*told.split()} >= {*KINDS}


def test_it_works_from_any_folder_of_the_project(
    project: Path, unroll: Unroll, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UNROLL_ROOT")
    monkeypatch.chdir(project / "studies" / "tiny")
    said = unroll("new", "study", "width")
    assert said.code == 0, said.err
    assert said.out.splitlines()[:2] == ["../width/study.yaml", "../width/README.md"]
    assert said.out.splitlines()[-3:] == ["Try it in ../..:", "  unroll plan width", "  unroll run width"]
    assert (project / "studies" / "width" / "study.yaml").read_text(encoding="utf-8").startswith("question: ")
    assert not list((project / "studies" / "width").glob(".*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["stdy", "mine"], "there is no template of this kind (received 'stdy'); did you mean 'study'?"),
        (["study", "../mine"], "a study's name must be letters, digits, '_', '-' or '.', at most 64"),
        (["study", "nul.x"], "be no device of Windows (received 'nul.x')"),
        (["cell", "../mine"], "a name must be lower-case letters, digits and '_'"),
        (["task", "Mine"], "a name must be lower-case letters, digits and '_'"),
        (["cell", "9lives"], "begin with a letter"),
        (["cell", "null"], "file system (received 'null')"),
        (["cell", "lambda"], "file system (received 'lambda')"),
        (["cell", "con"], "a name must be"),
        (["cell", "a" * 65], "a name must be"),
        (["study", "tiny"], "studies/tiny: nothing is overwritten: this must not exist; choose another name"),
        (["study"], "Missing argument 'NAME'"),
    ],
)
def test_mistakes_are_one_error_and_write_nothing(
    project: Path, unroll: Unroll, words: list[str], message: str
) -> None:
    before = sorted(project.rglob("*"))
    said = unroll("new", *words)
    assert said.code == 2
    assert message in " ".join(said.err.split())
    assert sorted(project.rglob("*")) == before


@pytest.mark.parametrize("existing", ["tasks/recurrent/cells/mine.py", "tasks/recurrent/cells/mine/__init__.py"])
def test_a_module_and_a_package_of_one_name_are_the_same_thing(project: Path, unroll: Unroll, existing: str) -> None:
    (project / existing).parent.mkdir(parents=True)
    (project / existing).write_text("mine")
    assert "nothing is overwritten" in unroll("new", "cell", "mine").err
    assert (project / existing).read_text() == "mine"
    assert not (project / "tests").exists()


def test_a_project_without_templates_is_told_what_one_is(
    project: Path, unroll: Unroll, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.__path__", [str(project / "tasks")])
    assert "a template is a file tasks/<folder>/new/<kind>.tmpl" in unroll("new", "study", "mine").err


@given(name=st.text(max_size=80) | st.text("ab_9./-", max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_name_files_come_into_the_project_or_one_error(name: str, project: Path) -> None:
    before, files = set(project.parent.rglob("*")), set[Path]()
    with suppress(UserError):
        files = {project / path for path in write_scaffold("study", name).files}
    new = {path for path in project.parent.rglob("*") if path.is_file()} - before
    assert new == files - before
    assert all(path.parent == project / "studies" / name for path in files)


def test_a_study_may_have_whatever_name_a_study_may_have(project: Path, unroll: Unroll) -> None:
    assert unroll("new", "study", "Gates-2.5").code == 0
    assert find_study("Gates-2.5") == ("Gates-2.5", project / "studies" / "Gates-2.5" / "study.yaml")
    assert "nothing is overwritten" in unroll("new", "study", "Gates-2.5").err
    assert unroll("new", "study", "Gates-2").code == 0


def test_of_files_that_cannot_all_be_written_none_is_left(
    project: Path, unroll: Unroll, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = scaffolding.put

    def be_quicker(made: Path, place: Path) -> None:
        if place.name == "test_mine.py":  # somebody else writes it in the meantime
            place.write_text("theirs")
        put(made, place)

    monkeypatch.setattr("unroll.workflow.scaffolding.put", be_quicker)
    said = unroll("new", "cell", "mine")
    assert said.code == 2
    assert "tests/recurrent/test_mine.py: nothing is overwritten" in said.err
    assert files_of(project, "mine") == ["tests/recurrent/test_mine.py"]
    assert not (project / "tasks" / "recurrent").exists()


def files_of(project: Path, name: str) -> list[str]:
    """What is there of this name, also in hidden folders."""
    found = (path.relative_to(project) for path in project.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if name in str(path))


@pytest.mark.parametrize("writes", range(4))
def test_a_full_disk_is_one_error_and_leaves_nothing(
    project: Path, unroll: Unroll, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    left = iter([None] * writes)

    def sync(_: int) -> None:
        if next(left, "full") == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = sorted(project.rglob("*"))
    monkeypatch.setattr("unroll.workflow.scaffolding.os.fsync", sync)
    said = unroll("new", "task", "mine")
    assert said.code == 2
    assert said.err.startswith("error: ")
    assert "the project's folders must be writable and have space left (received No space left on device)" in said.err
    assert sorted(project.rglob("*")) == before


@pytest.mark.parametrize(
    ("places", "files"),
    [
        (0, []),
        (1, [f"tasks/mine/{name}" for name in ("README.md", "__init__.py", "task.py")]),
    ],
)
def test_what_a_kill_leaves_is_whole_and_the_rest_is_swept_away(
    project: Path, unroll: Unroll, monkeypatch: pytest.MonkeyPatch, places: int, files: list[str]
) -> None:
    left, put = iter([None] * places), scaffolding.put

    def die(made: Path, place: Path) -> None:
        if next(left, "now") == "now":
            os._exit(9)
        put(made, place)

    if (child := os.fork()) == 0:
        monkeypatch.setattr("unroll.workflow.scaffolding.put", die)
        with suppress(BaseException):
            write_scaffold("task", "mine")
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    visible = [path for path in files_of(project, "mine") if "/." not in path]
    assert visible == files
    for bench in project.glob("*/.unroll-new-*"):
        os.utime(bench, (0, 0))
    assert unroll("new", "task", "other").code == 0
    assert not list(project.rglob(".unroll-new-*"))


def test_a_disk_that_refuses_is_one_error(project: Path, unroll: Unroll) -> None:
    (project / "tests").write_text("a file where a folder is needed")
    said = unroll("new", "cell", "mine")
    assert said.code != 0
    assert said.err.startswith("error: ")
    assert not (project / "tasks" / "recurrent").exists()


@pytest.mark.parametrize(
    ("kind", "name"), [("cell", "r"), ("cell", "recurrent"), ("study", "s"), ("reader", "text_too")]
)
def test_a_name_may_be_a_part_of_a_folders_name(kind: str, name: str, make_copy: Callable[[], Path]) -> None:
    assert run([UNROLL, "new", kind, name], make_copy()).returncode == 0


def test_what_is_in_the_way_is_named(make_copy: Callable[[], Path]) -> None:
    refused = run([UNROLL, "new", "reader", "text"], make_copy())
    assert refused.returncode == 2
    assert "tasks/text/running/readers/text.py: nothing is overwritten" in refused.stderr
