"""Ctrl-C: running trials save their state, the command that continues is printed, and the numbers stay the same."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.execution.test_kills import wait_for


@pytest.mark.parametrize("runner", ["ray", "inline"])
def test_an_interrupted_study_goes_on(
    runner: str, line: Any, undisturbed: list[dict[str, Any]], tmp_path: Path
) -> None:
    results = tmp_path / "results"
    command = ("run", str(line.study), "--results", str(results), "--no-report", "--runner", runner)
    run = line.start(*command)
    wait_for(lambda: list(results.glob("trials/*/progress.json")) or run.poll() is not None)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to everyone in the foreground
    output, _ = run.communicate(timeout=300)
    assert run.returncode == 130, output
    assert "Traceback" not in output
    assert f"unroll run {line.study}" in output, "the command that continues"
    unfinished = {trial["status"] for trial in line.results(results)}
    assert unfinished - {"completed"}
    line.call(*command)
    assert line.results(results) == undisturbed
