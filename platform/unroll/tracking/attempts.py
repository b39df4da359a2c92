"""All attempts at one trial as the one run that W&B is to show: every step once. Imports wandb: import it late."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from unroll.tracking.service import STEP
from unroll.tracking.transactions import Log, read_log, write_log

SENT = frozenset(
    {
        *("header", "run", "config", "metric", "history", "summary", "exit", "telemetry"),
        *("files", "stats", "environment", "output", "output_raw"),
    }
)
"""Kinds of records that are sent. Not those of artifacts: they name files anywhere on the disk, and the log may be a
stranger's."""
OWN = "_"
"""W&B's own names begin with this: of a row ``_step``, ``_timestamp``, ``_runtime``."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the history, as far as it can be told from others: a step may have several, each of other metrics."""

    step: float | None
    metrics: frozenset[str]

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Row:
        """The row with these values by their names."""
        step = values.get(STEP)
        known = float(step) if isinstance(step, int | float) else None
        return cls(known, frozenset(name for name in values if not name.startswith(OWN) and name != STEP))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One log."""

    folder: Path
    log: Log

    @property
    def run(self) -> Any:
        """The ``RunRecord``; None where the log ends before it."""
        return next((record.run for record in self.log.records if record.HasField("run")), None)

    @property
    def rows(self) -> list[Row]:
        """The rows of its history, in their order."""
        return [Row.of(_values(record)) for record in self.log.records if record.HasField("history")]


def read_attempt(log: Path) -> Attempt:
    """Read one log.

    Raises:
        UnknownLog: it is none, or of another format.
        OSError: it cannot be read.
    """
    return Attempt(log.parent, read_log(log))


@final
class JoinedRun:
    """One run from the logs of the attempts at it, the oldest first; each of them has a run record.

    An attempt goes on where the one before was last saved, and logs again what that one had logged since: of two rows
    for the same step and metrics the later attempt's stands, as in the ledger.
    """

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        self.attempts = tuple(attempts)
        head = attempts[0].run
        self.id: str = head.run_id
        self.project: str = head.project
        self.entity: str = head.entity
        histories = [attempt.rows for attempt in attempts]
        self._kept = [_kept(rows, histories[at:]) for at, rows in enumerate(histories, start=1)]
        self.rows = [
            row
            for history, kept in zip(histories, self._kept, strict=True)
            for row, keep in zip(history, kept, strict=True)
            if keep
        ]
        """The whole history, every step once."""

    @property
    def damaged(self) -> int:
        """Places at which the logs lost something."""
        return sum(attempt.log.damaged for attempt in self.attempts)

    @property
    def ended(self) -> bool:
        """Whether the last attempt wrote down its end; W&B takes the others for failed."""
        return any(record.HasField("exit") for record in self.attempts[-1].log.records)

    @property
    def summary(self) -> dict[str, Any]:
        """The final summary, without W&B's own entries and without parts of nested ones."""
        summary: dict[str, Any] = {}
        for attempt in self.attempts:
            for record in attempt.log.records:
                for item in record.summary.update if record.HasField("summary") else ():
                    if item.key or len(item.nested_key) == 1:
                        summary[_name(item)] = json.loads(item.value_json)
        return {name: value for name, value in summary.items() if not name.startswith(OWN)}

    def write(self, path: Path, *, entity: str, project: str, beyond: int) -> None:
        """Write one log that sends what W&B lacks.

        Args:
            path: the new log.
            entity: where it is sent to.
            project: where it is sent to.
            beyond: rows of the history that W&B has already: the first ones.
        """
        write_log(path, self._records(entity, project, beyond))

    def _records(self, entity: str, project: str, beyond: int) -> Iterator[Any]:
        """The first attempt's head, every attempt's records, the last one's end."""
        done = step = 0  # rows of the whole history; of them, rows that are written: W&B adds them to those it has
        for number, (attempt, kept) in enumerate(zip(self.attempts, self._kept, strict=True)):
            keeps = iter(kept)
            for original in attempt.log.records:
                kind = original.WhichOneof("record_type")
                if kind not in SENT:
                    continue
                if kind == "history":
                    if not next(keeps):
                        continue
                    done += 1
                    if done <= beyond:
                        continue
                record = type(original)()
                record.CopyFrom(original)
                record.ClearField("control")  # asked for an answer that nobody waits for
                if kind == "run":
                    if number > 0:
                        continue
                    record.run.entity, record.run.project = entity, project
                    record.run.resume = True  # never in the place of what is there
                elif kind == "header":
                    if number > 0:
                        continue
                elif kind == "exit":
                    if number + 1 < len(self.attempts):
                        continue
                elif kind == "history":
                    _renumber(record, step)
                    step += 1
                elif kind == "files":
                    inside = [file for file in record.files.files if _is_inside(file.path)]
                    del record.files.files[:]
                    record.files.files.extend(inside)
                yield record


def _kept(rows: Sequence[Row], later: Sequence[Sequence[Row]]) -> list[bool]:
    """Whether each row stands, by what later attempts logged."""
    kept = [True] * len(rows)
    for attempt in later:
        steps = [row.step for row in attempt if row.step is not None]
        if not steps:
            continue
        first, again = min(steps), frozenset(attempt)
        for at, row in enumerate(rows):
            # At the very step where it went on, an attempt may log what the one before had not come to, or the same.
            if row.step is not None and (row.step > first or row in again):
                kept[at] = False
    return kept


def _values(record: Any) -> dict[str, Any]:
    return {_name(item): json.loads(item.value_json) for item in record.history.item}


def _name(item: Any) -> str:
    """Of a picture or a page, each part is an item: the name that they share."""
    return str(item.key or item.nested_key[0])


def _is_inside(path: str) -> bool:
    """Whether a file lies in the run's own folder."""
    return not Path(path).is_absolute() and ".." not in Path(path).parts


def _renumber(record: Any, step: int) -> None:
    record.history.step.num = step
    for item in record.history.item:
        if _name(item) == "_step":
            item.value_json = str(step)
