"""What a task shows of its examples, from the trained module to the report."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import unroll
from unroll.ledger import Ledger

STUDY = """\
question: Does attention help?
task: translation
settings:
  data: {sentences: 30}
  network: {embedding: 4, hidden: 6, dropout: 0.5}
  training: {epochs: 1, batch_size: 10}
compare:
  network.attention: [additive, none]
seeds: 1
wandb: {mode: disabled}
"""


def test_a_trial_keeps_them_and_the_report_shows_them(project: Path) -> None:
    (project / "studies" / "shown").mkdir()
    (project / "studies" / "shown" / "study.yaml").write_text(STUDY, encoding="utf-8")
    done = unroll.run("shown", runner="inline", progress=False)
    assert done.completed
    ledger = Ledger.open(done.folder)
    shown = {trial.arm: ledger.trial(trial.id).shown() for trial in ledger.plan().trials}
    looked, not_looked = shown["additive"], shown["none"]
    assert looked is not None
    assert not_looked is not None
    assert [each.title for each in looked.examples] == [each.title for each in not_looked.examples]
    for example in looked.examples:
        assert all(math.fsum(row) == pytest.approx(1, abs=1e-3) for row in example.values)
        assert len(example.columns) == len(example.texts["source"].split())
    assert not any(example.values for example in not_looked.examples)
    page = (done.folder / "report" / "report.md").read_text(encoding="utf-8")
    assert "## Examples" in page
    assert "charts/example_1_1.svg" in page
    assert "charts/free_running_distance_1.svg" in page
