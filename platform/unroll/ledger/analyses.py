"""What a study declared of its analysis, and when: at its first run, and whenever a later run declared otherwise."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import Field

from unroll.ledger.records import Reader, write_record_once
from unroll.study.analysis import DeclaredAnalysis, find_changes
from unroll.study.trial import Count, Frozen

_KIND = "analysis"
_NAME = re.compile(r"([0-9]{4,9})\.json")


class AnalysisRecord(Frozen):
    """An analysis as a run declared it. What it changed is the difference to the record before it."""

    declared: DeclaredAnalysis
    recorded: str = Field(max_length=64)
    """UTC in ISO 8601."""
    results: Count
    """Trials of the folder that had a result by then, whatever plan they belonged to: what could be looked at."""


class Analyses:
    """Records in the folder ``analysis`` of a results folder: ``0001.json`` and so on, each written once.

    Args:
        folder: where they lie.
        reader: remembers which are damaged.
    """

    def __init__(self, folder: Path, reader: Reader) -> None:
        self._folder, self._reader = folder, reader

    def read(self) -> list[AnalysisRecord]:
        """All records, oldest first; damaged ones are left to the reader.

        Raises:
            UnknownFormat: a newer Unroll wrote one.
            StorageError: the disk does not answer.
        """
        paths = (self._path(number) for number in self._numbers())
        found = (self._reader.read(path, _KIND, AnalysisRecord) for path in paths)
        return [record for record in found if record is not None]

    def differs(self, declared: DeclaredAnalysis) -> bool:
        """Whether the newest record declares otherwise, or there is none."""
        known = self.read()
        return not known or bool(find_changes(known[-1].declared, declared))

    def write(self, record: AnalysisRecord) -> None:
        """Add a record behind all that are there, damaged ones too.

        Raises:
            FileExistsError: somebody else did at this moment.
            StorageError: the disk refused.
        """
        write_record_once(self._path(max(self._numbers(), default=0) + 1), _KIND, record)

    def _numbers(self) -> list[int]:
        names = (_NAME.fullmatch(path.name) for path in self._reader.list(self._folder))
        return sorted(int(name[1]) for name in names if name)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:04d}.json"
