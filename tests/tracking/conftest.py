"""Runs of W&B, read by its own reader or sent to a server in miniature."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.tracking.stub import CANARY, Stub, serving
from unroll.tracking import Mirror, Mode, close_mirror, mirror, server

Records = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="session")
def inspect() -> Callable[[Path], Records]:
    """Reads a run's log with wandb's own reader: its records by kind (run, history, summary, exit...)."""

    def read(run: Path) -> Records:
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(run)]
        records: Records = defaultdict(list)
        for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
            record = json.loads(line)
            records[record["type"]].append(record[record["type"]])
        return records

    return read


class Opens(Protocol):
    def __call__(self, run_id: str = ..., *, mode: Mode = ...) -> AbstractContextManager[Mirror]: ...


@pytest.fixture
def trial(tmp_path: Path) -> Opens:
    """Opens a mirror of a trial below ``tmp_path``."""

    def open_mirror(run_id: str = "t1", *, mode: Mode = "offline") -> AbstractContextManager[Mirror]:
        return mirror(
            mode=mode,
            project="unroll",
            entity=None,
            run_id=run_id,
            group="cells",
            job_type="confirm",
            name=f"lstm, seed {run_id}",
            tags=["language_modeling"],
            config={"network": {"cell": "lstm", "hidden": 64}, "seed": 3},
            folder=tmp_path,
        )

    return open_mirror


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """A server that answers well at first; wandb in this process is pointed at it, with the canary for a key."""
    with serving() as here:
        monkeypatch.setenv("WANDB_BASE_URL", here.url)
        monkeypatch.setenv("WANDB_API_KEY", CANARY)
        monkeypatch.delenv("WANDB_MODE", raising=False)
        close_mirror()
        server._answers.clear()
        yield here
    close_mirror()
    server._answers.clear()


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that ends with no service left behind."""
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    yield
    close_mirror()
