"""``history.parquet``: what trials logged, in one table that is scanned, and what it was made of.

The segments of a trial's history are the record, and JSON; reading millions of rows out of them takes minutes. So the
table keeps beside it, in ``history.made.json``, which segments each trial had when it was made and the hash of its own
bytes: of trials whose segments are the same, rows are taken from the table. Both files are derived and may be deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from unroll.ledger.files import read_file, write_atomic
from unroll.ledger.frames import empty_history, history_table, parquet_bytes, unreadable
from unroll.ledger.history import History
from unroll.study.trial import Frozen, Trial

if TYPE_CHECKING:
    import polars as pl

TABLE, MADE = "history.parquet", "history.made.json"


@dataclass(frozen=True, slots=True)
class Logged:
    """What trials logged.

    Args:
        rows: as ``Ledger.history_frame`` has them; nothing is read before it is asked for.
        digest: equal for equal rows.
    """

    rows: pl.LazyFrame
    digest: str


class _Part(Frozen):
    """The rows of one trial."""

    trial: str
    arm: str
    seed: int
    mark: str
    """``History.mark`` when they were read; empty where a segment could not be read: they are read again."""


class _Made(Frozen):
    sha256: str
    parts: tuple[_Part, ...]


class LoggedTable:
    """The two files in a results folder.

    Args:
        root: the results folder.
        history: trial -> its history.
        is_damaged: whether a part of a trial's history was found damaged while it was read.
    """

    def __init__(self, root: Path, history: Callable[[Trial], History], is_damaged: Callable[[Trial], bool]) -> None:
        self._table, self._made = root / TABLE, root / MADE
        self._history, self._is_damaged = history, is_damaged

    def read(self, trials: Sequence[Trial]) -> Logged:
        """What these trials logged: out of the table where that is all and only theirs; nothing is written."""
        import polars as pl

        made = self._read_made()
        if made is not None and made.parts == tuple(self._parts(trials)) and self._digest() == made.sha256:
            return Logged(pl.scan_parquet(self._table, glob=False), made.sha256)
        frame = self._gathered(trials)
        return Logged(frame.lazy(), hashlib.sha256(parquet_bytes(frame)).hexdigest())

    def write(self, trials: Sequence[Trial]) -> None:
        """Bring both files up to date; what is as it must be is left alone.

        Raises:
            StorageError: the disk refused.
        """
        made, parts = self._read_made(), tuple(self._parts(trials))
        digest = self._digest()
        if made is not None and made.parts == parts and digest == made.sha256:
            return
        data = parquet_bytes(self._gathered(trials, made if made and made.sha256 == digest else None))
        # The table first: what it was made of never tells of a table that is not there.
        if hashlib.sha256(data).hexdigest() != digest:
            write_atomic(self._table, data)
        whole = [
            part.model_copy(update={"mark": ""}) if self._is_damaged(trial) else part
            for part, trial in zip(parts, trials, strict=True)
        ]
        text = _Made(sha256=hashlib.sha256(data).hexdigest(), parts=tuple(whole)).model_dump_json()
        write_atomic(self._made, text.encode(), durable=False)

    def _gathered(self, trials: Iterable[Trial], made: _Made | None = None) -> pl.DataFrame:
        """The rows of trials, out of the table as far as that was made of the same segments."""
        known = {part.trial: part.mark for part in made.parts if part.mark} if made else {}
        table: dict[tuple[object, ...], pl.DataFrame] = {}
        if known:
            import polars as pl

            table = pl.read_parquet(self._table, glob=False).partition_by("trial", as_dict=True)

        def rows(trial: Trial) -> pl.DataFrame:
            history = self._history(trial)
            if trial.id in known and known[trial.id] == history.mark():
                return table.get((trial.id,), empty_history())
            return history.frame()

        return history_table((trial, rows(trial)) for trial in trials)

    def _parts(self, trials: Iterable[Trial]) -> Iterable[_Part]:
        return (
            _Part(trial=trial.id, arm=trial.arm, seed=trial.seed, mark=self._history(trial).mark()) for trial in trials
        )

    def _read_made(self) -> _Made | None:
        with contextlib.suppress(OSError, ValidationError):
            return _Made.model_validate_json(read_file(self._made))
        return None

    def _digest(self) -> str:
        """Hash of the table; empty where it cannot be read, or is another table."""
        import polars as pl

        with contextlib.suppress(*unreadable()):
            data = read_file(self._table)
            if pl.read_parquet_schema(io.BytesIO(data)) == empty_history().schema:
                return hashlib.sha256(data).hexdigest()
        return ""
