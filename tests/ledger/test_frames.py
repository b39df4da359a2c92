"""The ledger as tables: one row per planned trial, every number as it was."""

import math
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from unroll.ledger import MISSING, HistoryRow, Ledger, Outcome
from unroll.study.plan import Plan
from unroll.study.trial import Trial

TRIAL_COLUMNS = {
    "trial": pl.String,
    "study": pl.String,
    "task": pl.String,
    "arm": pl.String,
    "seed": pl.Int64,
    "phase": pl.String,
    "status": pl.String,
    "message": pl.String,
    "parameters": pl.Int64,
    "selected_epoch": pl.Int64,
    "steps": pl.Int64,
    "items": pl.Int64,
    "seconds": pl.Float64,
    "items_per_second": pl.Float64,
    "device": pl.String,
    "vectors": pl.String,
    "threads": pl.String,
    "loop": pl.String,
    "compiler": pl.String,
    "torch": pl.String,
    "cudnn": pl.String,
    "python": pl.String,
    "system": pl.String,
    "validation/perplexity": pl.Float64,
}
HISTORY_COLUMNS = {
    "trial": pl.String,
    "arm": pl.String,
    "seed": pl.Int64,
    "step": pl.Int64,
    "epoch": pl.Int64,
    "seconds": pl.Float64,
    "metric": pl.String,
    "value": pl.Float64,
}


def test_an_empty_ledger_has_the_same_columns(ledger: Ledger, make_plan: Callable[..., Plan]) -> None:
    for count in (0, 2):
        trials = ledger.trials_frame(make_plan(count))
        assert dict(trials.schema) == TRIAL_COLUMNS
        assert trials["status"].to_list() == ["missing"] * count
        assert dict(ledger.history_frame(make_plan(count)).schema) == HISTORY_COLUMNS
    assert ledger.every_trial_frame().is_empty()


def test_one_row_per_planned_trial_in_order(
    ledger: Ledger, make_plan: Callable[..., Plan], make_outcome: Callable[..., Outcome]
) -> None:
    plan = make_plan(4)
    ledger.record(make_outcome(2, message="", metrics={"validation/perplexity": 9.0, "test/perplexity": 10}))
    ledger.record(make_outcome(1, status="diverged", message="NaN at step 7", metrics={"test/accuracy": math.nan}))
    ledger.record(make_outcome(9))  # of no trial of this plan
    ledger.record(make_outcome(0, seconds=0.0))
    frame = ledger.trials_frame(plan)
    assert dict(frame.schema) == TRIAL_COLUMNS | {"test/accuracy": pl.Float64, "test/perplexity": pl.Float64}
    assert frame["trial"].to_list() == [trial.id for trial in plan.trials]
    assert frame["seed"].to_list() == [0, 1, 2, 3]
    assert frame["status"].to_list() == ["completed", "diverged", "completed", "missing"]
    assert frame["message"].to_list() == ["", "NaN at step 7", "", ""]
    assert frame["items_per_second"].to_list() == [None, 3200.0, 3200.0, None]
    assert frame["test/perplexity"].to_list() == [None, None, 10.0, None]
    assert frame["steps"].to_list() == [100, 100, 100, None]
    assert frame["parameters"].to_list() == [1234] * 4


def test_what_a_trial_ran_on_has_columns_and_its_host_has_none(
    ledger: Ledger, make_plan: Callable[..., Plan], make_outcome: Callable[..., Outcome]
) -> None:
    found = {"device": "Xeon", "threads": "2", "torch": "2.13.0+cpu", "python": "3.11.2", "host": "node-7"}
    ledger.record(make_outcome(0, environment=found))
    ledger.record(make_outcome(1))
    columns = ["device", "threads", "torch", "python", "cudnn", "system"]
    frame = ledger.trials_frame(make_plan(3))
    assert frame.select(columns).rows() == [("Xeon", "2", "2.13.0+cpu", "3.11.2", None, None), (None,) * 6, (None,) * 6]
    assert "host" not in frame.columns


def test_the_example_of_the_docs_averages_completed_trials_only(
    ledger: Ledger,
    make_plan: Callable[..., Plan],
    make_outcome: Callable[..., Outcome],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = Path(__file__).parents[2] / "docs" / "results-folder.md"
    (example,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ledger.record(make_outcome(0, metrics={"validation/perplexity": 9.0}))
    ledger.record(make_outcome(1, status="timeout", metrics={"validation/perplexity": 5000.0}))
    ledger.compact(make_plan(2))
    (ledger.root.parent / "quickstart").symlink_to(ledger.root)
    monkeypatch.chdir(ledger.root.parent)
    exec(example.replace("results/quickstart", "quickstart"), {})
    assert "9.0" in (told := capsys.readouterr().out)
    assert "2504" not in told


def test_nan_and_infinities_are_values_and_absence_is_null(
    ledger: Ledger, make_plan: Callable[..., Plan], make_outcome: Callable[..., Outcome]
) -> None:
    values = [math.nan, math.inf, -math.inf, -0.0]
    for number, value in enumerate(values):
        ledger.record(make_outcome(number, metrics={"m": value}))
    ledger.compact(make_plan(5))
    for frame in (ledger.trials_frame(make_plan(5)), pl.read_parquet(ledger.root / "trials.parquet")):
        assert [value.hex() for value in frame["m"].head(4)] == [value.hex() for value in values]
        assert frame["m"].null_count() == 1
        assert frame["validation/perplexity"].null_count() == 5


def test_metrics_may_be_integers_first_and_change_late(
    ledger: Ledger, make_plan: Callable[..., Plan], make_outcome: Callable[..., Outcome]
) -> None:
    for number in range(150):
        metrics: dict[str, Any] = {"m": 1} if number < 149 else {"m": 0.5, "late": 2.0}
        ledger.record(Outcome.model_validate(make_outcome(number).model_dump() | {"metrics": metrics}))
    frame = ledger.trials_frame(make_plan(150))
    assert frame["m"].to_list() == [1.0] * 149 + [0.5]
    assert frame["late"].to_list() == [None] * 149 + [2.0]


def test_history_is_long_and_ordered_by_trial_and_step(
    ledger: Ledger, make_plan: Callable[..., Plan], make_row: Callable[..., HistoryRow]
) -> None:
    ledger.trial("trial0001").append_history([make_row(20, math.inf, "b"), make_row(10, 1.0, "a")], step=20)
    ledger.trial("trial0000").append_history([make_row(5, math.nan, "a")], step=7)
    ledger.trial("trial0009").append_history([make_row(5, 1.0, "a")], step=7)  # of no trial of this plan
    ledger.compact(make_plan(2))
    for frame in (ledger.history_frame(make_plan(2)), pl.read_parquet(ledger.root / "history.parquet")):
        assert dict(frame.schema) == HISTORY_COLUMNS
        rows = frame.drop("value").rows()
        assert rows == [
            ("trial0000", "lstm", 0, 5, 1, 0.5, "a"),
            ("trial0001", "lstm", 1, 10, 1, 0.5, "a"),
            ("trial0001", "lstm", 1, 20, 1, 0.5, "b"),
        ]
        assert [value.hex() for value in frame["value"]] == ["nan", (1.0).hex(), "inf"]


def test_every_trial_that_was_registered(
    ledger: Ledger, make_trial: Callable[..., Trial], make_outcome: Callable[..., Outcome]
) -> None:
    for number in (2, 0, 1):
        ledger.register(make_trial(number, arm=f"arm {number}"))
    ledger.record(make_outcome(1))
    (ledger.root / "trials" / "notes").mkdir()
    (ledger.root / "trials" / "file").touch()
    frame = ledger.every_trial_frame()
    assert frame["arm"].to_list() == ["arm 0", "arm 1", "arm 2"]
    assert frame["status"].to_list() == ["missing", "completed", "missing"]
    assert ledger.damage() == []


def test_results_of_other_plans_are_left_out_of_one(
    ledger: Ledger,
    make_trial: Callable[..., Trial],
    make_outcome: Callable[..., Outcome],
    make_plan: Callable[..., Plan],
) -> None:
    for number in range(5):
        ledger.register(make_trial(number, arm=f"arm {9 - number}"))
    for number, status in enumerate(("completed", "completed", "diverged", "timeout")):
        ledger.record(make_outcome(number, status=status))
    assert [trial.arm for trial in ledger.left_out(make_plan(1))] == ["arm 7", "arm 8"]
    assert ledger.left_out(make_plan(3)) == []


@pytest.mark.parametrize("name", ["arm", "torch"])
def test_a_metric_named_like_a_column_is_told(
    ledger: Ledger, make_plan: Callable[..., Plan], make_outcome: Callable[..., Outcome], name: str
) -> None:
    ledger.record(make_outcome(metrics={name: 1.0}))  # a copy that nobody checked
    assert ledger.trials_frame(make_plan())["status"].unique().to_list() == [MISSING]
    (damage,) = ledger.damage()
    assert f"outcome with metrics: Value error, '{name}': a metric must not be named like a column" in str(damage)


def test_light_commands_do_not_wait_for_polars() -> None:
    import subprocess

    code = "import sys, unroll.ledger; sys.exit(any(name in sys.modules for name in ('polars', 'torch', 'ray')))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
