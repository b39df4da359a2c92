"""The Markdown pages keep their word: links lead somewhere, commands parse, examples give what is printed below them.

Conventions of the pages, all invisible in the rendered text:

- A fenced ``console`` block holds commands after ``$ `` and their output. Every ``unroll`` command in it must parse:
  its options exist, its study exists, its overrides are accepted.
- ``<!-- runs -->`` before such a block: its commands are run, in a project that holds this repository's studies, and
  must print what stands below them (``...`` stands for anything; runs of blanks are equal). ``<!-- runs: exit 2 -->``
  expects that exit code of the last one.
- ``<!-- doctest -->`` before a ``python`` block: those of a page are one session of Python, in such a project.
- A fenced ``yaml`` block whose first line is ``# studies/<name>/study.yaml`` is a whole study: it must be valid (unless
  ``<!-- mistaken -->`` stands before it), and the pages' commands may name it.
- What ``unroll new`` writes stands on a page, word for word, under a name of the page's.
- A fenced ``python`` block whose first line is ``# tasks/...`` or ``# tests/...`` is that file, whole: a cell, a
  corpus, a task, a test; so is ``markdown`` with ``<!-- tasks/... -->``. The pages' studies may name a task.
- ``README.md`` links every study, with its question, and every task.
- A whole study that a page writes down has a name of its own, or says what the study of this name says.
- The tables of keys and settings in ``docs/write-a-study.md`` name every one of them, with its default.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel
from ruamel.yaml import YAML

from unroll.cli.program import app
from unroll.workflow.scaffolding import find_templates, render

ROOT = Path(__file__).parents[1]
HIDDEN = {".venv", ".git", "results", "node_modules"}
LIKENESS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass
class Block:
    """A fenced block: its language, its text, the HTML comment on the line before it, where it starts."""

    page: Path
    line: int
    language: str
    note: str
    text: str
    commands: list[tuple[str, str]] = field(default_factory=list)
    """(command, what it prints)"""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every Markdown page of the repository."""
    return sorted(p for p in ROOT.rglob("*.md") if not HIDDEN & set(p.relative_to(ROOT).parts))


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page."""
    note, block = "", None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = re.match(r"^```(\w*)", line)
        if block is None and fence:
            block = Block(page, number, fence[1], note, "")
        elif block is not None and line.startswith("```"):
            block.commands = list(split_session(block.text))
            yield block
            note, block = "", None
        elif block is not None:
            block.text += line + "\n"
        elif line.strip():
            comment = re.match(r"^<!-- (.*) -->$", line.strip())
            note = comment[1] if comment else ""


def split_session(text: str) -> Iterator[tuple[str, str]]:
    """A console block as (command, output)."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


ALL_BLOCKS = [block for page in pages() for block in blocks(page)]
COMMANDS = [
    (block, shlex.split(command, comments=True))
    for block in ALL_BLOCKS
    if block.language == "console"
    for command, _ in block.commands
    if re.match(r"(\.venv/bin/)?unroll\b", command)
]
STUDIES = [block for block in ALL_BLOCKS if block.text.startswith("# studies/")]
SOURCES = {
    block.text.split()[1]: block
    for block in ALL_BLOCKS
    if re.match(r"# (tasks|tests)/\S+\.py\n|<!-- tasks/\S+\.md -->\n", block.text)
}
"""Path -> the block that is this file."""
CELLS = [block for path, block in SOURCES.items() if path.startswith("tasks/recurrent/cells/")]
SESSIONS = [block for block in ALL_BLOCKS if block.note.startswith("runs")]


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", prose, flags=re.MULTILINE)}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the sources that the pages write down, of which those in ``tasks`` can be imported."""
    for path, block in SOURCES.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, encoding="utf-8")
    for package in (
        "tasks",
        "tasks.recurrent.cells",
        "tasks.classification.encoders",
        "tasks.decoding.decodings",
        "tasks.learning.schedules",
        "tasks.remedies.kinds",
        "tasks.text.formats",
        "tasks.text.running.readers",
    ):
        module = importlib.import_module(package)  # from here, before a project of a test could be searched for it
        monkeypatch.setattr(module, "__path__", [*module.__path__, str(tmp_path / package.replace(".", "/"))])
    return tmp_path


@pytest.fixture
def project(written: Path, tmp_path: Path) -> Path:
    """A project that holds this repository's studies and tasks, and those that the pages write down."""
    shutil.copytree(ROOT / "studies", tmp_path / "studies", ignore=shutil.ignore_patterns("__pycache__"))
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tasks", tmp_path / "tasks", ignore=ignored, dirs_exist_ok=True)
    for block in STUDIES:
        match = re.match(r"# (studies/[a-z0-9_]+/study\.yaml)\n", block.text)
        assert match, f"{block}: the first line names studies/<name>/study.yaml"
        file = tmp_path / match[1]
        file.parent.mkdir(exist_ok=True)
        file.write_text(block.text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("block", "words"), COMMANDS, ids=lambda value: str(value) if isinstance(value, Block) else "")
def test_documented_commands_parse(
    block: Block, words: list[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unroll.study import load_study

    monkeypatch.chdir(project)
    group = typer.main.get_command(app)
    name, *rest = words[1:]
    if name.startswith("--"):
        return
    command = group.commands[name]  # type: ignore[attr-defined]
    if name == "data":
        command = command.commands[rest.pop(0)]
    context = command.make_context(name, rest)
    if name in {"plan", "run"} and "exit" not in block.note:
        load_study(context.params["study"], context.params["overrides"] or [])


@pytest.mark.parametrize("block", [block for block in STUDIES if block.note != "mistaken"], ids=str)
def test_documented_studies_are_valid(block: Block, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from unroll.study import load_study

    monkeypatch.chdir(project)
    load_study(block.text.splitlines()[0].split("/")[1], [])


@pytest.mark.parametrize("block", SESSIONS, ids=str)
def test_documented_sessions_print_what_the_page_says(block: Block, project: Path) -> None:
    expected = int(block.note.removeprefix("runs").removeprefix(": exit ") or 0)
    env = {**os.environ, "UNROLL_CACHE": str(project / "cache"), "OMP_NUM_THREADS": "1"}
    for command, output in block.commands:
        words = [str(Path(sys.executable).parent / "unroll"), *shlex.split(command)[1:]]
        result = subprocess.run(words, cwd=project, env=env, capture_output=True, text=True, check=False)
        printed = result.stdout + result.stderr
        assert doctest.OutputChecker().check_output(output, printed, LIKENESS), f"{block}: $ {command}\n{printed}"
    assert result.returncode == expected, printed


@pytest.mark.parametrize("page", sorted({block.page for block in ALL_BLOCKS if block.note == "doctest"}), ids=str)
def test_documented_python_gives_what_the_page_says(page: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("UNROLL_CACHE", str(project / "cache"))
    text = "".join(block.text for block in ALL_BLOCKS if block.page == page and block.note == "doctest")
    session = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    printed: list[str] = []
    doctest.DocTestRunner(optionflags=LIKENESS).run(session, out=printed.append)
    assert not printed, "".join(printed)


@pytest.mark.parametrize("loop", ["auto", "compiled", "plain"])
@pytest.mark.parametrize("block", CELLS, ids=str)
def test_documented_cells_run_in_every_loop(block: Block, loop: Any) -> None:
    import torch

    from tasks.recurrent.cell import Cell
    from tasks.recurrent.loop import read_sequence

    names: dict[str, Any] = {"__name__": "documented_cell"}
    exec(compile(block.text, str(block), "exec"), names)
    (cell_class,) = [c for c in names.values() if isinstance(c, type) and issubclass(c, Cell) and c is not Cell]
    torch.manual_seed(0)
    build: Any = cell_class
    cell, inputs = build(inputs=3, hidden=4).double(), torch.randn(6, 2, 3).double()
    whole = read_sequence(cell, inputs, cell.initial_state(2), loop="plain")
    first = read_sequence(cell, inputs[:2], cell.initial_state(2), loop=loop)
    assert first.state is not None
    second = read_sequence(cell, inputs[2:], first.state, loop=loop)
    torch.testing.assert_close(torch.cat([first.outputs, second.outputs]), whole.outputs)
    torch.testing.assert_close(second.state, whole.state)


def test_documented_cells_keep_the_contract(project: Path) -> None:
    """In one loop: that they run in every one is tested above."""
    shutil.copytree(ROOT / "tests" / "recurrent" / "cells", project / "tests" / "recurrent" / "cells")
    for file in ("tests/conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / file, project / file)
    names = [Path(path).stem for path in SOURCES if path.startswith("tasks/recurrent/cells/")]
    files = [f"tests/recurrent/cells/test_{name}.py" for name in ("contract", "padding", "parameters")]
    chosen = f"({' or '.join(names)}) and not compiled and not auto"
    words = [sys.executable, "-m", "pytest", "-q", *files, "-k", chosen]
    result = subprocess.run(words, cwd=project, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"\d\d passed", result.stdout), result.stdout


def test_the_documented_encoder_keeps_the_contract_and_is_planned(project: Path) -> None:
    (name,) = (Path(path).stem for path in SOURCES if path.startswith("tasks/classification/encoders/"))
    folder = project / "tests" / "classification"
    folder.mkdir(parents=True)
    for file in ("test_encoders.py", "conftest.py"):
        shutil.copy(ROOT / "tests" / "classification" / file, folder / file)
    shutil.copytree(ROOT / "tests" / "tasks", project / "tests" / "tasks", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("tests/conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / file, project / file)
    words = [sys.executable, "-m", "pytest", "-q", "tests/classification/test_encoders.py", "-k", name]
    result = subprocess.run(words, cwd=project, capture_output=True, text=True, check=False)
    assert "3 passed" in result.stdout, result.stdout + result.stderr
    env = {**os.environ, "UNROLL_CACHE": str(project / "cache"), "OMP_NUM_THREADS": "1"}
    words = [str(Path(sys.executable).parent / "unroll"), "plan", "swem"]
    result = subprocess.run(words, cwd=project, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert name in result.stdout


@pytest.mark.parametrize(("folder", "kinds"), [("remedies", "kinds"), ("decoding", "decodings")])
def test_documented_remedies_and_decodings_keep_the_contract(folder: str, kinds: str, project: Path) -> None:
    (name,) = (Path(path).stem for path in SOURCES if path.startswith(f"tasks/{folder}/{kinds}/"))
    shutil.copytree(ROOT / "tests" / folder, project / "tests" / folder)
    for file in ("tests/conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / file, project / file)
    words = [sys.executable, "-m", "pytest", "-q", f"tests/{folder}/test_contract.py", "-k", name]
    result = subprocess.run(words, cwd=project, capture_output=True, text=True, check=False)
    assert re.search(r"\d passed", result.stdout), result.stdout + result.stderr
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("block", CELLS, ids=str)
def test_a_documented_cell_is_about_40_lines(block: Block) -> None:
    assert len(block.text.splitlines()) <= 40


@pytest.mark.parametrize("path", [path for path in SOURCES if path.startswith("tests/")])
def test_a_documented_test_passes(path: str, written: Path, tmp_path: Path) -> None:
    names: dict[str, Any] = {"__name__": "documented_test"}
    exec(compile(SOURCES[path].text, path, "exec"), names)
    tests = [value for name, value in names.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test(**({"tmp_path": tmp_path} if "tmp_path" in inspect.signature(test).parameters else {}))


def test_the_documented_format_is_read_and_inspected_by_the_same_rules(written: Path, tmp_path: Path) -> None:
    from tasks.classification.task import Classification
    from tasks.text.library import TextLibrary
    from unroll.contract import UserError

    folder = tmp_path / "reviews"
    folder.mkdir()
    for split in ("train", "validation", "test"):
        (folder / f"{split}.txt").write_text("__label__good a film\n__label__bad a bad film\n")
    data = {"corpus": "fasttext", "path": folder, "minimum_count": 1}
    settings = Classification.settings.model_validate({"data": data})
    corpus = Classification().prepare(settings, tmp_path / "cache")
    assert corpus.labels.words == ("bad", "good")
    found = TextLibrary().inspect_settings(settings)
    assert found is not None
    assert [(row["label"], row["train"]) for row in found.labels] == [("bad", 1), ("good", 1)]
    (folder / "test.txt").write_text("__label__good a\nbad b\n")
    for read in (
        lambda: Classification().prepare(settings, tmp_path / "cache"),
        lambda: TextLibrary().inspect_settings(settings),
    ):
        with pytest.raises(
            UserError, match=r"test\.txt, line 2: each line must begin with __label__ \(received 'bad b'"
        ):
            read()


def lines_of_code(text: str) -> int:
    """Lines that are neither empty nor a comment nor part of a docstring."""
    documented = [ast.Module, ast.ClassDef, ast.FunctionDef]
    found = [node for node in ast.walk(ast.parse(text)) if type(node) in documented and ast.get_docstring(node)]  # type: ignore[arg-type]
    words = {line for node in found for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)}  # type: ignore[attr-defined]
    lines = enumerate(map(str.strip, text.splitlines()), start=1)
    return sum(number not in words and bool(line) and not line.startswith("#") for number, line in lines)


@pytest.mark.parametrize("path", [path for path in SOURCES if re.fullmatch(r"tasks/\w+/task\.py", path)])
def test_a_documented_task_is_at_most_60_lines_of_code(path: str) -> None:
    assert lines_of_code(SOURCES[path].text) <= 60


def test_the_documented_task_runs_from_plan_to_test(project: Path) -> None:
    unroll = str(Path(sys.executable).parent / "unroll")
    env = {**os.environ, "UNROLL_CACHE": str(project / "cache"), "OMP_NUM_THREADS": "1"}
    words = ["seeds=1", "training.epochs=1", "wandb.mode=disabled", "--runner", "inline", "--no-report"]
    for command in (["run", "parity", *words], ["results", "results/parity", "--format", "json"]):
        result = subprocess.run([unroll, *command], cwd=project, env=env, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
    trials = json.loads(result.stdout)
    assert [trial["status"] for trial in trials] == ["completed"] * 2
    assert all({"validation/accuracy", "test/accuracy"} <= trial.keys() for trial in trials)


def test_the_documented_task_keeps_the_contract(project: Path) -> None:
    shutil.copytree(ROOT / "tests" / "tasks", project / "tests" / "tasks", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("tests/conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / file, project / file)
    (command,) = (c for block in ALL_BLOCKS for c, _ in block.commands if c.startswith("python -m pytest tests/tasks"))
    words = [sys.executable, *shlex.split(command)[1:]]
    result = subprocess.run(words, cwd=project, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    passed = re.search(r" (\d+) passed, .*\d+ deselected", result.stdout)
    assert passed, result.stdout
    assert int(passed[1]) >= 10


@pytest.mark.parametrize("kind", find_templates())
def test_a_page_shows_what_new_writes(kind: str) -> None:
    """Under a name of its own: template and page are the same text."""
    firsts = [(re.match(r"# (\S+)\n", block.text), block.text) for block in ALL_BLOCKS]
    shown = {match[1]: text[match.end() :] for match, text in firsts if match}
    names = {word for path in shown for word in re.findall(r"\w+", path)}
    scaffolds = [render(find_templates()[kind], name).files.items() for name in sorted(names)]
    code = [{str(path): text for path, text in files if path.suffix in {".py", ".yaml"}} for files in scaffolds]
    assert any(files.items() <= shown.items() for files in code)


def described_defaults() -> dict[str, str]:
    """Key -> default, as the tables of ``docs/write-a-study.md`` give them."""
    text = (ROOT / "docs" / "write-a-study.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([^|]+) \|", text, flags=re.MULTILINE)
    return {key: default.strip("` ") for key, default in rows}


def defaults_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted key -> default of a model and of the models in it."""
    for name, info in model.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from defaults_of(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, ... if info.is_required() else info.get_default(call_default_factory=True)


def spelled(default: object) -> str:
    """A default as the tables spell it."""
    return "none" if default is None else default if isinstance(default, str) else json.dumps(default)


def test_every_setting_is_described_with_its_default() -> None:
    from unroll.study import load_task

    told = described_defaults()
    for key, default in defaults_of(load_task("language_modeling").settings):
        assert told[key] == spelled(default), key


def test_every_key_of_a_study_is_described_with_its_default() -> None:
    from unroll.study import Declaration

    told = described_defaults()
    for key, default in defaults_of(Declaration):
        if default is ...:
            assert told[key] == "required", key
        elif key == "seeds":
            assert told[key] == str(len(default))
        elif key in {"metric", "baseline"}:
            assert told[key].startswith("the "), key
        else:
            assert told[key] == spelled(default), key


def parsed(study: str) -> dict[str, Any]:
    """A study's YAML as it stands."""
    whole: dict[str, Any] = YAML(typ="safe").load(study)
    return whole


@pytest.mark.parametrize("file", sorted(ROOT.glob("studies/*/study.yaml")), ids=lambda file: file.parent.name)
def test_the_readme_names_every_study_and_what_it_asks(file: Path) -> None:
    name, question = file.parent.name, parsed(file.read_text(encoding="utf-8"))["question"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"| [`{name}`](studies/{name}/README.md) | {question} |\n" in readme


@pytest.mark.parametrize("page", ["README.md", "docs/write-a-study.md", "docs/architecture.md"])
def test_pages_that_list_tasks_name_all(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    missing = [file.parent.name for file in ROOT.glob("tasks/*/task.py") if file.parent.name not in text]
    assert not missing


def by_hand() -> list[str]:
    """Rows of the table of what is written by hand, in ``docs/architecture.md``."""
    section = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## Written by hand")[2]
    return [line for line in section.partition("\n## ")[0].splitlines() if re.match(r"\| .*\]\(", line)]


@pytest.mark.parametrize("row", by_hand(), ids=lambda row: row[2:].partition(":")[0])
def test_what_is_written_by_hand_has_its_size_and_its_test(row: str) -> None:
    files, lines, _, _, tests = row.strip("| ").split(" | ")
    found = [(ROOT / "docs" / link).read_text(encoding="utf-8") for link in re.findall(r"\]\((\S+)\)", files)]
    assert sum(len(text.splitlines()) for text in found) == pytest.approx(int(lines), rel=0.2)
    for name, link in re.findall(r"\[`(\w+)`\]\((\S+)\)", tests):
        assert f"def {name}(" in (ROOT / "docs" / link).read_text(encoding="utf-8")


@pytest.mark.parametrize("block", STUDIES, ids=str)
def test_a_documented_study_is_no_other_one_of_this_name(block: Block) -> None:
    file = ROOT / block.text.split()[1]
    assert not file.exists() or parsed(file.read_text(encoding="utf-8")) == parsed(block.text)


def test_the_pages_show_commands_studies_and_cells() -> None:
    assert len(COMMANDS) >= 20
    assert SESSIONS
    assert STUDIES
    assert CELLS
