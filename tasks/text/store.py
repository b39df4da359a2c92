"""Prepared data on disk: made once per node, mapped into memory by every process that asks.

An entry is a folder ``<cache>/<key>/`` with a ``.npy`` file for each array, a ``.json`` file for each list of words and
``facts.json``. It is written beside its place, flushed to the disk and renamed, so it is there wholly or not at all; of
several processes that make the same entry at once the first one is kept, and the others discard theirs.
``facts.json`` holds the checksum of every file: a damaged entry is made again. Checksums find damage; they do not show
who wrote an entry. So it must belong to this account, in a cache that no other can change, and the hashes in its record
are computed anew from the arrays that are used.
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
from unroll.contract import NotOurs, UserError, check_cache, check_ours, open_ours

_LAYOUT: Final = 2
"""Raised when the layout of an entry, or what all entries hold, changes."""
_ATTEMPTS: Final = 3
_BENCH: Final = ".making-"
"""Beginning of the names of folders in which entries are being made."""
_ABANDONED_SECONDS: Final = 86_400
"""Age from which on such a folder is what a killed process left."""


@dataclass(frozen=True, eq=False, kw_only=True)
class CacheEntry:
    """What an entry holds.

    Args:
        arrays: by name; read-only and memory-mapped where they come from an entry.
        words: lists of words by name; no name is that of an array.
        record: the rest, as JSON.
    """

    arrays: dict[str, NDArray[Any]]
    words: dict[str, Vocabulary]
    record: dict[str, Any]


IsIntact = Callable[[CacheEntry], bool]
_intact: set[str] = set()
"""Checksums of the entries that this process has found intact."""


def stored(
    cache: Path, content: Mapping[str, Any], make: Callable[[], CacheEntry], is_intact: IsIntact | None = None
) -> CacheEntry:
    """The entry of this content, made by ``make`` unless the cache holds it.

    Args:
        cache: folder of all entries; made if need be.
        content: everything that the entry depends on, as JSON: reader and its version, options, hashes of sources.
        make: reads the sources.
        is_intact: whether the record of an entry agrees with its arrays; None: it holds nothing about them.

    Raises:
        UserError: the sources are malformed, or the cache cannot be written or can be changed by another account.
    """
    entry = cache / _key({"layout": _LAYOUT, **content})
    for _ in range(_ATTEMPTS):  # between writing and reading, another process may have replaced or removed it
        check_cache(cache)  # before each look: a stranger may have swapped the folder meanwhile
        if (found := _read(entry, is_intact)) is not None:
            return found
        _store(entry, make(), is_intact)
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


def _read(entry: Path, is_intact: IsIntact | None) -> CacheEntry | None:
    """The entry; None where there is none, or only a damaged one."""
    try:
        with os.fdopen(open_ours(entry / "facts.json"), encoding="utf-8") as file:
            record = json.load(file)
        checksum = record.pop("checksum")
        files = [_inside(entry, name) for name in record["files"]]
        if checksum != _key(record) or any(hash_file(file) != record["files"][file.name] for file in files):
            return None
        found = CacheEntry(
            # Mapped: an entry that is replaced meanwhile keeps its bytes for those who have it open.
            arrays={file.stem: np.load(file, mmap_mode="r") for file in files if file.suffix == ".npy"},
            words={file.stem: Vocabulary.read(file) for file in files if file.suffix == ".json"},
            record=record["corpus"],
        )
        if is_intact is not None and checksum not in _intact:  # once per process: the same checksum is the same entry
            if not is_intact(found):
                return None
            _intact.add(checksum)
        return found
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, NotOurs):  # torn, not ours
        return None


def _inside(entry: Path, name: str) -> Path:
    """A file of an entry, which must belong to this account as the entry does.

    Raises:
        NotOurs: another account could change it, or it is not there.
    """
    path = entry / name
    if path.name != name or path.is_symlink():
        raise NotOurs(f"{path} lies elsewhere")
    check_ours(path)
    return path


def _store(entry: Path, made: CacheEntry, is_intact: IsIntact | None) -> None:
    try:
        entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_BENCH, dir=entry.parent) as bench:
            _write(Path(bench, "new"), made)  # on the same disk as its place, so that renaming is one step
            if entry.exists() and _read(entry, is_intact) is None:
                with suppress(OSError):  # another process moved the damaged one away
                    entry.rename(Path(bench, "damaged"))
            with suppress(OSError):  # another process was first, with the same content
                Path(bench, "new").rename(entry)
        flush(entry.parent)
        _sweep(entry.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            "the cache must be a writable folder with space left",
            where=str(entry.parent),
            received=reason,
            advice="free space, or name another folder in UNROLL_CACHE",
        ) from error


def _sweep(cache: Path) -> None:
    for bench in cache.glob(f"{_BENCH}*"):
        with suppress(OSError):  # another process removed it first
            if bench.stat().st_mtime < time.time() - _ABANDONED_SECONDS:
                shutil.rmtree(bench)


def _write(folder: Path, made: CacheEntry) -> None:
    folder.mkdir()
    for name, array in made.arrays.items():
        np.save(folder / f"{name}.npy", array)
    for name, words in made.words.items():
        words.save(folder / f"{name}.json")
    record: dict[str, Any] = {
        "files": {path.name: hash_file(path) for path in sorted(folder.iterdir())},
        "corpus": made.record,
    }
    record["checksum"] = _key(record)  # over the checksums of all files, and so over the whole entry
    (folder / "facts.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    for path in (*folder.iterdir(), folder):
        path.chmod(path.stat().st_mode & ~0o022)  # where umask is 0, others could write
        flush(path)


def flush(path: Path) -> None:
    """Make sure that a file or a folder is on the disk, not only on its way there."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
