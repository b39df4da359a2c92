"""What a trial logged on the way: immutable segments that a resume can rewind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Self, TypeAlias

from pydantic import model_validator

from unroll.ledger.files import remove
from unroll.ledger.outcome import HistoryRow
from unroll.ledger.records import LostHistory, Reader, write_record_once
from unroll.study.trial import Count, Frozen, Seconds

_KIND = "history"
_NAME = re.compile(r"(\d+)(?:-(\d+))?\.json")


Row: TypeAlias = tuple[int, int, float, str, float]
"""(step, epoch, seconds, metric, value): a ``HistoryRow`` without its cost, of which there may be millions."""


class Segment(Frozen):
    """Rows in columns, up to ``step`` inclusive."""

    trial: str
    step: Count
    steps: list[Count]
    epochs: list[Count]
    seconds: list[Seconds]
    metrics: list[str]
    values: list[float]

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        columns = (self.steps, self.epochs, self.seconds, self.metrics, self.values)
        if len({len(column) for column in columns}) > 1:
            raise ValueError("columns must be equally long")
        if max(self.steps, default=0) > self.step:
            raise ValueError("rows must not lie beyond the segment's step")
        return self

    def rows(self) -> Iterator[Row]:
        """Its rows."""
        return zip(self.steps, self.epochs, self.seconds, self.metrics, self.values, strict=True)


class History:
    """Segments in the folder ``history`` of a trial: ``<step>.json``, then ``<step>-2.json`` and so on."""

    def __init__(self, folder: Path, trial: str, reader: Reader) -> None:
        self._folder, self._trial, self._reader = folder, trial, reader

    def append(self, rows: Sequence[HistoryRow], *, step: int) -> None:
        """Add a segment, also an empty one: it says how far the history goes. Durable once this returns.

        Raises:
            ValueError: a row lies beyond ``step``.
        """
        if any(row.step > step for row in rows):
            raise ValueError(f"rows of a segment must not lie beyond its step {step}")
        self._add([(row.step, row.epoch, row.seconds, row.metric, row.value) for row in rows], step)

    def _add(self, rows: Sequence[Row], step: int) -> None:
        segment = self._segment(rows, step)
        number = max((number for at, number, _ in self._files() if at == step), default=0) + 1
        while True:
            try:
                write_record_once(self._folder / _name(step, number), _KIND, segment)
            except FileExistsError:
                number += 1
            else:
                return

    def rewind(self, step: int) -> None:
        """Forget everything beyond ``step``, latest first; rows up to ``step`` stay, whatever segment held them."""
        beyond = [path for at, _, path in sorted(self._files()) if at > step]
        kept = [row for path in beyond for row in self._read(path) if row[0] <= step]
        if kept:
            self._add(kept, step)
        for path in reversed(beyond):
            remove(path)

    def rows(self) -> list[Row]:
        """Rows by step; where (step, metric) was logged again, the last segment counts."""
        latest = {(row[0], row[3]): row for _, _, path in sorted(self._files()) for row in self._read(path)}
        return sorted(latest.values(), key=itemgetter(0))

    def check_end(self, steps: int) -> None:
        """Note it as damage if the last segment lies before the step that the trial's completion tells."""
        files = self._files()
        if not files and self._folder in {damage.path for damage in self._reader.damage}:
            return
        end = max((at for at, _, _ in files), default=0)
        lost = LostHistory(self._folder, f"it ends at step {end} of {steps}") if end < steps else None
        self._reader.note(self._folder / "end", lost)

    def _read(self, path: Path) -> Iterator[Row]:
        segment = self._reader.read(path, _KIND, Segment, owner=self._trial)
        return segment.rows() if segment else iter(())

    def _segment(self, rows: Sequence[Row], step: int) -> Segment:
        steps, epochs, seconds, metrics, values = ([row[column] for row in rows] for column in range(5))
        return Segment(
            trial=self._trial, step=step, steps=steps, epochs=epochs, seconds=seconds, metrics=metrics, values=values
        )

    def _files(self) -> list[tuple[int, int, Path]]:
        matches = [(_NAME.fullmatch(path.name), path) for path in self._reader.list(self._folder)]
        return [(int(match[1]), int(match[2] or 1), path) for match, path in matches if match]


def _name(step: int, number: int) -> str:
    return f"{step:010}.json" if number == 1 else f"{step:010}-{number}.json"
