"""Frames: the ledger as tables. Derived: everything here can be rebuilt from the records."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.ledger.columns import ENVIRONMENT, TRIAL_COLUMNS, WARM_COLUMNS, check_metrics
from unroll.ledger.files import read_file, write_atomic
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


def trials_table(
    trials: Sequence[Trial], outcomes: Mapping[str, Outcome], metrics: Iterable[str], begun_with: Iterable[Trial] = ()
) -> pl.DataFrame:
    """One row per trial, in order; one column per metric of ``metrics`` and of the outcomes.

    Args:
        trials: the rows.
        outcomes: how they ended, and what they begin with.
        metrics: columns that are there whatever was logged.
        begun_with: trials that these begin with, as far as they are no rows.

    Raises:
        UserError: a metric is named like another column.
    """
    found = (name for trial in trials if trial.id in outcomes for name in outcomes[trial.id].metrics)
    names = list(dict.fromkeys([*metrics, *sorted(set(found))]))
    check_metrics(names)
    rows = [_trial_row(trial, outcomes.get(trial.id), names) for trial in trials]
    columns, logged = TRIAL_COLUMNS, dict.fromkeys(names, "Float64")
    if any(trial.warm_start for trial in trials):
        every = {trial.id: trial for trial in (*begun_with, *trials)}
        place = len(columns)
        rows = [
            (*row[:place], *_before(trial, every, outcomes), *row[place:])
            for trial, row in zip(trials, rows, strict=True)
        ]
        columns = columns | WARM_COLUMNS
    return _frame(rows, columns | logged)


def history_table(histories: Iterable[tuple[Trial, pl.DataFrame]]) -> pl.DataFrame:
    """One row per logged value, in the order given.

    Args:
        histories: trials with what they logged (``History.frame``).
    """
    import polars as pl

    parts = [
        history.with_columns(trial=pl.lit(trial.id), arm=pl.lit(trial.arm), seed=pl.lit(trial.seed, pl.Int64)).select(
            *_HISTORY_COLUMNS
        )
        for trial, history in histories
    ]
    return pl.concat(parts) if parts else empty_history()


def empty_history() -> pl.DataFrame:
    """A table of :func:`history_table` without rows."""
    return _frame([], _HISTORY_COLUMNS)


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """A frame as the bytes of a Parquet file; equal frames give equal bytes."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def unreadable() -> tuple[type[BaseException], ...]:
    """What reading a file raises that is no Parquet file, or a broken one: of some, Polars panics."""
    import polars as pl

    return OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException


def attempts_table(attempts: Iterable[tuple[Trial, bool, Sequence[Outcome]]]) -> pl.DataFrame:
    """One row per attempt.

    Args:
        attempts: a trial, whether it was set aside, and how its attempts ended, oldest first.
    """
    rows = [
        (trial.id, trial.arm, trial.seed, trial.phase, aside, outcome.status, seconds)
        for trial, aside, outcomes in attempts
        for outcome, seconds in zip(outcomes, _own_seconds(outcomes), strict=True)
    ]
    columns = {**{name: _HISTORY_COLUMNS[name] for name in ("trial", "arm", "seed")}, "phase": "String"}
    return _frame(rows, {**columns, "aside": "Boolean", "status": "String", "seconds": "Float64"})


def _own_seconds(outcomes: Sequence[Outcome]) -> list[float]:
    """What each attempt took: an attempt that goes on from a checkpoint counts on from the seconds that stand there.

    By its clock (whole seconds, so one is added) no attempt took longer than from its start to its end. The last one
    has at least what is left of its sum: an attempt before it that was killed wrote nothing down.
    """
    own = [min(outcome.seconds, _clock(outcome)) for outcome in outcomes]
    if own:
        own[-1] = max(own[-1], outcomes[-1].seconds - sum(own[:-1]))
    return own


def _clock(outcome: Outcome) -> float:
    """Longest time between start and end of an attempt; infinite where they are not known, or noted from outside."""
    try:
        took = (datetime.fromisoformat(outcome.finished) - datetime.fromisoformat(outcome.started)).total_seconds()
    except (TypeError, ValueError):
        return math.inf
    return took + 1 if took > 0 else math.inf


def write_parquet(path: Path, frame: pl.DataFrame) -> None:
    """Write or replace a Parquet file in one step, unless it holds the very same bytes.

    Raises:
        StorageError: the disk refused.
    """
    data = parquet_bytes(frame)
    with contextlib.suppress(OSError):
        if read_file(path) == data:
            return
    write_atomic(path, data)


def _trial_row(trial: Trial, outcome: Outcome | None, metrics: Sequence[str]) -> tuple[Any, ...]:
    about = (trial.id, trial.study, trial.task, trial.arm, trial.seed, trial.phase)
    if outcome is None:
        empty = [None] * (len(TRIAL_COLUMNS) - len(about) - 3 + len(metrics))
        return (*about, MISSING, "", trial.parameters, *empty)
    speed = outcome.items / outcome.seconds if outcome.seconds > 0 and outcome.items else None
    epoch = outcome.selected.epoch if outcome.selected else None
    end = (outcome.status, outcome.message, trial.parameters, epoch, outcome.steps, outcome.items)
    environment = (outcome.environment.get(name) for name in ENVIRONMENT)
    return (*about, *end, outcome.seconds, speed, *environment, *map(outcome.metrics.get, metrics))


def _before(
    trial: Trial, every: Mapping[str, Trial], outcomes: Mapping[str, Outcome]
) -> tuple[str | None, int | None, int | None, float | None]:
    """What a trial begins with, and what was spent on that and before; null as far as it is not known."""
    chain: list[Outcome] = []
    start = trial.warm_start
    while start is not None and start in every and start in outcomes:
        chain.append(outcomes[start])
        start = every[start].warm_start
    if not chain or start is not None:
        return trial.warm_start, None, None, None
    spent = sum(end.steps for end in chain), sum(end.items for end in chain), sum(end.seconds for end in chain)
    return trial.warm_start, *spent


def _frame(rows: Sequence[tuple[Any, ...]], columns: Mapping[str, str]) -> pl.DataFrame:
    import polars as pl

    types = {"String": pl.String, "Int64": pl.Int64, "Float64": pl.Float64, "Boolean": pl.Boolean}
    return pl.DataFrame(rows, schema={name: types[kind] for name, kind in columns.items()}, orient="row")
