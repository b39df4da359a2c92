"""Every way in which a trial can end gets its own status, and none of them ends the study."""

import shutil
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent / "project"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    shutil.copytree(ROOT, folder)
    return folder


def test_typed_statuses(line: Any, project: Path) -> None:
    results, mark = project / "results", project / "mark"
    output = line.call(
        *("run", str(project / "studies" / "faults"), "--results", str(results), "--no-report"),
        f"training.mark={mark}",
        expect=1,
        UNROLL_ROOT=str(project),
    )
    trials = {trial["arm"]: trial for trial in line.results(results)}
    assert {arm: trial["status"] for arm, trial in trials.items()} == {
        "none": "completed",
        "diverges": "diverged",
        "raises": "failed_user",
        "refuses": "failed_user",
        "forgets": "failed_user",
        "hangs": "timeout",
        "exhausts": "out_of_memory",
        "fills_the_disk": "failed_infrastructure",
        "dies": "failed_infrastructure",
        "dies_once": "completed",
    }
    assert trials["dies_once"]["test/loss"] == trials["none"]["test/loss"]
    assert trials["diverges"]["steps"] == 6
    assert "ValueError: the fault that was asked for (tasks/line/task.py:" in trials["raises"]["message"]
    assert "points.txt:3: points must lie on a line" in trials["refuses"]["message"]
    assert trials["forgets"]["message"].startswith("task line: the task must log the metric that decides the study")
    assert "validation/mistaken" in trials["forgets"]["message"]
    folder = results / "trials" / trials["raises"]["trial"]
    assert "raise ValueError" in (folder / "traceback.txt").read_text()
    stacks = results / "trials" / trials["hangs"]["trial"]
    assert any("_fail" in path.read_text() for path in stacks.glob("stacks-*.txt"))
    assert "Traceback" not in output


@pytest.mark.slow
def test_failures_wait_for_retry_and_the_rest_is_tried_again(line: Any, project: Path) -> None:
    results = project / "results"
    study = ("run", str(project / "studies" / "faults"), "--results", str(results), "--no-report", "--runner", "inline")
    levels = "training.fault=none,raises,exhausts"
    line.call(*study, levels, expect=1, UNROLL_ROOT=str(project))

    def attempts() -> dict[str, int]:
        return {
            trial["arm"]: len(list((results / "trials" / trial["trial"] / "attempts").glob("*.json")))
            for trial in line.results(results)
        }

    line.call(*study, levels, expect=1, UNROLL_ROOT=str(project))
    assert attempts() == {"none": 1, "raises": 1, "exhausts": 2}
    line.call(*study, levels, "--retry", expect=1, UNROLL_ROOT=str(project))
    assert attempts() == {"none": 1, "raises": 2, "exhausts": 3}
