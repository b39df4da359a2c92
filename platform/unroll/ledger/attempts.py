"""The attempts at one trial: each has one immutable outcome, numbered upward."""

from __future__ import annotations

from pathlib import Path

from unroll.ledger.outcome import FINAL, Outcome
from unroll.ledger.records import Reader, write_record_once

_KIND = "outcome"


class Attempts:
    """Outcomes in the folder ``attempts`` of a trial."""

    def __init__(self, folder: Path, trial: str, reader: Reader) -> None:
        self._folder, self._trial, self._reader = folder, trial, reader

    def record(self, outcome: Outcome) -> int:
        """Add an outcome under the next free number, which is returned. Durable once this returns."""
        number = max((number for number, _ in self._files()), default=0) + 1
        while True:
            try:
                write_record_once(self._folder / f"{number:04}.json", _KIND, outcome)
            except FileExistsError:
                number += 1
            else:
                return number

    def latest(self) -> Outcome | None:
        """The outcome that counts: the latest final one, else the latest that can be read.

        A result that was reached is not undone by a later note of failure.
        """
        latest: Outcome | None = None
        for _, path in sorted(self._files(), reverse=True):
            outcome = self._reader.read(path, _KIND, Outcome, owner=self._trial)
            if outcome is not None and outcome.status in FINAL:
                return outcome
            latest = latest or outcome
        return latest

    def _files(self) -> list[tuple[int, Path]]:
        return [(int(path.stem), path) for path in self._reader.list(self._folder) if _is_outcome(path)]


def _is_outcome(path: Path) -> bool:
    return path.suffix == ".json" and path.stem.isascii() and path.stem.isdigit()
