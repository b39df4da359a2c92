"""A real study of eight short trials, run by the real command line in processes of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from unroll.ledger import Ledger

STUDY = """
question: Does a gate help on a very small language?
task: language_modeling
settings:
  data: {corpus: toy_language, sentences: 600}
  network: {hidden: 24, depth: 1, embedding: 16, dropout: 0.1}
  training: {epochs: 5, batch_size: 8, learning_rate: 2e-3}
compare:
  network.cell: [elman, lstm]
seeds: 4
metric: validation/perplexity
limits: {checkpoint_seconds: 0.2}
log_every_steps: 7
"""

TIMINGS = ("seconds", "items_per_second", "started", "finished")


class CommandLine:
    """Runs ``unroll`` as a user does.

    Args:
        folder: where the study and its results lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.study = folder / "studies" / "small" / "study.yaml"
        self.study.parent.mkdir(parents=True)
        self.study.write_text(STUDY, encoding="utf-8")
        self.environment = {**os.environ, "UNROLL_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}

    def command(self, *words: str) -> list[str]:
        return [str(Path(sys.executable).with_name("unroll")), *words]

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def call(self, *words: str, expect: int = 0, **environment: str) -> str:
        process = self.start(*words, **environment)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == expect, output
        return output

    def run(self, results: Path, *words: str, expect: int = 0, **environment: str) -> str:
        arguments = ("run", str(self.study), "--results", str(results), "--no-report", *words)
        return self.call(*arguments, expect=expect, **environment)

    def results(self, results: Path) -> list[dict[str, Any]]:
        """One object per trial, without what a clock decides."""
        said = self.call("results", str(results), "--format", "json")
        trials, _ = json.JSONDecoder().raw_decode(said)  # what else is said goes to people
        return [{key: value for key, value in trial.items() if key not in TIMINGS} for trial in trials]

    def history(self, results: Path) -> pl.DataFrame:
        """All that the trials logged, without what a clock decides."""
        ledger = Ledger.open(results)
        return ledger.history_frame(ledger.plan()).drop("seconds").sort("trial", "metric", "step")


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    return CommandLine(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def undisturbed(line: CommandLine) -> list[dict[str, Any]]:
    """What the study comes to when nothing happens to it."""
    folder = line.folder / "undisturbed"
    line.run(folder)
    trials = line.results(folder)
    assert len(trials) == 8
    assert {trial["status"] for trial in trials} == {"completed"}
    return trials
