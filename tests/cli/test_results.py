"""``unroll results``, ``report`` and ``status``: what is recorded, for people and for programs."""

from __future__ import annotations

import csv
import io
import json
import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unroll.ledger import Ledger, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said

    Unroll = Callable[..., Said]

pytestmark = pytest.mark.usefixtures("project")
KEYS = ("trial", "study", "task", "arm", "seed", "phase", "status", "parameters", "steps", "seconds")


def test_json_has_one_object_for_each_trial_with_every_final_metric(unroll: Unroll, runner: FakeRunner) -> None:
    unroll("run", "tiny", "--no-report")
    said = unroll("results", "tiny", "--format", "json")
    rows = json.loads(said.out)
    assert said.err == ""
    assert [(row["arm"], row["seed"]) for row in rows] == [("elman", 0), ("lstm", 0), ("elman", 1), ("lstm", 1)]
    assert all(set(KEYS) <= row.keys() for row in rows)
    first = rows[0]
    assert (first["study"], first["task"], first["phase"]) == ("tiny", "language_modeling", "confirm")
    assert (first["status"], first["steps"], first["seconds"]) == ("completed", 7, 1.5)
    assert {name: first[name] for name in runner.metrics} == runner.metrics
    assert len({row["trial"] for row in rows}) == 4


def test_numbers_survive_json_and_csv(unroll: Unroll, runner: FakeRunner) -> None:
    exact = 0.1 + 0.2
    runner.metrics.update({"validation/perplexity": exact, "test/perplexity": math.nan, "train/perplexity": -math.inf})
    unroll("run", "tiny", "--no-report")
    row = json.loads(unroll("results", "tiny", "--format", "json").out)[0]
    assert row["validation/perplexity"] == exact
    assert (row["test/perplexity"], row["train/perplexity"]) == ("NaN", "-Infinity")
    (line, *_) = csv.DictReader(io.StringIO(unroll("results", "tiny", "-f", "csv").out))
    assert float(line["validation/perplexity"]) == exact
    assert (line["test/perplexity"], line["train/perplexity"]) == ("NaN", "-Infinity")


def test_the_table_has_no_column_for_a_metric_that_no_trial_has(unroll: Unroll, runner: FakeRunner) -> None:
    del runner.metrics["train/perplexity"]
    unroll("run", "tiny", "--no-report")
    head = unroll("results", "tiny").out.split("─")[0]
    assert "test/perplexity" in head
    assert "train/perplexity" not in head
    assert "train/perplexity" in json.loads(unroll("results", "tiny", "--format", "json").out)[0]


def test_trials_without_an_outcome_are_there_too(unroll: Unroll, runner: FakeRunner) -> None:
    runner.stop_after = 1
    unroll("run", "tiny")
    rows = json.loads(unroll("results", "tiny", "--format", "json").out)
    assert [row["status"] for row in rows] == ["completed", "missing", "missing", "missing"]
    assert rows[1]["validation/perplexity"] is None


def test_a_part_of_a_study_is_told_to_be_one(unroll: Unroll, runner: FakeRunner) -> None:
    unroll("run", "tiny", "--no-report")
    assert "leaves out" not in unroll("results", "tiny").out
    unroll("run", "tiny", "network.cell=lstm", "--no-report")
    told = (
        "On the command line the study was changed: network.cell=lstm. `unroll run tiny` without these "
        "changes reports the study as its file declares it, and runs only what is missing.\n"
        "The folder also holds 2 trials that this plan leaves out: 2 of elman.\n"
    )
    assert unroll("results", "tiny").out.endswith(told)
    said = unroll("results", "tiny", "--format", "json")
    looked = "decided after looking at results: 2 changes of the analysis, which the report lists\n"
    assert (len(json.loads(said.out)), said.err) == (2, looked + told)
    assert "leaves out" not in unroll("results", "tiny", "--all").out
    assert unroll("status", "tiny").out.endswith(told)
    assert json.loads(unroll("status", "tiny", "--format", "json").out)["warnings"] == (looked + told).splitlines()


def test_numbers_that_are_doubtful_are_told_below_them(unroll: Unroll, runner: FakeRunner) -> None:
    runner.metrics |= {"validation/perplexity": 42.0, "test/perplexity": 449.0}
    unroll("run", "tiny", "--no-report")
    said = unroll("results", "tiny", "--format", "json").err
    assert "On test/perplexity no better on average than a model that ignores the input (" in said
    assert "and 20 %: elman 42.0 and 449.0; lstm 42.0 and 449.0. Check before relying" in said
    assert said.splitlines() == unroll("results", "tiny").out.splitlines()[-2:]


def test_a_results_folder_is_named_by_itself_or_by_its_study(
    unroll: Unroll, runner: FakeRunner, tmp_path: Path
) -> None:
    unroll("run", "tiny", "--no-report")
    by_name = unroll("results", "tiny").out
    assert by_name.count("completed") == 4
    shutil.move("results/tiny", tmp_path / "moved")
    assert unroll("results", str(tmp_path / "moved")).out == by_name
    assert unroll("results", "tiny").code == 2


def test_a_study_is_not_taken_for_a_folder_of_its_name(unroll: Unroll, runner: FakeRunner) -> None:
    unroll("run", "tiny", "--no-report")
    for name in ("studies/tiny", "studies/tiny/study.yaml", "results/tiny"):
        assert unroll("results", name).out == unroll("results", "tiny").out


def test_the_report_can_be_written_anew_and_shown(
    unroll: Unroll, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    unroll("run", "tiny", "--no-report")
    shown: list[str] = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    said = unroll("report", "tiny", "--open")
    page = Path("results/tiny/report/report.html").resolve()
    assert said.out.splitlines()[0] == "report    results/tiny/report/report.html"
    assert shown == [page.as_uri()]
    assert page.is_file()


def test_status_tells_of_all_studies_and_hides_none_behind_a_broken_one(unroll: Unroll, runner: FakeRunner) -> None:
    unroll("run", "tiny", "--no-report")
    Path("results/broken").mkdir()
    rows = json.loads(unroll("status", "--format", "json").out)
    assert [row["study"] for row in rows] == ["broken", "tiny"]
    assert "must hold trials and runs" in rows[0]["problem"]
    assert (rows[1]["planned"], rows[1]["completed"]) == (4, 4)


def test_status_without_any_results_says_so(unroll: Unroll) -> None:
    assert unroll("status").out == "there are no results yet: unroll run STUDY\n"
    assert json.loads(unroll("status", "--format", "json").out) == []


def test_status_shows_who_runs_what(unroll: Unroll, runner: FakeRunner) -> None:
    runner.stop_after = 1
    unroll("run", "tiny")
    ledger = Ledger.open(Path("results/tiny"))
    trial = ledger.plan().trials[1]
    ledger.note_progress(Progress(trial=trial.id, host="node-7", pid=1, step=40, epoch=2, steps=1000, seconds=12.0))
    assert json.loads(unroll("status", "tiny", "--format", "json").out)["running"] == []
    with ledger.lock("unroll run tiny"):
        told = json.loads(unroll("status", "tiny", "--format", "json").out)
        text = unroll("status", "tiny").out
    assert told["counts"] == {"missing": 3, "completed": 1}
    assert told["owned_by"].startswith("process ")
    (running,) = told["running"]
    assert (running["running"], running["host"], running["step"]) == ("lstm seed 0", "node-7", "40 of 1,000")
    assert "lstm seed 0" in text
    assert "nothing runs here now" in unroll("status", "tiny").out


def test_status_prints_the_command_that_sends_what_wandb_lacks(unroll: Unroll, runner: FakeRunner) -> None:
    unroll("run", "tiny", "--no-report")
    run = Path("results/tiny/wandb/offline-run-20260101_000000-abc")
    run.mkdir(parents=True)
    (run / "run-abc.wandb").write_bytes(b"more than a header")
    said = unroll("status", "tiny")
    assert "unroll sync results/tiny" in said.out
    assert "1 run is unsynced, on disk only" in unroll("run", "tiny", "--no-report").out
