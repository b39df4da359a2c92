"""Studies of a project of their own, started as a user does, and what is killed of them."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.execution.family import descendants
from tests.execution.test_kills import running_worker

PROJECT = Path(__file__).parent / "project"

VICTIMS = ("everything", "driver", "worker", "gcs_server")

Start = Callable[..., Any]
"""Starts a study into a folder, with more words for the command line."""


def starter(line: Any, folder: Path, study: str) -> Start:
    """Starts one of :data:`PROJECT`'s studies, of a copy of it below ``folder``."""
    project = folder / "project"
    shutil.copytree(PROJECT, project)

    def begin(results: Path, *words: str) -> Any:
        told = ("run", str(project / "studies" / study), "--results", str(results), "--no-report")
        return line.start(*told, *words, UNROLL_ROOT=str(project))

    return begin


def to_its_end(run: Any) -> str:
    """What a run printed, which has to succeed."""
    output, _ = run.communicate(timeout=600)
    assert run.returncode == 0, output
    return str(output)


def kill(victim: str, run: Any, results: Path) -> bool:
    """Kill one of :data:`VICTIMS`; whether that ends the run."""
    pids = {
        "everything": [*descendants(run.pid), run.pid],
        "driver": [run.pid],
        "worker": [running_worker(results)],
        "gcs_server": [pid for pid, name in descendants(run.pid).items() if name == "gcs_server"],
    }
    for pid in filter(None, pids[victim]):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return victim in {"everything", "driver"}
