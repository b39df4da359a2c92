"""Prepared data on disk: made once per node, mapped into memory by every process that asks.

An entry is a folder ``<cache>/<key>/`` with a ``.npy`` file for each array, a ``.json`` file for each list of words and
``facts.json``. It is written beside its place, flushed to the disk and renamed, so it is there wholly or not at all; of
several processes that make the same entry at once the first wins, and the others throw theirs away.
``facts.json`` holds the checksum of every file: a damaged entry is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.text.vocabulary import Vocabulary
from unroll.contract import UserError

_LAYOUT: Final = 2
"""Raised when the layout of an entry, or what all entries hold, changes."""
_ATTEMPTS: Final = 3
_BENCH: Final = ".making-"
"""Beginning of the names of folders in which entries are being made."""
_ABANDONED_SECONDS: Final = 86_400
"""Age from which on such a folder is what a killed process left."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Parts:
    """What an entry holds.

    Args:
        arrays: by name; read-only and memory-mapped where they come from an entry.
        words: lists of words by name; no name is that of an array.
        record: the rest, as JSON.
    """

    arrays: Mapping[str, NDArray[Any]]
    words: Mapping[str, Vocabulary]
    record: Mapping[str, Any]


def stored(cache: Path, content: Mapping[str, Any], make: Callable[[], Parts]) -> Parts:
    """The entry of this content, made by ``make`` unless the cache holds it.

    Args:
        cache: folder of all entries; made if need be.
        content: everything that the entry depends on, as JSON: reader and its version, options, hashes of sources.
        make: reads the sources.

    Raises:
        UserError: the sources are malformed, or the cache cannot be written.
    """
    entry = cache / _key({"layout": _LAYOUT, **content})
    for _ in range(_ATTEMPTS):
        if (parts := _read(entry)) is not None:
            return parts
        _store(entry, make())
    raise UserError("the cache must keep what is written to it", where=str(cache), advice="choose another folder")


def hash_file(path: Path) -> str:
    """SHA-256 of a file in hexadecimal; computed once per process as long as size and time of change stay."""
    stat = path.stat()
    return _hash_version(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=256)
def _hash_version(path: Path, _size: int, _changed: int, _inode: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _key(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read(entry: Path) -> Parts | None:
    """The parts of an entry; None where there is none, or only a damaged one."""
    try:
        record = json.loads((entry / "facts.json").read_text(encoding="utf-8"))
        if record.pop("checksum") != _key(record) or any(
            hash_file(entry / name) != checksum for name, checksum in record["files"].items()
        ):
            return None
        files = [entry / name for name in record["files"]]
        return Parts(
            arrays={file.stem: np.load(file, mmap_mode="r") for file in files if file.suffix == ".npy"},
            words={file.stem: Vocabulary.read(file) for file in files if file.suffix == ".json"},
            record=record["corpus"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # absent, torn, or of another layout
        return None


def _store(entry: Path, parts: Parts) -> None:
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_BENCH, dir=entry.parent) as bench:
            _write(Path(bench, "new"), parts)
            _publish(Path(bench, "new"), entry, Path(bench, "damaged"))
        _flush(entry.parent)
        _sweep(entry.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            "the cache must be a writable folder with space left",
            where=str(entry.parent),
            received=reason,
            advice="free space, or name another folder in UNROLL_CACHE",
        ) from error


def _publish(new: Path, entry: Path, damaged: Path) -> None:
    """Rename a finished entry into its place, unless a good one is there by now."""
    if entry.exists() and _read(entry) is None:
        with suppress(OSError):  # somebody else took the damaged one away
            entry.rename(damaged)
    with suppress(OSError):  # somebody else was first, and theirs is as good
        new.rename(entry)


def _sweep(cache: Path) -> None:
    for bench in cache.glob(f"{_BENCH}*"):
        with suppress(OSError):  # its owner was quicker
            if bench.stat().st_mtime < time.time() - _ABANDONED_SECONDS:
                shutil.rmtree(bench)


def _write(folder: Path, parts: Parts) -> None:
    folder.mkdir()
    for name, array in parts.arrays.items():
        np.save(folder / f"{name}.npy", array)
    for name, words in parts.words.items():
        words.save(folder / f"{name}.json")
    record: dict[str, Any] = {
        "files": {path.name: hash_file(path) for path in sorted(folder.iterdir())},
        "corpus": dict(parts.record),
    }
    record["checksum"] = _key(record)
    (folder / "facts.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    for path in (*folder.iterdir(), folder):
        _flush(path)


def _flush(path: Path) -> None:
    """Make sure that a file or a folder is on the disk, not only on its way there."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
