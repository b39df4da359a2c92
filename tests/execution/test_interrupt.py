"""Ctrl-C and SIGTERM, to the command or to all its processes: saved, told how to go on, the numbers stay the same."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.execution.family import descendants, find
from tests.execution.test_kills import wait_for

MOMENTS = 10
TRIALS = ("seeds=1", "training.epochs=8")
NOISE = ("Traceback", "SIGTERM received", "*** ", "Fatal Python error", "internal error")


@dataclass(frozen=True)
class Undisturbed:
    """What a small study comes to when nothing happens to it, and how long that takes."""

    trials: list[dict[str, Any]]
    history: pl.DataFrame
    seconds: float


def words(line: Any, results: Path, runner: str) -> tuple[str, ...]:
    return ("run", str(line.study), *TRIALS, "--results", str(results), "--runner", runner)


@pytest.fixture(scope="module", params=["ray", pytest.param("inline", marks=pytest.mark.slow)])
def runner(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def whole(line: Any, runner: str, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    results = tmp_path_factory.mktemp("whole") / "results"
    start = time.monotonic()
    line.call(*words(line, results, runner))
    return Undisturbed(line.results(results), line.history(results), time.monotonic() - start)


def ask_to_leave(run: subprocess.Popen[str], number: int, *, everybody: bool) -> None:
    """As `kill` does, or as a scheduler does to all processes of a job, whatever their session."""
    for pid in [run.pid, *(descendants(run.pid) if everybody else ())]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def check_end(output: str, code: int, line: Any, results: Path, whole: Undisturbed) -> None:
    """Interrupted, with what to type; or done, if it really was."""
    assert not [word for word in NOISE if word in output], output
    if code == 0:
        assert line.results(results) == whole.trials
        return
    assert code == 130, output
    assert f"continue  unroll run {line.study}" in output
    if "nothing was started" in output:
        assert not results.exists()


def check_next(line: Any, results: Path, runner: str, whole: Undisturbed) -> None:
    line.call(*words(line, results, runner))
    assert line.results(results) == whole.trials
    assert line.history(results).equals(whole.history)


@pytest.mark.slow
@pytest.mark.parametrize("everybody", [True, False])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_running_trials_save_their_state(
    number: int, everybody: bool, runner: str, line: Any, whole: Undisturbed, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    run = line.start(*words(line, results, runner))
    wait_for(lambda: list(results.glob("trials/*/progress.json")) or run.poll() is not None)
    ask_to_leave(run, number, everybody=everybody)
    output, _ = run.communicate(timeout=300)
    assert run.returncode == 130, output
    check_end(output, run.returncode, line, results, whole)
    ends = [trial["status"] for trial in line.results(results)]
    assert set(ends) & {"stopped", "missing"}, "there was something to stop"
    if (
        "stopped" in ends or runner == "ray"
    ):  # one trial in this process may be at its end before it looks, once a second
        assert "stopped" in ends
        assert list(results.glob("trials/*/checkpoint/*")), "a state was saved"
    assert not any("ray::" in name or name in {"raylet", "gcs_server"} for name in descendants(os.getpid()).values())
    check_next(line, results, runner, whole)


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(MOMENTS))
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("everybody", [False, True])
def test_from_the_first_second_to_the_last(
    moment: int, number: int, everybody: bool, runner: str, line: Any, whole: Undisturbed, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    run = line.start(*words(line, results, runner))
    time.sleep(0.5 + moment * max(0.1, whole.seconds - 0.5) / MOMENTS)
    ask_to_leave(run, number, everybody=everybody)
    output, _ = run.communicate(timeout=300)
    check_end(output, run.returncode, line, results, whole)
    check_next(line, results, runner, whole)


def test_the_whole_foreground_of_a_terminal_while_ray_starts(line: Any, tmp_path: Path) -> None:
    results = tmp_path / "results"
    run = line.start(*words(line, results, "ray"))
    wait_for(lambda: find(run.pid, "gcs_server") or run.poll() is not None)
    os.killpg(run.pid, signal.SIGINT)
    output, _ = run.communicate(timeout=300)
    assert run.returncode == 130, output
    assert "interrupted: nothing was started" in output
    assert not results.exists()
