"""Frames: the ledger as tables. Derived: everything here can be rebuilt from the records."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.ledger.columns import ENVIRONMENT, TRIAL_COLUMNS, check_metrics
from unroll.ledger.files import read_file, write_atomic
from unroll.ledger.history import Row
from unroll.ledger.outcome import Outcome
from unroll.study.trial import Trial

if TYPE_CHECKING:
    import polars as pl

MISSING = "missing"
"""Status of a planned trial without an outcome."""

_HISTORY_COLUMNS = {
    "trial": "String",
    "arm": "String",
    "seed": "Int64",
    "step": "Int64",
    "epoch": "Int64",
    "seconds": "Float64",
    "metric": "String",
    "value": "Float64",
}


def trials_table(trials: Sequence[Trial], outcomes: Mapping[str, Outcome], metrics: Iterable[str]) -> pl.DataFrame:
    """One row per trial, in order; one column per metric of ``metrics`` and of the outcomes.

    Raises:
        UserError: a metric is named like another column.
    """
    found = (name for trial in trials if trial.id in outcomes for name in outcomes[trial.id].metrics)
    names = list(dict.fromkeys([*metrics, *sorted(set(found))]))
    check_metrics(names)
    rows = [_trial_row(trial, outcomes.get(trial.id), names) for trial in trials]
    return _frame(rows, TRIAL_COLUMNS | dict.fromkeys(names, "Float64"))


def history_table(histories: Iterable[tuple[Trial, Iterable[Row]]]) -> pl.DataFrame:
    """One row per logged value, in the order given."""
    rows = [
        (trial.id, trial.arm, trial.seed, step, epoch, seconds, metric, value)
        for trial, history in histories
        for step, epoch, seconds, metric, value in history
    ]
    return _frame(rows, _HISTORY_COLUMNS)


def write_parquet(path: Path, frame: pl.DataFrame) -> None:
    """Write or replace a Parquet file in one step, unless it holds the very same bytes.

    Raises:
        StorageError: the disk refused.
    """
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    with contextlib.suppress(OSError):
        if read_file(path) == buffer.getvalue():
            return
    write_atomic(path, buffer.getvalue())


def _trial_row(trial: Trial, outcome: Outcome | None, metrics: Sequence[str]) -> tuple[Any, ...]:
    about = (trial.id, trial.study, trial.task, trial.arm, trial.seed, trial.phase)
    if outcome is None:
        empty = [None] * (len(TRIAL_COLUMNS) - len(about) - 3 + len(metrics))
        return (*about, MISSING, "", trial.parameters, *empty)
    speed = outcome.items / outcome.seconds if outcome.seconds > 0 else None
    epoch = outcome.selected.epoch if outcome.selected else None
    end = (outcome.status, outcome.message, trial.parameters, epoch, outcome.steps, outcome.items)
    environment = (outcome.environment.get(name) for name in ENVIRONMENT)
    return (*about, *end, outcome.seconds, speed, *environment, *map(outcome.metrics.get, metrics))


def _frame(rows: Sequence[tuple[Any, ...]], columns: Mapping[str, str]) -> pl.DataFrame:
    import polars as pl

    types = {"String": pl.String, "Int64": pl.Int64, "Float64": pl.Float64}
    return pl.DataFrame(rows, schema={name: types[kind] for name, kind in columns.items()}, orient="row")
