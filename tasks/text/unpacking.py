"""How far data that nobody trusts may unpack: a small file that becomes more than any text is given up on early."""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, cast, final

from unroll.contract import UserError

MOST_RATIO: Final = 200
"""Text is packed to a quarter, a list of equal lines to a fiftieth, nothing to less than a thousandth."""
SMALL: Final = 2**24
"""Up to so many unpacked bytes the ratio says nothing."""
MOST_UNPACKED: Final = 2**33
"""Bytes of a file: the largest word vectors that are known have 6 * 10**9."""
VARIABLE: Final = "UNROLL_MOST_UNPACKED"
"""Environment variable with the bytes that a file may unpack to, in place of these limits."""
_BUFFER: Final = 2**20


def allowance(packed: int, most: int = MOST_UNPACKED) -> int:
    """Bytes that so many packed ones may become."""
    # A small file may be packed however well; a large one within the ratio; none beyond `most`.
    return min(most, max(SMALL, packed * MOST_RATIO))


@final
class Allowance:
    """The bytes that one packed file may become; spent as it is unpacked.

    Args:
        what: what errors call such a file: ``an archive``.
        where: its name in errors.
        packed: its bytes.
        most: bytes that none may exceed.

    Raises:
        UserError: the environment asks for something that is no number of bytes.
    """

    def __init__(self, what: str, where: str, packed: int, most: int = MOST_UNPACKED) -> None:
        self._what, self._where, self._packed, self._unpacked = what, where, packed, 0
        asked = _asked()
        self._limit = allowance(packed, most) if asked is None else asked

    def spend(self, count: int) -> None:
        """Count unpacked bytes.

        Raises:
            UserError: there are too many.
        """
        self._unpacked += count
        if self._unpacked > self._limit:
            raise UserError(
                f"{self._what} must unpack to at most {self._limit:,} bytes",
                where=self._where,
                received=f"{self._packed:,} bytes that are {self._unpacked:,} unpacked, and more to come",
                advice=f"is it damaged, or made to fill memory? else set {VARIABLE} to the bytes that it may have",
            )


@contextmanager
def unpacking(path: Path, raw: BinaryIO) -> Iterator[io.BufferedReader]:
    """The unpacked bytes of a gzip file.

    Args:
        path: of the file; what errors call it.
        raw: the file, opened at its beginning.

    Raises:
        UserError: it is no whole gzip data, or unpacks to more than it may.
    """
    allowed = Allowance("a file named .gz", str(path), os.fstat(raw.fileno()).st_size)
    try:
        with io.BufferedReader(Bounded(raw, allowed), _BUFFER) as unpacked:
            yield cast("io.BufferedReader", unpacked)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError("a file named .gz must be whole gzip data", where=str(path), received=str(error)) from error


@final
class Bounded(io.RawIOBase):
    """The unpacked bytes of gzip data, each counted as it is read."""

    def __init__(self, raw: BinaryIO, allowed: Allowance) -> None:
        self._inner, self._allowed = gzip.GzipFile(fileobj=raw), allowed

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there is something."""
        count = self._inner.readinto(buffer)
        self._allowed.spend(count)  # raises before the next piece is unpacked
        return count


def _asked() -> int | None:
    """What the environment allows, if it says so."""
    text = os.environ.get(VARIABLE, "")
    if not text:
        return None
    if not re.fullmatch(r"[1-9][0-9_]{0,17}", text):
        raise UserError("must be a whole number of bytes", where=VARIABLE, received=repr(text[:40]))
    return int(text.replace("_", ""))
