"""``unroll run``: exit codes, what it says, what it leaves, and that it runs only what is missing."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from unroll.interruption import Interrupted
from unroll.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said
    from unroll.ledger import Status
    from unroll.study import Job

    Unroll = Callable[..., Said]

pytestmark = pytest.mark.usefixtures("project")


def test_a_run_of_which_all_completed_exits_with_0_and_tells_how_to_go_on(unroll: Unroll, runner: FakeRunner) -> None:
    said = unroll("run", "tiny", "training.epochs=2")
    assert said.code == 0
    assert len(runner.ran) == 4
    assert "4 of 4 trials completed" in said.out
    assert "results/tiny/report/report.html" in said.out
    assert "unroll run tiny seeds=6 training.epochs=2" in said.out
    assert Path("results/tiny/report/report.md").read_text(encoding="utf-8")


def test_a_finished_study_runs_nothing_and_leaves_no_second_record(unroll: Unroll, runner: FakeRunner) -> None:
    unroll("run", "tiny", "--no-report")
    runner.ran.clear()
    said = unroll("run", "tiny", "--no-report")
    assert (said.code, runner.ran) == (0, [])
    assert "4 trials, 4 done before, 0 to run" in said.out
    assert len(list(Path("results/tiny/runs").iterdir())) == 1


@pytest.mark.usefixtures("runner")
def test_a_report_that_is_current_is_left_alone_and_one_that_is_not_is_written(unroll: Unroll) -> None:
    unroll("run", "tiny")
    page, table = Path("results/tiny/report/report.html"), Path("results/tiny/trials.parquet")
    before = page.stat().st_mtime_ns
    assert "results/tiny/report/report.html" in unroll("run", "tiny").out
    assert page.stat().st_mtime_ns == before
    unroll("run", "tiny", "seeds=1")
    assert page.stat().st_mtime_ns != before
    assert len(pl.read_parquet(table)) == 2
    page.unlink()
    unroll("run", "tiny", "seeds=1")
    assert page.is_file()


def test_more_seeds_run_only_what_is_missing(unroll: Unroll, runner: FakeRunner) -> None:
    unroll("run", "tiny", "--no-report")
    runner.ran.clear()
    unroll("run", "tiny", "seeds=3", "--no-report")
    assert [(job.trial.arm, job.trial.seed) for job in runner.ran] == [("elman", 2), ("lstm", 2)]


@pytest.mark.usefixtures("runner")
def test_seeds_that_are_listed_are_continued_as_a_list(unroll: Unroll) -> None:
    said = unroll("run", "tiny", "seeds=[3, 7]", "--no-report")
    assert "unroll run tiny 'seeds=[3, 7, 8, 9, 10, 11]' --no-report   (the report tells" in said.out
    assert "8 trials, 4 done before, 4 to run" in unroll("run", "tiny", "seeds=[3, 7, 8, 9]", "--no-report").out


def test_another_value_of_a_setting_runs_new_trials_beside_the_old(unroll: Unroll, runner: FakeRunner) -> None:
    unroll("run", "tiny", "--no-report")
    unroll("run", "tiny", "training.epochs=2", "--no-report")
    assert len({job.trial.id for job in runner.ran}) == 8
    assert len(json.loads(unroll("results", "tiny", "--format", "json").out)) == 4
    assert len(json.loads(unroll("results", "tiny", "--all", "--format", "json").out)) == 8


@pytest.mark.parametrize("status", ["diverged", "failed_user", "timeout", "out_of_memory", "failed_infrastructure"])
def test_a_trial_that_did_not_complete_makes_exit_code_1(unroll: Unroll, runner: FakeRunner, status: Status) -> None:
    runner.status = lambda job: status if job.trial.seed == 1 and job.trial.arm == "lstm" else "completed"
    said = unroll("run", "tiny")
    assert said.code == 1
    assert f"3 of 4 trials completed, 1 {status}" in said.out
    assert f"lstm seed 1 {status}, validation/perplexity 12.50 (1.5 s): it {status}" in said.out


def test_what_failed_by_a_mistake_waits_for_retry(unroll: Unroll, runner: FakeRunner) -> None:
    runner.status = lambda job: "failed_user" if job.trial.arm == "lstm" else "completed"
    said = unroll("run", "tiny", "--no-report")
    assert "unroll run tiny --no-report --retry" in said.out
    runner.ran.clear()
    assert unroll("run", "tiny", "--no-report").code == 1
    assert runner.ran == []
    runner.status = lambda job: "completed"
    assert unroll("run", "tiny", "--retry", "--no-report").code == 0
    assert [job.trial.arm for job in runner.ran] == ["lstm", "lstm"]


def test_an_interrupted_run_exits_with_130_and_prints_the_command_that_continues(
    unroll: Unroll, runner: FakeRunner, tmp_path: Path
) -> None:
    runner.stop_after = 3
    results = str(tmp_path / "my results")
    said = unroll("run", "tiny", "seeds=3", "--results", results)
    assert said.code == 130
    assert said.out.rstrip().endswith(f"continue  unroll run tiny seeds=3 --results '{results}'")
    assert "3 of 6 trials completed, 3 missing" in said.out
    assert not (tmp_path / "my results" / "report").exists()
    runner.stop_after = None
    assert unroll("run", "tiny", "seeds=3", "--results", results).code == 0
    assert len(runner.ran) == 6


def test_a_second_interrupt_leaves_at_once_and_is_recorded(unroll: Unroll, runner: FakeRunner) -> None:
    runner.stop_after, runner.error = None, Interrupted()
    said = unroll("run", "tiny")
    assert said.code == 130
    assert "continue  unroll run tiny" in said.out
    (run,) = Ledger.open(Path("results/tiny")).runs()
    assert run.interrupted
    assert run.finished


def test_off_a_terminal_there_is_one_plain_line_for_each_trial(unroll: Unroll, runner: FakeRunner) -> None:
    lines = unroll("run", "tiny", "--no-report").out.splitlines()
    assert lines[:5] == [
        "4 trials, 0 done before, 4 to run",
        "[1/4] elman seed 0 completed, validation/perplexity 12.50 (1.5 s)",
        "[2/4] lstm seed 0 completed, validation/perplexity 12.50 (1.5 s)",
        "[3/4] elman seed 1 completed, validation/perplexity 12.50 (1.5 s)",
        "[4/4] lstm seed 1 completed, validation/perplexity 12.50 (1.5 s)",
    ]
    assert all(line.isprintable() for line in lines)


def test_json_alone_is_on_standard_output(unroll: Unroll, runner: FakeRunner) -> None:
    runner.metrics["validation/perplexity"] = math.inf
    said = unroll("run", "tiny", "--format", "json")
    told = json.loads(said.out)
    assert told["counts"] == {"completed": 4}
    assert (told["planned"], told["done_before"], told["interrupted"]) == (4, 0, False)
    assert [arm["arm"] for arm in told["arms"]] == ["elman", "lstm"]
    assert told["report"] == "results/tiny/report/report.html"
    assert "[4/4]" in said.err


def test_csv_alone_is_on_standard_output(unroll: Unroll, runner: FakeRunner) -> None:
    said = unroll("run", "tiny", "--no-report", "--format", "csv")
    assert said.out.splitlines()[0] == "arm,parameters,planned,completed,validation/perplexity,sd"
    assert len(said.out.splitlines()) == 3


def test_a_folder_has_one_owner(unroll: Unroll, runner: FakeRunner) -> None:
    with Ledger.create(Path("results/tiny")).lock("unroll run tiny"):
        said = unroll("run", "tiny")
    assert said.code == 2
    assert said.err.startswith("error: ")
    assert "must have one owner at a time" in said.err
    assert len(said.err.splitlines()) == 1
    assert runner.ran == []


def test_results_go_into_no_folder_that_holds_something_else(
    unroll: Unroll, runner: FakeRunner, tmp_path: Path
) -> None:
    (tmp_path / "diary.txt").write_text("dear diary", encoding="utf-8")
    said = unroll("run", "tiny", "--results", str(tmp_path))
    assert said.code == 2
    assert "an empty one or one that holds results" in said.err
    assert runner.ran == []


@pytest.mark.usefixtures("runner")
def test_a_run_records_where_its_results_come_from(unroll: Unroll) -> None:
    unroll("run", "tiny", "--no-report")
    (run,) = Ledger.open(Path("results/tiny")).runs()
    assert run.command == ["unroll", "run", "tiny", "--no-report"]
    assert run.counts == {"completed": 4}
    assert (run.planned, run.done_before, run.interrupted) == (4, 0, False)
    assert {"python", "torch", "unroll"} <= run.versions.keys()
    assert {"host", "processor", "cores"} <= run.hardware.keys()
    assert (run.git_commit, run.git_dirty) == ("", None)


def test_a_run_that_is_killed_has_recorded_what_it_began(unroll: Unroll, runner: FakeRunner) -> None:
    runner.stop_after = 1
    unroll("run", "tiny", "--no-report")
    runner.stop_after, seen = None, []

    def look(job: Job) -> Status:
        seen.append(Ledger.open(Path("results/tiny")).runs()[-1])  # all that would be left if it were killed now
        return "completed"

    runner.status = look
    unroll("run", "tiny", "--no-report")
    assert [(run.finished, run.planned, run.done_before) for run in seen] == [("", 4, 1)] * 3
    assert all("torch" in run.versions for run in seen)


@pytest.mark.usefixtures("runner")
def test_no_key_of_the_environment_reaches_a_file(
    unroll: Unroll, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "canary-" + "5" * 40)
    unroll("run", "tiny")
    files = [file for file in project.rglob("*") if file.is_file()]
    assert len(files) > 20
    assert not [file for file in files if b"canary-" in file.read_bytes()]


def test_the_inline_runner_has_no_cluster(unroll: Unroll) -> None:
    said = unroll("run", "tiny", "--runner", "inline", "--address", "auto")
    assert said.code == 2
    assert "--address" in said.err
    assert not Path("results").exists()


def test_damaged_files_are_named(unroll: Unroll, runner: FakeRunner) -> None:
    unroll("run", "tiny", "--no-report")
    outcome = next(Path("results/tiny/trials").glob("*/attempts/0001.json"))
    outcome.write_bytes(outcome.read_bytes()[:-20])
    runner.ran.clear()
    said = unroll("run", "tiny", "--no-report")
    assert said.code == 0
    assert [job.trial.id for job in runner.ran] == [outcome.parents[1].name]
    assert "damaged: " in said.out
    assert str(outcome) in said.out


def test_trials_without_the_compiled_loop_are_told_once_and_counted(unroll: Unroll, runner: FakeRunner) -> None:
    runner.environment = {"loop": "plain: there is no C compiler"}
    said = unroll("run", "tiny", "--no-report")
    assert (said.out + said.err).count("elman runs without the compiled loop, which is slower: there is no C") == 1
    assert "4 of 4 trials ran without the compiled loop, which is slower: there is no C compiler" in said.out
    runner.environment = {"loop": "compiled"}
    assert "without the compiled loop" not in unroll("run", "tiny", "--no-report", "--results", "other").out
