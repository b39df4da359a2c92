"""A project with one tiny study, being the working directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

STUDY = """\
question: Does gating help?
task: language_modeling
settings:
  data: {corpus: toy_language, sentences: 60}
  network: {embedding: 4, hidden: 6}
  training: {epochs: 1, batch_size: 4}
compare:
  network.cell: [elman, lstm]
seeds: 2
wandb: {mode: disabled}
"""


def make_project(root: Path) -> Path:
    """A project in this folder; its tasks are this repository's."""
    (root / "studies" / "tiny").mkdir(parents=True)
    (root / "tasks").mkdir()
    (root / "studies" / "tiny" / "study.yaml").write_text(STUDY, encoding="utf-8")
    return root


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = make_project(tmp_path / "project")
    monkeypatch.setenv("UNROLL_ROOT", str(root))
    monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(root)
    return root


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs a program in a process of its own, in a project that the module's tests share; gives its standard output."""
    root = make_project(tmp_path_factory.mktemp("shared") / "project")
    places = {"UNROLL_ROOT": str(root), "UNROLL_CACHE": str(root.parent / "cache"), "IPYTHONDIR": str(root.parent)}

    def run(*words: str) -> str:
        env = {**os.environ, **places}
        done = subprocess.run(
            [sys.executable, *words], cwd=root, env=env, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
