"""What is wrong is told in lines, with exit code 2 and without a traceback, and nothing is created."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unroll.ledger.files import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said

    Unroll = Callable[..., Said]

SIX_MISTAKES = """\
question: What is wrong here?
task: language_modelling
settings:
  data: {corpus: toy_language}
compare:
  network.cell: [elman, elman]
seeds: 0
metrik: validation/perplexity
resources: {cpu: 1}
wandb: {mode: sometimes}
"""
SIX_IN_SETTINGS = """\
question: What is wrong here?
task: language_modeling
settings:
  data: {corpus: toy_languag}
  network: {hiden: 64, dropout: 1.5}
  training: {epochs: ten}
compare:
  network.cell: [elman, lstn]
metric: validation/perplexty
"""


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("text", [SIX_MISTAKES, SIX_IN_SETTINGS], ids=["keys", "settings"])
@pytest.mark.parametrize("command", ["plan", "run"])
def test_six_mistakes_are_six_lines(command: str, text: str, root: Path, tmp_path: Path) -> None:
    (tmp_path / "studies" / "wrong").mkdir(parents=True)
    (tmp_path / "studies" / "wrong" / "study.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "tasks").symlink_to(root / "tasks")
    before = files_below(tmp_path)
    program = Path(sys.executable).with_name("unroll")
    environment = {"PATH": "", "HOME": str(tmp_path / "home"), "UNROLL_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [str(program), command, "wrong"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    lines = done.stderr.splitlines()
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(lines) == 6, done.stderr
    assert all(line.startswith("error: studies/wrong/study.yaml:") for line in lines), done.stderr
    assert "Traceback" not in done.stderr
    assert files_below(tmp_path) == before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["plan", "tinny"], "there is no such study (received 'tinny'); did you mean 'tiny'?"),
        (["run", "tiny", "training.epocs=1"], "training.epocs: unknown key; did you mean 'training.epochs'?"),
        (["run", "tiny", "seeds"], "an override must be written key=value (received 'seeds')"),
        (
            ["run", "tiny", "--seeds", "5"],
            "--seeds: there is no such option; keys of a study and settings are written without dashes: seeds=5",
        ),
        (["plan", "tiny", "--max-hours", "1"], "--max-hours: there is no such option; it is an option of unroll run"),
        (["plan", "tiny", "--training.epochs=3"], "are written without dashes: training.epochs=3"),
        (["results", "tiny"], "tiny: there are no results yet; unroll run tiny"),
        (["results", "tiny", "--results", "x"], "no such option; the results folder is the argument: unroll results x"),
        (["status", "nowhere"], "there is no such results folder or study (received 'nowhere')"),
        (["status", "tinny"], "no such results folder or study (received 'tinny'); did you mean 'tiny'?"),
        (["report", "studies"], "studies: a results folder must hold trials and runs"),
    ],
)
@pytest.mark.usefixtures("project")
def test_one_mistake_is_one_line(unroll: Unroll, words: list[str], expected: str) -> None:
    said = unroll(*words)
    assert said.code == 2
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert expected in said.err
    assert not Path("results").exists()


@pytest.mark.parametrize(
    "words", [["run"], ["run", "tiny", "--colour"], ["unrol"], ["plan", "tiny", "--format", "xml"]]
)
@pytest.mark.usefixtures("project")
def test_what_cannot_be_parsed_exits_with_2(unroll: Unroll, words: list[str]) -> None:
    assert unroll(*words).code == 2


@pytest.mark.parametrize("name", ["../tiny", "/etc/passwd", "..", "tiny\x1b[2J", "a b", "", "studies/tiny/../tiny/\n"])
@pytest.mark.parametrize("command", ["plan", "run", "status", "results", "report"])
@pytest.mark.usefixtures("project", "runner")
def test_hostile_names_are_refused_and_cannot_act_on_the_terminal(unroll: Unroll, command: str, name: str) -> None:
    said = unroll(command, name)
    assert said.code == 2
    assert all(line.isprintable() for line in said.err.splitlines())
    assert not Path("results").exists()


@pytest.mark.usefixtures("runner")
def test_a_hostile_question_cannot_act_on_the_terminal(unroll: Unroll, project: Path) -> None:
    study = project / "studies" / "tiny" / "study.yaml"
    text = study.read_text(encoding="utf-8")
    study.write_text(
        text.replace("Does gating help?", r'"Is it \e[2J clear\u202e, [red]bold[/red]\nor not?"'), encoding="utf-8"
    )
    said = unroll("plan", "tiny")
    assert said.code == 0
    assert "tiny: Is it \ufffd[2J clear\ufffd, [red]bold[/red] or not?" in said.out


@pytest.mark.usefixtures("project")
def test_an_error_of_our_own_is_one_line_and_a_file_without_values(
    unroll: Unroll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "a local value"

    def break_down(*args: object) -> None:
        raise RuntimeError(f"broken\x1b in {len(secret)} ways")

    monkeypatch.setattr("unroll.workflow.prepare.prepare", break_down)
    said = unroll("plan", "tiny")
    assert said.code == 70
    assert said.err.splitlines()[0] == "internal error: RuntimeError: broken\ufffd in 13 ways"
    (file,) = (tmp_path / "cache" / "errors").iterdir()
    assert str(file) in said.err.splitlines()[1]
    kept = file.read_text(encoding="utf-8")
    assert "break_down" in kept
    assert secret not in kept.replace('"a local value"', "")


@pytest.mark.usefixtures("project")
def test_where_no_file_can_be_written_the_traceback_is_printed(
    unroll: Unroll, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("no folder", encoding="utf-8")
    monkeypatch.setattr("unroll.workflow.prepare.prepare", lambda *args: 1 / 0)
    said = unroll("plan", "tiny")
    assert said.code == 70
    assert "Traceback" in said.err
    assert "ZeroDivisionError" in said.err


@pytest.mark.usefixtures("project")
def test_a_full_disk_is_no_mistake_in_what_was_asked(unroll: Unroll, runner: FakeRunner, tmp_path: Path) -> None:
    runner.refusal = StorageError(tmp_path / "trial.json", OSError(errno.ENOSPC, "No space left on device"))
    said = unroll("run", "tiny")
    assert said.code == 74
    assert "the results folder must be writable and have space (received No space left on device)" in said.err


PROGRAM = Path(sys.executable).with_name("unroll")


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell in which $U is the program."""
    known = {"PATH": "/usr/bin:/bin", "U": str(PROGRAM), "HOME": str(folder), "UNROLL_ROOT": str(folder)}
    return subprocess.run(
        ["/bin/sh", "-c", line], cwd=folder, env=known | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("line", "code", "expected"),
    [
        ("$U plan " + "a" * 5000, 2, "the file system must give access (received File name too long)"),
        ("mkdir gone; cd gone; rmdir ../gone; $U plan tiny", 2, "the working folder must exist"),
        ("$U status >/dev/full", 74, "standard output cannot be written: No space left on device"),
        ("$U plan tiny seeds=900 -f json >/dev/full", 74, "standard output cannot be written: No space left on device"),
        ("$U plan \"$(printf 'a\\377')\"", 2, r"arguments must be valid UTF-8 (received 'a\udcff')"),
        ("HOME= $U plan tiny", 2, "a home folder or UNROLL_CACHE must be set (received HOME is empty)"),
    ],
    ids=["long name", "no working folder", "full output", "much for a full output", "no text", "no home"],
)
@pytest.mark.parametrize("language", ["C", "C.UTF-8"])
def test_what_the_surroundings_forbid_is_one_line(
    project: Path, line: str, code: int, expected: str, language: str
) -> None:
    done = shell(line, project, LC_ALL=language)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert expected in done.stderr


@pytest.mark.usefixtures("project")
def test_what_is_printed_can_be_printed_where_only_ascii_is(project: Path) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    done = shell("$U plan tiny 'training.epochs=\N{GREEK SMALL LETTER PI}'", project, **ascii_only)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr


@pytest.mark.usefixtures("project", "runner")
def test_a_value_of_several_lines_is_one_error(unroll: Unroll) -> None:
    for value in ("a\nerror: all is well", "a\u2028b\x0bc", "\u202eabc"):
        said = unroll("run", "tiny", f"data.corpus={value}")
        assert said.code == 2
        assert len(said.err.splitlines()) == 1, said.err
        assert said.err.rstrip("\n").isprintable()


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.usefixtures("project", "runner")
def test_results_cannot_be_a_file(unroll: Unroll, command: str, tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary", encoding="utf-8")
    said = unroll(command, "tiny", "--results", str(tmp_path / "diary.txt"))
    assert said.code == 2
    assert "results must go to a new folder, an empty one or one that holds results" in said.err
