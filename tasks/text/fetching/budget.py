"""What an archive may cost before it is taken for a bomb, and what its members may be called."""

from __future__ import annotations

import gzip
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final

from tasks.text.unpacking import MOST_RATIO, allowance
from unroll.contract import UserError

MOST_MEMBERS: Final = 10_000
MOST_UNPACKED: Final = 2**29
_CHUNK: Final = 1 << 16


class Budget:
    """What an archive may still cost.

    Args:
        packed: bytes of the archive.
        where: what errors call it.
    """

    def __init__(self, packed: int, where: str) -> None:
        self._where, self._members = where, 0
        self.bytes = allowance(packed, MOST_UNPACKED)

    def count(self, name: str, size: int, harmless: bool) -> None:
        """Look at a member before anything of it is read."""
        path = PurePosixPath(name)
        escapes = path.is_absolute() or ".." in path.parts or "\\" in name or PureWindowsPath(name).drive
        if escapes or not harmless or size < 0:
            rule = "an archive must hold plain files and folders inside itself"
            raise UserError(rule, where=self._where, received=repr(name[:80]))
        self._members += 1
        self.spend(size)
        if self._members > MOST_MEMBERS:
            raise UserError(f"an archive must have at most {MOST_MEMBERS:,} members", where=self._where)

    def spend(self, size: int) -> None:
        """Count unpacked bytes."""
        self.bytes -= size
        if self.bytes < 0:
            rule = f"an archive must unpack to at most {MOST_UNPACKED:,} bytes and {MOST_RATIO} times its size"
            raise UserError(rule, where=self._where)


class Counted:
    """Counts what is unpacked, headers of the archive too: a header may claim to be gigabytes long."""

    def __init__(self, inner: gzip.GzipFile, budget: Budget) -> None:
        self._inner, self._budget = inner, budget

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes, and never more than a chunk."""
        content = self._inner.read(size if 0 <= size <= _CHUNK else _CHUNK)
        self._budget.spend(len(content))
        return content
