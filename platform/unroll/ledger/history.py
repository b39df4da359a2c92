"""What a trial logged on the way: immutable segments that a resume can rewind."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from pydantic import model_validator

from unroll.ledger.files import remove
from unroll.ledger.outcome import HistoryRow
from unroll.ledger.records import LostHistory, Reader, write_record_once
from unroll.study.trial import Count, Frozen, Seconds

if TYPE_CHECKING:
    import polars as pl

_KIND = "history"
_NAME = re.compile(r"(?P<step>\d+)(?:\.(?P<number>\d+)|(?:-(?P<older>\d+))?)\.json")


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

    def columns(self) -> tuple[Sequence[int], Sequence[int], Sequence[float], Sequence[str], Sequence[float]]:
        """Its columns, in the order of a row."""
        return self.steps, self.epochs, self.seconds, self.metrics, self.values


@dataclass(frozen=True, order=True, slots=True)
class _Place:
    """Where a segment lies, in the order of what was logged."""

    step: int
    number: int
    path: Path


class History:
    """Segments in the folder ``history`` of a trial: ``<step>.<number>.json``, numbered from one without a gap.

    Older segments are called ``<step>.json``, then ``<step>-2.json`` and so on: that one of them is missing cannot be
    seen. Numbers that follow on them count them.
    """

    def __init__(self, folder: Path, trial: str, reader: Reader) -> None:
        self._folder, self._trial, self._reader = folder, trial, reader

    def append(self, rows: Sequence[HistoryRow], *, step: int) -> int:
        """Add a segment, also an empty one: it records how far the history goes. Durable once this returns.

        Gives the segment's number: the place to which :meth:`rewind_to` can go back.

        Raises:
            ValueError: a row lies beyond ``step``.
        """
        if any(row.step > step for row in rows):
            raise ValueError(f"rows of a segment must not lie beyond its step {step}")
        return self._add([(row.step, row.epoch, row.seconds, row.metric, row.value) for row in rows], step)

    def _add(self, rows: Sequence[Row], step: int) -> int:
        segment = _segment(self._trial, rows, step)
        number = max((place.number for place in self._places() if place.step <= step), default=0) + 1
        while True:
            try:
                write_record_once(self._folder / f"{step:010}.{number:06}.json", _KIND, segment)
            except FileExistsError:
                number += 1
            else:
                return number

    def whole(self) -> Segment | None:
        """All rows in one segment, up to where the history goes; None where nothing was logged."""
        places = self._places()
        return _segment(self._trial, self.rows(), places[-1].step) if places else None

    def replace(self, segment: Segment | None) -> None:
        """Forget everything and begin with what another folder's history holds, see :meth:`whole`."""
        self._remove([place.path for place in self._places()])
        if segment is not None:
            self._add(list(segment.rows()), segment.step)

    def rewind(self, step: int) -> None:
        """Forget everything beyond ``step``, latest first; rows up to ``step`` stay, whatever segment held them.

        A history that went further still goes to ``step``, also where it has no row there.
        """
        places = self._places()
        beyond = [place.path for place in places if place.step > step]
        kept = [row for path in beyond for row in self._read(path) if row[0] <= step]
        end = max((place.step for place in places if place.step <= step), default=0)
        if kept or (beyond and end < step):
            self._add(kept, step)
        self._remove(beyond)

    def rewind_to(self, number: int) -> None:
        """Forget every segment after the one with this number, latest first."""
        self._remove([place.path for place in self._places() if place.number > number])

    def rows(self) -> list[Row]:
        """Rows by step; where (step, metric) was logged again, the last segment counts."""
        latest = {(row[0], row[3]): row for place in self._places() for row in self._read(place.path)}
        return sorted(latest.values(), key=itemgetter(0))

    def frame(self) -> pl.DataFrame:
        """What :meth:`rows` gives, as a frame and without a Python object for each row.

        Columns are ``step, epoch, seconds, metric, value``.
        """
        import polars as pl

        types = {"step": pl.Int64, "epoch": pl.Int64, "seconds": pl.Float64, "metric": pl.String, "value": pl.Float64}
        read = (self._reader.read(place.path, _KIND, Segment, owner=self._trial) for place in self._places())
        parts = [
            pl.DataFrame(dict(zip(types, segment.columns(), strict=True)), schema=types) for segment in read if segment
        ]
        rows = pl.concat(parts) if parts else pl.DataFrame(schema=types)
        keys = ["step", "metric"]
        if rows.select(pl.struct(keys).is_duplicated().any()).item():
            # A value that was logged again stands where it was.
            placed = rows.with_row_index("place").with_columns(pl.col("place").min().over(keys))
            rows = placed.unique(keys, keep="last", maintain_order=True).sort("place").drop("place")
        return rows.sort("step", maintain_order=True)

    def mark(self) -> str:
        """What tells whether the segments have been changed: a hash of their names, sizes and times of change."""
        parts = []
        for place in self._places():
            with contextlib.suppress(FileNotFoundError):  # a running trial may just have rewound it
                stat = place.path.stat()
                parts.append(f"{place.path.name} {stat.st_size} {stat.st_mtime_ns}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    def check(self, steps: int) -> None:
        """Note it as damage if a segment is missing, up to the step at which the trial was completed."""
        places = self._places()
        if not places and self._folder in {damage.path for damage in self._reader.damage}:
            return
        end = places[-1].step if places else 0
        lost = _hole(places) or (f"it ends at step {end} of {steps}" if end < steps else "")
        self._reader.note(self._folder / "whole", LostHistory(self._folder, lost) if lost else None)

    def _remove(self, paths: Sequence[Path]) -> None:
        for path in reversed(paths):
            remove(path)

    def _read(self, path: Path) -> Iterator[Row]:
        segment = self._reader.read(path, _KIND, Segment, owner=self._trial)
        return segment.rows() if segment else iter(())

    def _places(self) -> list[_Place]:
        """All segments, in the order of what was logged."""
        matches = [(_NAME.fullmatch(path.name), path) for path in self._reader.list(self._folder)]
        named = [
            (match["number"], int(match["step"]), int(match["older"] or 1), path) for match, path in matches if match
        ]
        older = sorted((step, number, path) for running, step, number, path in named if running is None)
        newer = [_Place(step, int(running), path) for running, step, _, path in named if running is not None]
        return [_Place(step, place, path) for place, (step, _, path) in enumerate(older, 1)] + sorted(newer)


def _segment(trial: str, rows: Sequence[Row], step: int) -> Segment:
    steps, epochs, seconds, metrics, values = ([row[column] for row in rows] for column in range(5))
    return Segment(trial=trial, step=step, steps=steps, epochs=epochs, seconds=seconds, metrics=metrics, values=values)


def _hole(places: Sequence[_Place]) -> str:
    """What is missing between segments; empty if nothing is."""
    before = 0
    for expected, place in enumerate(places, 1):
        if place.number != expected:
            return f"what was logged between step {before} and step {place.step} is missing"
        before = place.step
    return ""
