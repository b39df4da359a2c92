"""A full disk under Ray, which wraps the system's error into errors of its own and into text."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from unroll.ledger import StorageError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
"""What trying again does not mend: no space, no quota, no right to write."""
_PROBE = 1 << 16
"""Bytes that every run needs within its next seconds."""


class NoRoomForRay(StorageError):
    """The disk refused Ray's own files."""

    def __init__(self, path: Path, cause: OSError) -> None:
        super().__init__(path, cause)
        self.rule = "Ray's temporary folder must be writable and have space"


def refusal(error: BaseException, results: Path, own: Path) -> StorageError | None:
    """The disk's refusal behind an error of Ray's; None if it was something else.

    Args:
        error: what Ray raised.
        results: the results folder.
        own: a folder of Ray's own, or one that it was to make.
    """
    if (full := probe(results)) is not None:
        return StorageError(results, full)
    if (full := probe(own)) is not None:
        return NoRoomForRay(own, full)
    found = [number for number in FULL if os.strerror(number) in str(error)]  # it had no room when it tried
    return NoRoomForRay(own, OSError(found[0], os.strerror(found[0]))) if found else None


def probe(folder: Path) -> OSError | None:
    """Why the folder, or the nearest one above it that is there, takes nothing more; None if it does."""
    there = next(place for place in (folder, *folder.parents) if place.is_dir())
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(os.urandom(_PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error if error.errno in FULL else None
    return None
