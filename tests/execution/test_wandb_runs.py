"""What a study leaves for Weights & Biases: whole runs, also of killed trials, and never a key."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.execution.test_kills import running_worker, wait_for

WANDB = str(Path(sys.executable).with_name("wandb"))


def inspect(run: Path, *words: str) -> list[dict[str, Any]]:
    """Records of one run's folder, read by W&B's own tool."""
    command = [WANDB, "leet", "inspect", *words, "--json", str(run)]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return [json.loads(output)] if words else [json.loads(line) for line in output.splitlines()]


def test_every_trial_has_a_readable_run(line: Any, undisturbed: list[dict[str, Any]]) -> None:
    folder = line.folder / "undisturbed"
    runs = {path.name.rsplit("-", 1)[1]: path for path in folder.glob("wandb/offline-run-*")}
    assert set(runs) == {trial["trial"] for trial in undisturbed}
    for trial in undisturbed[:2]:
        (summary,) = inspect(runs[trial["trial"]], "--summary")
        assert (summary["state"], summary["exit_code"]) == ("finished", 0)
        assert summary["config"]["network"]["cell"] == trial["arm"]
        assert summary["config"]["seed"] == trial["seed"]
        assert summary["summary"]["test/perplexity"] == trial["test/perplexity"]
        assert summary["summary"]["trainer/global_step"] == trial["steps"]
        (run,) = (record["run"] for record in inspect(runs[trial["trial"]]) if record["type"] == "run")
        assert (run["run_group"], run["job_type"]) == ("small", "confirm")


def last_step(run: Path) -> int:
    rows = [record["history"]["item"] for record in inspect(run) if record["type"] == "history"]
    return max(int(row["trainer/global_step"]) for row in rows)


@pytest.mark.slow
def test_a_killed_trial_leaves_its_history(line: Any, tmp_path: Path) -> None:
    results = tmp_path / "results"
    run = line.start(
        *("run", str(line.study), "--results", str(results), "--no-report", "network.cell=lstm", "seeds=1"),
        *("training.epochs=2000", "log_every_steps=1"),
    )
    try:
        wait_for(lambda: running_worker(results))
        time.sleep(3)
        (note,) = results.glob("trials/*/progress.json")
        before = json.loads(note.read_text())["step"]
        time.sleep(1.5)  # the log is flushed once a second
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate(timeout=30)
    (folder,) = results.glob("wandb/offline-run-*")
    assert last_step(folder) >= before > 0


@pytest.mark.slow
def test_unreachable_online_completes_and_no_key_is_written(line: Any, tmp_path: Path) -> None:
    canary = "local-" + "c4na4y" * 7
    results = tmp_path / "results"
    with TemporaryDirectory(prefix="u") as home:  # short: Ray's sockets lie below it
        output = line.run(
            results,
            *("wandb.mode=online", "seeds=1"),
            WANDB_BASE_URL="http://127.0.0.1:9",
            WANDB_API_KEY=canary,
            HOME=home,
            RAY_TMPDIR=home,
        )
        assert "2 runs are unsynced" in output
        assert "unsynced" in output
        assert {trial["status"] for trial in line.results(results)} == {"completed"}
        for path in [*results.rglob("*"), *Path(home).rglob("*"), *(line.folder / "cache").rglob("*")]:
            if path.is_file() and not path.is_symlink():
                assert canary.encode() not in path.read_bytes(), path
