"""Prepared texts on disk: made once per node, mapped into memory by every process that asks.

An entry is a folder ``<cache>/<key>/`` with ``train.npy``, ``validation.npy``, ``test.npy``, ``vocabulary.json`` and
``facts.json``. It is written beside its place, flushed to the disk and renamed, so it is there wholly or not at all;
of several processes that make the same entry at once the first wins, and the others throw theirs away.
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
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.text.corpus import SPLITS, TokenCorpus, fingerprint
from tasks.text.vocabulary import Vocabulary
from unroll.contract import UserError

_LAYOUT: Final = 1
"""Raised when the layout of an entry changes."""
_ATTEMPTS: Final = 3
_BENCH: Final = ".making-"
"""Beginning of the names of folders in which entries are being made."""
_ABANDONED_SECONDS: Final = 86_400
"""Age from which on such a folder is what a killed process left."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Prepared:
    """What a reader makes of its sources; the cache turns it into a :class:`TokenCorpus`."""

    vocabulary: Vocabulary
    splits: Mapping[str, NDArray[np.int32]]
    start: int
    facts: Mapping[str, int | float | str]
    bounds: Mapping[str, float] = field(default_factory=dict)


def cached(cache: Path, content: Mapping[str, Any], build: Callable[[], Prepared]) -> TokenCorpus:
    """The corpus of this content, made by ``build`` unless the cache holds it.

    Args:
        cache: folder of all entries; made if need be.
        content: everything that the corpus depends on, as JSON: reader and its version, options, hashes of sources.
        build: reads the sources.

    Raises:
        UserError: the sources are malformed, or the cache cannot be written.
    """
    entry = cache / _key({"layout": _LAYOUT, **content})
    for _ in range(_ATTEMPTS):
        if (corpus := _read(entry)) is not None:
            return corpus
        _store(entry, build())
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


def _read(entry: Path) -> TokenCorpus | None:
    """The corpus of an entry; None where there is none, or only a damaged one."""
    try:
        record = json.loads((entry / "facts.json").read_text(encoding="utf-8"))
        if record.pop("checksum") != _key(record) or any(
            hash_file(entry / name) != checksum for name, checksum in record["files"].items()
        ):
            return None
        return TokenCorpus(
            vocabulary=Vocabulary.read(entry / "vocabulary.json"),
            **{name: np.load(entry / f"{name}.npy", mmap_mode="r") for name in SPLITS},
            **record["corpus"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # absent, torn, or of another layout
        return None


def _store(entry: Path, prepared: Prepared) -> None:
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_BENCH, dir=entry.parent) as bench:
            _write(Path(bench, "new"), prepared)
            _publish(Path(bench, "new"), entry, Path(bench, "damaged"))
        _flush(entry.parent)
        _sweep(entry.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError("the cache must be a writable folder", where=str(entry.parent), received=reason) from error


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


def _write(folder: Path, prepared: Prepared) -> None:
    folder.mkdir()
    for name in SPLITS:
        np.save(folder / f"{name}.npy", prepared.splits[name])
    prepared.vocabulary.save(folder / "vocabulary.json")
    record: dict[str, Any] = {
        "files": {path.name: hash_file(path) for path in sorted(folder.iterdir())},
        "corpus": {
            "start": prepared.start,
            "facts": dict(prepared.facts),
            "bounds": dict(prepared.bounds),
            "fingerprint": fingerprint(prepared.vocabulary, prepared.splits, prepared.start),
        },
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
