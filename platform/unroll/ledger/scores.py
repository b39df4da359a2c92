"""What each example of the test data added to a trial's metrics: a table, and the record that vouches for it."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from unroll.contract import EXAMPLES, ExampleScores, Form, Formula
from unroll.ledger.files import remove, write_atomic
from unroll.ledger.frames import unreadable
from unroll.ledger.records import DamagedRecord, Reader, read_content, write_record
from unroll.study.trial import Count, Finite, Frozen

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

_KIND = "scores"
FILE = "scores.parquet"
RECORD = "scores.json"
MOST_VALUES = 2**25
"""Numbers of one trial's table: a small file can claim to hold any number of equal ones."""
_PART = 2**19
"""Characters of one text of a :class:`PackedScores`."""

Name = Annotated[str, Field(max_length=200)]
Place = dict[Name, Finite]


class ScoresError(ValueError):
    """A table that holds other things than its record says; the text says what."""


class FormulaRecord(Frozen):
    """One :class:`unroll.contract.Formula`, as it is written down."""

    form: Form
    above: tuple[Place, ...]
    below: tuple[Place, ...]

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        self.formula()
        return self

    def formula(self) -> Formula:
        """As the contract has it."""
        return Formula(form=self.form, above=self.above, below=self.below)


class ScoresRecord(Frozen):
    """What the table ``scores.parquet`` is: a row for each example of the test data, a column for each sum."""

    trial: str
    test_set: str
    """Digest of what the examples are, in their order: trials with the same were tested on the same."""
    examples: Annotated[Count, Field(ge=1)]
    """Rows."""
    sums: tuple[Name, ...]
    """Columns, in their order."""
    metrics: dict[Name, FormulaRecord]
    """Full name of a metric of the outcome -> how its value follows from the columns' sums."""
    size: Count
    """Bytes of the file."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the whole file."""

    @model_validator(mode="after")
    def _names_its_columns(self) -> Self:
        known = {*self.sums, EXAMPLES}
        if len(known) != len(self.sums) + 1:
            raise ValueError("a column is named twice, or like the number of examples")
        if any(each.formula().sums - known for each in self.metrics.values()):
            raise ValueError("a formula names what is no column")
        if self.examples * len(self.sums) > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES:,} numbers")
        return self


class PackedScores(Frozen):
    """Record and table of one trial as a pack holds them."""

    trial: str
    record: ScoresRecord
    table: tuple[str, ...]
    """The file in base64, in parts: a text in a record has a bounded length."""

    @model_validator(mode="after")
    def _is_what_its_record_says(self) -> Self:
        if self.record.trial != self.trial or not _is_whole(self.record, self.data):
            raise ValueError("a table that does not match its record")
        return self

    @classmethod
    def of(cls, record: ScoresRecord, data: bytes) -> Self:
        """As they lie in a folder."""
        text = base64.b64encode(data).decode()
        parts = tuple(text[place : place + _PART] for place in range(0, len(text), _PART))
        return cls(trial=record.trial, record=record, table=parts)

    @property
    def data(self) -> bytes:
        """The file."""
        return base64.b64decode("".join(self.table), validate=True)


class Scores:
    """``scores.parquet`` and ``scores.json`` in the folder of a trial; :attr:`TrialRecords.scores` makes it.

    The record is written after the file and removed before it, so that a record always stands for a whole file.

    Args:
        folder: the trial's.
        trial_id: whose they are.
        reader: reads records and remembers which were damaged.
        refuse_final: raises :class:`Fenced` where the trial has its result.
    """

    def __init__(self, folder: Path, trial_id: str, reader: Reader, refuse_final: Callable[[], None]) -> None:
        self._id, self._reader, self._refuse_final = trial_id, reader, refuse_final
        self._file, self._record = folder / FILE, folder / RECORD

    def write(self, scores: ExampleScores) -> None:
        """Write them down, durably; what an attempt before left is replaced.

        Raises:
            ValueError: a number is not finite, or there are too many.
            Fenced: the trial has its result.
            StorageError: the disk refused.
        """
        data = encode_table(scores)
        record = ScoresRecord(
            trial=self._id,
            test_set=scores.test_set,
            examples=len(next(iter(scores.sums.values()))),
            sums=tuple(scores.sums),
            metrics={
                name: FormulaRecord(
                    form=each.form, above=tuple(map(dict, each.above)), below=tuple(map(dict, each.below))
                )
                for name, each in scores.metrics.items()
            },
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        self.take_over(record, data)

    def take_over(self, record: ScoresRecord, data: bytes) -> None:
        """Write down what another folder holds.

        Raises:
            Fenced: the trial has its result.
            StorageError: the disk refused.
        """
        self._refuse_final()
        self.remove()
        write_atomic(self._file, data)
        write_record(self._record, _KIND, record)

    def read(self) -> tuple[ScoresRecord, bytes] | None:
        """The record and the file; None where there is none, or where it is damaged, which the reader remembers."""
        self._reader.note(self._file, None)
        record = self._reader.read(self._record, _KIND, ScoresRecord, owner=self._id)
        if record is None:
            return None
        try:
            return record, self._content(record)
        except DamagedRecord as damage:
            self._reader.note(self._file, damage)
            return None

    def _content(self, record: ScoresRecord) -> bytes:
        try:
            data = read_content(self._file)
        except FileNotFoundError:
            raise DamagedRecord(self._file, "no file") from None
        if not _is_whole(record, data):
            raise DamagedRecord(self._file, "scores that do not match their checksum")
        return data

    def of(self, metric: str) -> tuple[ScoresRecord, dict[str, NDArray[np.float64]]] | None:
        """The record, and the columns that a metric follows from; None as :meth:`read` has it, or where it does not."""
        found = self.read()
        if found is None or metric not in found[0].metrics:
            return None
        named = found[0].metrics[metric].formula().sums
        return self._decoded(*found, [name for name in found[0].sums if name in named])

    def whole(self) -> tuple[ScoresRecord, dict[str, NDArray[np.float64]]] | None:
        """The record and all columns; None as :meth:`read` has it."""
        found = self.read()
        return None if found is None else self._decoded(*found, found[0].sums)

    def _decoded(
        self, record: ScoresRecord, data: bytes, names: Iterable[str]
    ) -> tuple[ScoresRecord, dict[str, NDArray[np.float64]]] | None:
        try:
            return record, decode_table(record, data, names)
        except ScoresError as error:  # a right checksum is no sound content
            self._reader.note(self._file, DamagedRecord(self._file, str(error)))
            return None

    def remove(self) -> None:
        """Forget them; nothing if there are none.

        Raises:
            StorageError: the disk refused.
        """
        remove(self._record)
        remove(self._file)


def _is_whole(record: ScoresRecord, data: bytes) -> bool:
    return len(data) == record.size and hashlib.sha256(data).hexdigest() == record.sha256


def encode_table(scores: ExampleScores) -> bytes:
    """The file: whole numbers as they are, fractions in 32 bits.

    Raises:
        ValueError: a number is not finite.
    """
    import numpy as np
    import polars as pl

    columns: Mapping[str, NDArray[np.generic]] = {name: np.asarray(each) for name, each in scores.sums.items()}
    for name, column in columns.items():
        if not np.isfinite(column).all():
            raise ValueError(f"what examples add to the sum {name} must be finite")
    frame = pl.DataFrame(
        [
            pl.Series(name, column, strict=True).shrink_dtype()
            if np.issubdtype(column.dtype, np.integer)
            else pl.Series(name, column.astype(np.float32))
            for name, column in columns.items()
        ]
    )
    file = io.BytesIO()
    frame.write_parquet(file, compression="zstd", statistics=False)
    return file.getvalue()


def decode_table(record: ScoresRecord, data: bytes, names: Iterable[str]) -> dict[str, NDArray[np.float64]]:
    """Some columns of the file, each of shape (examples,).

    Raises:
        ScoresError: it holds other things than the record says.
    """
    import numpy as np
    import polars as pl

    wanted = [*names]
    try:
        lazy = pl.scan_parquet(io.BytesIO(data))
        schema = lazy.collect_schema()
        rows = lazy.select(pl.len()).collect().item()  # of the file's metadata: nothing is unpacked for it
        if tuple(schema) != record.sums or rows != record.examples:
            raise ScoresError("a table with other rows or columns than its record names")
        if not all(kind.is_numeric() for kind in schema.values()):
            raise ScoresError("a column that holds no numbers")
        frame: pl.DataFrame = lazy.select(wanted).collect()
    except unreadable() as error:
        raise ScoresError(f"no table of numbers: {type(error).__name__}") from None
    found = {name: frame[name].cast(pl.Float64).to_numpy() for name in wanted}
    if frame.height != record.examples or not all(np.isfinite(column).all() for column in found.values()):
        raise ScoresError("a number that is not finite")
    return found
