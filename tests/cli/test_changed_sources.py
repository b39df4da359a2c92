"""A run over results of other source files: refused, kept or run anew, by choice, and always told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from unroll.contract import UserError
from unroll.ledger import Ledger
from unroll.study import planning, sources

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said

    Unroll = Callable[..., Said]

CELL = "tasks/recurrent/cells/lstm.py"


@pytest.fixture
def edited(project: Path, unroll: Unroll, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A finished study; a call edits the cell of one of its two arms."""
    unroll("run", "tiny", "--no-report")
    runner.ran.clear()
    real = sources.find_sources

    def edit() -> None:
        def changed(task: str, settings: dict[str, Any]) -> dict[str, str]:
            return {file: "edited" if file == CELL else text for file, text in real(task, settings).items()}

        monkeypatch.setattr(planning, "find_sources", changed)

    return edit


def test_results_of_another_cell_are_refused_with_the_file(
    edited: Callable[[], None], unroll: Unroll, runner: FakeRunner
) -> None:
    edited()
    said = unroll("run", "tiny", "seeds=3")
    assert (said.code, runner.ran) == (2, [])
    assert "results must come from the source files that run now" in said.err
    assert f"2 trials of lstm, before {CELL} changed" in said.err
    assert "--if-changed rerun" in said.err
    assert "--if-changed keep" in said.err
    told = json.loads(unroll("plan", "tiny", "--format", "json").out)
    assert any(CELL in warning for warning in told["warnings"])


def test_they_are_kept_by_choice_and_the_report_says_so(
    edited: Callable[[], None], unroll: Unroll, runner: FakeRunner
) -> None:
    edited()
    said = unroll("run", "tiny", "seeds=3", "--if-changed", "keep")
    assert said.code == 0
    assert f"were changed since: 2 trials of lstm, before {CELL} changed; these are kept" in said.out
    assert [job.trial.seed for job in runner.ran] == [2, 2]
    assert "--if-changed keep" in said.out, "what continues it says it again"
    page = Path("results/tiny/report/report.md").read_text(encoding="utf-8")
    assert f"Source files that gave results were changed since: 2 trials of lstm, before {CELL} changed." in page


def test_they_are_run_anew_by_choice_and_nothing_is_lost(
    edited: Callable[[], None], unroll: Unroll, runner: FakeRunner
) -> None:
    before = {path.read_bytes() for path in Path("results/tiny/trials").glob("*/attempts/0001.json")}
    edited()
    runner.metrics["validation/perplexity"] = 7.0
    said = unroll("run", "tiny", "--if-changed", "rerun")
    assert said.code == 0
    assert {job.trial.arm for job in runner.ran} == {"lstm"}
    assert "more      unroll run tiny seeds=6   (the report" in said.out, "not set aside again after the next edit"
    rows = json.loads(unroll("results", "tiny", "--format", "json").out)
    assert {row["arm"]: row["validation/perplexity"] for row in rows} == {"elman": 12.5, "lstm": 7.0}
    aside = {path.read_bytes() for path in Path("results/tiny/set_aside").glob("*-1/attempts/0001.json")}
    assert len(aside) == 2
    assert aside < before
    assert "changed since" not in Path("results/tiny/report/report.md").read_text(encoding="utf-8")
    runner.ran.clear()
    assert (unroll("run", "tiny").code, runner.ran) == (0, [])


@pytest.mark.parametrize(
    "refused",
    [{"refusal": UserError("Ray did not start")}, {"metrics": {"validation/perplexity": 7.0}, "stop_after": 1}],
)
def test_a_run_that_is_refused_sets_nothing_aside_and_one_that_began_everything(
    refused: dict[str, Any], edited: Callable[[], None], unroll: Unroll, runner: FakeRunner
) -> None:
    edited()
    before = unroll("results", "tiny", "--format", "json").out
    for name, value in refused.items():
        setattr(runner, name, value)
    said = unroll("run", "tiny", "--if-changed", "rerun")
    begun = "stop_after" in refused
    assert said.code == (130 if begun else 2)
    assert len(list(Path("results/tiny/set_aside").iterdir())) == (2 if begun else 0)
    assert (unroll("results", "tiny", "--format", "json").out == before) is not begun


def test_a_second_set_aside_keeps_the_first(edited: Callable[[], None], unroll: Unroll, runner: FakeRunner) -> None:
    ledger, trial = Ledger.open(Path("results/tiny")), next(Path("results/tiny/trials").iterdir()).name
    ledger.set_aside(trial)
    unroll("run", "tiny", "--no-report")
    assert [job.trial.id for job in runner.ran] == [trial]
    ledger.set_aside(trial)
    assert sorted(path.name for path in Path("results/tiny/set_aside").iterdir()) == [f"{trial}-1", f"{trial}-2"]


def test_other_code_is_told_even_if_nobody_knows_which(edited: Callable[[], None], unroll: Unroll) -> None:
    for record in Path("results/tiny/sources").iterdir():
        record.unlink()
    edited()
    said = unroll("run", "tiny")
    assert said.code == 2
    assert "2 trials of lstm, before source files that are no longer known changed" in said.err


def test_results_that_tell_no_sources_are_believed(edited: Callable[[], None], unroll: Unroll) -> None:
    ledger = Ledger.open(Path("results/tiny"))
    for trial in ledger.plan().trials:
        outcome = ledger.trial(trial.id).outcome()
        assert outcome
        ledger.set_aside(trial.id)
        ledger.register(trial)
        ledger.record(outcome.model_copy(update={"sources": ""}))
    edited()
    assert unroll("run", "tiny", "--no-report").code == 0


def test_what_failed_is_run_again_once_its_sources_were_changed(
    edited: Callable[[], None], unroll: Unroll, runner: FakeRunner
) -> None:
    runner.status = lambda job: "failed_user"
    unroll("run", "tiny", "seeds=3", "--no-report")
    runner.ran.clear()
    runner.status = lambda job: "completed"
    said = unroll("run", "tiny", "seeds=3", "--no-report")
    assert "6 trials, 4 done before, 2 failed before and wait for --retry, 0 to run" in said.out
    edited()
    unroll("run", "tiny", "seeds=3", "--no-report", "--if-changed", "keep")
    assert [(job.trial.arm, job.trial.seed) for job in runner.ran] == [("lstm", 2)]
