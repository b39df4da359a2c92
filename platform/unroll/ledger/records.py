"""Records: checksummed JSON that gives back exactly what was put in, or names the file that is damaged.

A record is ``{"format": 1, "kind": ..., "sha256": ..., "body": {...}}``. The checksum covers format, kind and body
as compact JSON. The format is 2 where a field is set that format 1 lacks (``study.trial.later``). NaN and infinities
are the strings ``"NaN"``, ``"Infinity"`` and ``"-Infinity"``; a text that reads like one of them gets a ``=`` before
it. Nothing in a record is ever run, and none holds an absolute path.

A correct checksum shows that nothing was lost, not that the content is valid: anybody can write a record. So numbers
have at most 64 bits, text has no unpaired surrogates, nesting is bounded, and the models check the rest.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import re
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from unroll.contract import UserError
from unroll.ledger.files import StorageError, read_file, write_atomic, write_once

FORMAT = 2
"""The newest version of the format that is read; a record is written in the oldest that holds it."""

ModelT = TypeVar("ModelT", bound=BaseModel)
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_BLOCKED = frozenset(
    {errno.EISDIR, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO, errno.EIO, errno.EFBIG}
)
"""What one path alone suffers from: the rest of the folder can still be read."""
_DEEPEST = 64
"""Levels of nesting of a record; a study's file has a third of it."""
_LONGEST = 2**20
"""Characters of a text in a record; a study's file has a sixteenth of it."""
_HALF_OF_PAIR = re.compile("[\ud800-\udfff]")
_LIKE_SPECIAL = re.compile(r"=*(NaN|-?Infinity)")


class DamagedRecord(UserError):
    """A file of the results folder is not what was once written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            "a record must be what was once written",
            where=str(path),
            received=reason,
            advice="bring the file back from a copy, or delete it: until then what it held counts as missing",
        )
        self.path = path
        self.args = (path, reason)  # what pickle calls the class with


class _Impossible(ValueError):
    """A value that no record was ever written with."""


class LostHistory(DamagedRecord):
    """A trial was completed, but what it logged has a hole or does not reach its end."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.rule = "the history of a completed trial must be whole up to its last step"
        self.advice = "bring its files back from a copy; the trial's final metrics are whole"


class UnknownFormat(UserError):
    """A file of the results folder was written by a newer Unroll."""

    def __init__(self, path: Path, found: int, newest: int = FORMAT) -> None:
        super().__init__(
            f"this version of Unroll reads records up to format {newest}",
            where=str(path),
            received=f"format {found}",
            advice="use the version of Unroll that wrote this results folder",
        )
        self.args = (path, found, newest)  # what pickle calls the class with


def encode_record(kind: str, model: BaseModel) -> bytes:
    """The bytes of a record."""
    body, version = _pack(model.model_dump()), 2 if _holds_later(model) else 1
    return _compact({"format": version, "kind": kind, "sha256": _digest(version, kind, body), "body": body}) + b"\n"


def _holds_later(model: BaseModel) -> bool:
    """Whether a field is set, here or in a model below, that format 1 lacks."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if field.exclude_if is not None and not field.exclude_if(value):
            return True
        parts = (
            list(value.values()) if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
        )
        if any(_holds_later(part) for part in parts if isinstance(part, BaseModel)):
            return True
    return False


def write_record(path: Path, kind: str, model: BaseModel) -> None:
    """Write or replace a record, atomically and durably.

    Raises:
        StorageError: the disk refused.
    """
    write_atomic(path, encode_record(kind, model))


def write_record_once(path: Path, kind: str, model: BaseModel) -> None:
    """Write a record that is never changed.

    Raises:
        FileExistsError: it is there already, with whatever content.
        StorageError: the disk refused.
    """
    write_once(path, encode_record(kind, model))


def read_record(path: Path, kind: str, model: type[ModelT]) -> ModelT:
    """Read a record back.

    Raises:
        FileNotFoundError: there is none.
        DamagedRecord: it is not what was once written, not of this kind, or not to be read.
        UnknownFormat: a newer Unroll wrote it.
        StorageError: the disk does not answer.
    """
    return decode_record(path, kind, model, read_content(path))


def decode_record(path: Path, kind: str, model: type[ModelT], data: bytes) -> ModelT:
    """The record that :func:`encode_record` gave the bytes of.

    Raises:
        DamagedRecord: it is not what was once written, or not of this kind.
        UnknownFormat: a newer Unroll wrote it.
    """
    body = _open(path, kind, data)
    try:
        return model.model_validate(_unpack(body))
    except _Impossible as error:
        raise DamagedRecord(path, f"{kind} with {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DamagedRecord(path, f"{kind} with {place or 'body'}: {first['msg']}") from None


def read_content(path: Path) -> bytes:
    """Content of a record or a checkpoint.

    Raises:
        FileNotFoundError: there is none.
        DamagedRecord: this file alone cannot be read, or something else lies in its place.
        StorageError: the disk does not answer.
    """
    try:
        return read_file(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in _BLOCKED:
            raise DamagedRecord(path, f"it cannot be read: {error.strerror}") from error
        raise StorageError(path, error) from error


def _open(path: Path, kind: str, data: bytes) -> Any:
    """Check a record's envelope and give its body."""
    try:
        envelope = json.loads(data, parse_constant=_refuse)
        version, found, checksum, body = (envelope[key] for key in ("format", "kind", "sha256", "body"))
        fits = [number for number in (version, *range(1, FORMAT + 1)) if checksum == _digest(number, found, body)]
    except (ValueError, RecursionError):
        raise DamagedRecord(path, f"{len(data)} bytes that are no whole JSON") from None
    except (KeyError, TypeError):
        version, found, fits = _version(envelope), None, []
    if isinstance(version, int) and version > FORMAT and not any(number <= FORMAT for number in fits):
        raise UnknownFormat(path, version)
    if version not in fits or version not in range(1, FORMAT + 1):
        raise DamagedRecord(path, "content that does not match its checksum")
    if found != kind:
        raise DamagedRecord(path, f"a record of kind {str(found)[:60]!r} where {kind!r} belongs")
    return body


class Reader:
    """Reads many records and remembers which of them were damaged."""

    def __init__(self) -> None:
        self._damage: dict[Path, DamagedRecord] = {}

    @property
    def damage(self) -> list[DamagedRecord]:
        """What was found damaged and is still so, by path."""
        return [self._damage[path] for path in sorted(self._damage)]

    def read(self, path: Path, kind: str, model: type[ModelT], *, owner: str = "") -> ModelT | None:
        """The record, or None if it is absent or damaged.

        Args:
            path: the file.
            kind: what kind of record it must be.
            model: what its body must hold.
            owner: id of the trial that it must belong to; empty for records of no trial.

        Raises:
            UnknownFormat: a newer Unroll wrote it.
            StorageError: the disk does not answer.
        """
        self._damage.pop(path, None)
        try:
            record = read_record(path, kind, model)
            self._check_owner(path, record, owner)
        except FileNotFoundError:
            return None
        except DamagedRecord as error:
            self._damage[path] = error
            return None
        return record

    def list(self, folder: Path) -> list[Path]:
        """What lies in a folder of records; nothing if it is absent, or damaged itself.

        Raises:
            StorageError: the disk does not answer.
        """
        self._damage.pop(folder, None)
        try:
            return list(folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            if error.errno not in _BLOCKED:
                raise StorageError(folder, error) from error
            self._damage[folder] = DamagedRecord(folder, f"it cannot be read: {error.strerror}")
            return []

    def note(self, matter: Path, damage: DamagedRecord | None) -> None:
        """Remember damage that shows only in several records together, or (None) that there is none."""
        self._damage.pop(matter, None)
        if damage:
            self._damage[matter] = damage

    @staticmethod
    def _check_owner(path: Path, record: BaseModel, owner: str) -> None:
        found = getattr(record, "trial", getattr(record, "id", owner)) if owner else owner
        if found != owner:
            raise DamagedRecord(path, f"a record of trial {str(found)[:60]}")


def _version(envelope: Any) -> Any:
    return envelope.get("format") if isinstance(envelope, dict) else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _digest(version: Any, kind: str, body: Any) -> str:
    return hashlib.sha256(_compact([version, kind, body])).hexdigest()


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def _pack(value: Any) -> Any:
    """Python to JSON, one to one."""
    if isinstance(value, dict):
        return {key: _pack(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_pack(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, str) and _LIKE_SPECIAL.fullmatch(value):
        return f"={value}"
    return value


def _unpack(value: Any, depth: int = 0) -> Any:
    """JSON to Python, the inverse of :func:`_pack`.

    Raises:
        _Impossible: it holds what no record was ever written with.
    """
    if depth > _DEEPEST:
        raise _Impossible(f"more than {_DEEPEST} levels of nesting")
    if isinstance(value, dict):
        return {_text(key): _unpack(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_unpack(item, depth + 1) for item in value]
    if isinstance(value, str):
        return _SPECIAL.get(value, value[1:]) if _LIKE_SPECIAL.fullmatch(value) else _text(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise _Impossible("a number beyond 64 bits")
    return value


def _text(text: str) -> str:
    if len(text) > _LONGEST:
        raise _Impossible(f"a text of {len(text):,} characters")
    if not text.isascii() and _HALF_OF_PAIR.search(text):
        raise _Impossible("a text with half of a surrogate pair")
    return text
