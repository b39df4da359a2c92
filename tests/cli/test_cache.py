"""The cache and the results at the door of the command line: where they are, and whether they may be believed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import FakeRunner, Said
    from unroll.ledger import Status
    from unroll.study import Job

    Unroll = Callable[..., Said]


def test_a_relative_cache_is_absolute_while_a_command_runs(
    project: Path, unroll: Unroll, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNROLL_CACHE", "kept/here")
    found: list[str] = []

    def complete(_: Job) -> Status:
        found.append(os.environ["UNROLL_CACHE"])
        return "completed"

    runner.status = complete
    assert unroll("run", "tiny").code == 0
    assert set(found) == {str(project / "kept" / "here")}, "trials in other folders read it too"
    assert os.environ["UNROLL_CACHE"] == "kept/here"
    assert {job.cache for job in runner.ran} == {str(project / "kept" / "here")}


@pytest.mark.parametrize(
    "words", [("plan", "tiny"), ("run", "tiny"), ("data", "inspect", "--task", "language_modeling")]
)
def test_a_cache_that_others_can_change_is_refused(
    words: tuple[str, ...], project: Path, unroll: Unroll, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = project / "for all"
    place.mkdir()
    place.chmod(0o1777)
    monkeypatch.setenv("UNROLL_CACHE", str(place))
    said = unroll(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines() == [
        f"error: {place}: the cache must lie where no other account can change it (received {place} can be written by "
        "every account); name a folder of your own in UNROLL_CACHE, or take the others' right to write (chmod go-w)"
    ]
    assert list(place.iterdir()) == []
    monkeypatch.setenv("UNROLL_CACHE", str(place / "mine"))
    assert unroll(*words).code == 0, "what is ours in a sticky folder is ours"


@pytest.mark.parametrize("made", [False, True])
def test_results_that_every_account_can_change_are_refused(
    made: bool, project: Path, unroll: Unroll, runner: FakeRunner
) -> None:
    place = project / "for all"
    place.mkdir()
    if made:
        assert unroll("run", "tiny", "--results", str(place / "mine")).code == 0
    place.chmod(0o777)
    for command in ("plan", "run"):
        said = unroll(command, "tiny", "seeds=3", "--results", str(place / "mine"))
        assert said.code == 2
        assert said.err.splitlines() == [
            f"error: {place}/mine: results must lie where not every account can change them (received {place} can be "
            "written by every account); name another folder with --results, or take the others' right to write "
            "(chmod o-w)"
        ]
    assert [path.name for path in place.iterdir()] == (["mine"] if made else [])


@pytest.mark.parametrize(
    "name",
    ["report", "report/tables", "report/charts", ".ray", "runs", "lock", "trials", "wandb", "sources", "set_aside"],
)
def test_a_linked_folder_of_results_is_not_written_through(
    name: str, project: Path, unroll: Unroll, runner: FakeRunner
) -> None:
    assert unroll("run", "tiny").code == 0
    elsewhere, link = project / "elsewhere", project / "results" / "tiny" / name
    if link.exists():
        link.rename(elsewhere)
    else:
        elsewhere.mkdir()
    link.symlink_to(elsewhere)
    before = {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*")}
    refusal = (
        f"error: results/tiny/{name}: a folder of results must be no symbolic link: what it leads to would be written "
        f"over (received a link to {elsewhere}); remove the link; only the results folder itself may be one"
    )
    commands = [("run", "tiny", "seeds=3"), *([("report", "tiny")] if name.startswith("report") else [])]
    for words in commands:
        said = unroll(*words)
        assert said.code == 2
        assert [line.replace(f"{project}/", "", 1) for line in said.err.splitlines()] == [refusal]
    assert {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*")} == before


def test_results_may_lie_behind_a_link(project: Path, unroll: Unroll, runner: FakeRunner) -> None:
    (project / "big disk").mkdir()
    (project / "results").symlink_to(project / "big disk")
    assert unroll("run", "tiny").code == 0
    assert (project / "big disk" / "tiny" / "report" / "report.html").is_file()


def test_a_linked_trial_is_refused(project: Path, unroll: Unroll, runner: FakeRunner) -> None:
    assert unroll("run", "tiny").code == 0
    trial = next((project / "results" / "tiny" / "trials").iterdir())
    trial.rename(project / "elsewhere")
    trial.symlink_to(project / "elsewhere")
    said = unroll("run", "tiny", "seeds=3")
    assert said.code == 2
    assert f"{trial.name}: a folder of results must be no symbolic link" in said.err


@pytest.mark.parametrize("name", ["attempts", "history", "checkpoint", "claims"])
def test_a_linked_folder_of_a_trial_is_not_written_through(
    name: str, project: Path, unroll: Unroll, runner: FakeRunner
) -> None:
    unroll("run", "tiny", "--no-report")
    trial, elsewhere = next((project / "results/tiny/trials").iterdir()), project / "elsewhere"
    if (trial / name).exists():
        (trial / name).rename(elsewhere)
    else:
        elsewhere.mkdir()
    (trial / name).symlink_to(elsewhere)
    before = {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*")}
    runner.ran.clear()
    said = unroll("run", "tiny", "seeds=3")
    assert (said.code, runner.ran) == (2, [])
    assert f"{trial.name}/{name}: a folder of results must be no symbolic link" in said.err
    assert {path: path.stat().st_mtime_ns for path in elsewhere.rglob("*")} == before
