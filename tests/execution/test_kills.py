"""``kill -9`` of the driver, of a trial's worker and of Ray's own parts, at several moments: the end is the same."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.execution.family import find

MOMENTS = [pytest.param(seed, marks=[] if seed == 0 else [pytest.mark.slow]) for seed in range(4)]


def wait_for(condition: Callable[[], Any], *, seconds: float = 240) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise TimeoutError


def running_worker(results: Path) -> int | None:
    """Process number of a trial that made progress and is alive."""
    for note in results.glob("trials/*/progress.json"):
        try:
            pid = int(json.loads(note.read_text())["pid"])
            command = Path(f"/proc/{pid}/cmdline").read_text()
        except (OSError, ValueError, KeyError):
            continue
        if "ray::" in command:
            return pid
    return None


def find_victim(victim: str, driver: int, results: Path) -> int | None:
    if victim == "driver":
        return driver
    return running_worker(results) if victim == "worker" else find(driver, victim)


def done(results: Path) -> int:
    return len(list(results.glob("trials/*/attempts/*.json")))


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    "victim",
    ["driver", *(pytest.param(name, marks=pytest.mark.slow) for name in ("gcs_server", "worker", "raylet"))],
)
def test_a_killed_study_completes_with_the_same_numbers(
    victim: str, moment: int, line: Any, undisturbed: list[dict[str, Any]], tmp_path: Path
) -> None:
    results = tmp_path / "results"
    chance = random.Random(f"{victim} {moment}")
    after, jitter = chance.randrange(5), chance.uniform(0, 0.5)  # trials done, and seconds on top
    driver = line.start("run", str(line.study), "--results", str(results), "--no-report")
    try:
        wait_for(lambda: (done(results) >= after and running_worker(results)) or driver.poll() is not None)
        time.sleep(jitter)
        pid = find_victim(victim, driver.pid, results)
        assert pid is not None, "there was something to kill"
        os.kill(pid, signal.SIGKILL)
        assert done(results) < len(undisturbed), "the study was not over"
        output, _ = driver.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        os.killpg(driver.pid, signal.SIGKILL)
        raise
    assert driver.returncode == (-signal.SIGKILL if victim == "driver" else 0), output
    assert ("Ray was lost; starting it again" in output) == (victim in {"raylet", "gcs_server"})
    line.run(results)
    assert line.results(results) == undisturbed
    assert line.history(results).equals(line.history(line.folder / "undisturbed"))
