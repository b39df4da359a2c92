"""A trial's numbers do not depend on its neighbours, its process, its place in the queue or the runner."""

from pathlib import Path
from typing import Any

import pytest


def by_trial(trials: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {trial["trial"]: trial for trial in trials}


def test_alone_in_a_reused_process_and_in_the_twin(
    line: Any, undisturbed: list[dict[str, Any]], tmp_path: Path
) -> None:
    expected = by_trial(undisturbed)  # two at a time, in processes that serve one trial after another
    assert {trial["loop"] for trial in undisturbed} == {"compiled"}
    assert all(trial["compiler"] and trial["vectors"] for trial in undisturbed)

    line.run(tmp_path / "inline", "--runner", "inline", PYTHONHASHSEED="1")
    assert by_trial(line.results(tmp_path / "inline")) == expected

    line.run(tmp_path / "alone", "seeds=[3]", "network.cell=lstm", PYTHONHASHSEED="3")
    (alone,) = line.results(tmp_path / "alone")
    assert alone["trial"] in expected
    assert alone == {**expected[alone["trial"]], "arm": alone["arm"]}


@pytest.mark.slow
def test_among_eight(line: Any, undisturbed: list[dict[str, Any]], tmp_path: Path) -> None:
    line.run(tmp_path / "crowd", "resources.cpus=0.25", PYTHONHASHSEED="2")  # all eight at the same time
    assert by_trial(line.results(tmp_path / "crowd")) == by_trial(undisturbed)


@pytest.mark.slow
def test_a_finished_study_runs_nothing_and_grows_by_what_is_missing(line: Any, tmp_path: Path) -> None:
    results = tmp_path / "results"
    line.run(results, "seeds=1", "--runner", "inline")
    first = line.results(results)
    records = {path: path.stat().st_mtime_ns for path in results.glob("trials/*/attempts/*.json")}
    assert len(records) == 2

    line.run(results, "seeds=1", "--runner", "inline")
    line.run(results, "seeds=2", "--runner", "inline")
    grown = line.results(results)
    after = {path: path.stat().st_mtime_ns for path in results.glob("trials/*/attempts/*.json")}
    assert len(after) == 4
    assert {path: after[path] for path in records} == records
    assert [trial for trial in grown if trial["seed"] == 0] == first

    line.run(results, "seeds=1", "training.learning_rate=3e-3", "--runner", "inline")
    other = line.results(results)
    assert len(other) == 2
    assert not {trial["trial"] for trial in other} & {trial["trial"] for trial in grown}
