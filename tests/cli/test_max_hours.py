"""``unroll run --max-hours``: what a run says that was too short, and what its report claims."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import unroll as from_python
from tests.cli.conftest import FakeRunner, Said
from unroll.ledger import Ledger
from unroll.reporting.findings import gather


def test_a_run_that_was_too_short_says_which_seeds_are_left_and_claims_over_the_others(
    project: Path, unroll: Callable[..., Said], runner: FakeRunner
) -> None:
    runner.leaves_out = lambda job: job.trial.seed == 3 or (job.trial.seed == 2 and job.trial.arm == "lstm")
    before = time.monotonic()
    said = unroll("run", "tiny", "seeds=4", "--max-hours", "1.5")
    assert runner.limit is not None
    assert before + 5400 <= runner.limit.until <= time.monotonic() + 5400
    assert said.code == 1
    assert "5 of 8 trials completed, 3 missing" in said.out
    assert (
        "time      too short for all: left for the next run are seeds 2–3; what is claimed is over 2 whole seeds (0–1)"
        in said.out
    )
    assert "continue  unroll run tiny seeds=4 --max-hours 1.5\n" in said.out

    ledger = Ledger.open(project / "results" / "tiny")
    assert ledger.runs()[-1].max_hours == 1.5
    findings = gather(ledger)
    assert findings.seeds_left_out == [2, 3]
    assert findings.summary.select("arm", "n").rows() == [("elman", 2), ("lstm", 2)]
    assert findings.differences.select("planned_pairs", "n").rows() == [(4, 2)]
    assert findings.coverage.select("arm", "completed").rows() == [("elman", 3), ("lstm", 2)], "nothing is hidden"
    page = (ledger.root / "report" / "report.md").read_text(encoding="utf-8")
    assert "The time was too short for seeds 2–3, left out of every mean, comparison and claim" in page
    assert "these are over 2 of 4 planned seeds" in page

    runner.leaves_out = lambda job: False
    before = time.monotonic()
    said = unroll("run", "tiny", "seeds=4", "--format", "json")
    assert (said.code, len(runner.ran)) == (0, 8)
    assert json.loads(said.out)["seeds_left_out"] == []
    assert runner.limit is None
    assert "The time was too short" not in (ledger.root / "report" / "report.md").read_text(encoding="utf-8")


def test_without_a_limit_a_study_that_was_interrupted_is_told_as_before(
    project: Path, unroll: Callable[..., Said], runner: FakeRunner
) -> None:
    runner.leaves_out = lambda job: job.trial.seed == 1 and job.trial.arm == "lstm"
    assert unroll("run", "tiny").code == 1
    findings = gather(Ledger.open(project / "results" / "tiny"))
    assert findings.seeds_left_out == []
    assert findings.summary.select("arm", "n").rows() == [("elman", 2), ("lstm", 1)]


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf"])
def test_a_limit_that_is_none_is_refused(
    hours: str, project: Path, unroll: Callable[..., Said], runner: FakeRunner
) -> None:
    said = unroll("run", "tiny", "--max-hours", hours)
    assert said.code == 2
    assert "must be above 0 and below 100,000" in said.err
    assert not (project / "results").exists()
    with pytest.raises(from_python.UserError, match="above 0"):
        from_python.run("tiny", max_hours=float(hours))
