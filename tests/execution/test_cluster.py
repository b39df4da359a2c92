"""A study on a Ray cluster of two nodes that loses one of them in the middle."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.execution.test_kills import done

HERE = Path(__file__).parent


@pytest.fixture
def cluster(line: Any, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**line.environment, "HOME": str(tmp_path), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "a" * 64}
    process = subprocess.Popen(
        [sys.executable, str(HERE / "cluster_of_two.py")],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield process
    process.communicate(timeout=60)  # the end of its input is its end


@pytest.mark.slow
def test_a_lost_node_changes_nothing(
    cluster: subprocess.Popen[str], line: Any, undisturbed: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert cluster.stdin
    assert cluster.stdout
    address = cluster.stdout.readline().strip()
    results = tmp_path / "results"
    run = line.start(
        *("run", str(line.study), "--results", str(results), "--no-report", "--address", address),
        HOME=str(tmp_path),
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN="a" * 64,
    )
    deadline = time.monotonic() + 240
    while done(results) < 2 and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    cluster.stdin.write("drop\n")
    cluster.stdin.flush()
    assert cluster.stdout.readline() == "dropped\n"
    assert run.poll() is None, f"the run was not over: {run.communicate()[0]}"
    output, _ = run.communicate(timeout=300)
    assert run.returncode == 0, output
    assert line.results(results) == undisturbed
