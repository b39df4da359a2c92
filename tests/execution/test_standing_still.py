"""A worker that stands still cannot end itself: the driver does, and the trial has its typed status."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from tests.execution.test_kills import running_worker, wait_for

LIMIT = 10.0


def test_a_stopped_worker_is_a_timeout_within_twice_the_limit(line: Any, tmp_path: Path) -> None:
    results = tmp_path / "results"
    study = tmp_path / "study.yaml"
    study.write_text(line.study.read_text() + "\n", encoding="utf-8")
    study.write_text(study.read_text().replace("{checkpoint_seconds: 0.2}", f"{{no_progress_seconds: {LIMIT}}}"))
    run = line.start(
        *("run", str(study), "--results", str(results), "--no-report", "seeds=1", "network.cell=elman"),
        "training.epochs=200",
    )
    worker = wait_for(lambda: running_worker(results) or run.poll() is not None)
    assert run.poll() is None, run.communicate()
    os.kill(worker, signal.SIGSTOP)
    start = time.monotonic()
    (note,) = results.glob("trials/*/progress.json")
    wait_for(lambda: list(results.glob("trials/*/attempts/*.json")), seconds=300)
    seconds = time.monotonic() - start
    output, _ = run.communicate(timeout=300)
    assert run.returncode == 1, output
    (trial,) = line.results(results)
    assert trial["status"] == "timeout"
    (stacks,) = note.parent.glob("stacks-*.txt")
    assert "from outside" in stacks.read_text()
    assert not Path(f"/proc/{worker}").exists()
    assert "again  " in output
    assert seconds < 2 * LIMIT
