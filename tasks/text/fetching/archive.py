"""Files out of an archive that nobody trusts: only those that were asked for, under names that we choose.

So no path inside an archive ever decides where something is written. An archive that tries is refused as a whole all
the same, and so is one that unpacks to more than any corpus is.
"""

from __future__ import annotations

import errno
import gzip
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Final, Literal, cast

from unroll.contract import UserError

Kind = Literal["zip", "tar.gz"]

MOST_MEMBERS: Final = 10_000
MOST_UNPACKED: Final = 2**29
MOST_RATIO: Final = 200
"""Text is packed to a quarter, a list of equal lines to a fiftieth."""
_SMALL: Final = 2**24
"""Up to here the ratio says nothing."""
_CHUNK: Final = 1 << 16


def extract(archive: Path, kind: Kind, members: Mapping[str, str], folder: Path, *, where: str) -> None:
    """Unpack some members of an archive.

    Args:
        archive: the file.
        kind: its format.
        members: name of a new file in ``folder`` -> name of the member that it is made of.
        folder: empty so far; after an error the caller throws it away.
        where: what errors call the archive.

    Raises:
        UserError: the archive is broken or hostile, or lacks a member.
        OSError: the disk refuses.
    """
    budget = _Budget(archive.stat().st_size, where)
    files = {member: folder / file for file, member in members.items()}
    with _refusing_broken(where):
        found = (_unzip if kind == "zip" else _untar)(archive, files, budget)
    if missing := sorted(files.keys() - found):
        raise UserError("the archive must hold what is taken from it", where=where, received=f"no {missing[0]}")


class _Budget:
    """What an archive may still cost.

    Args:
        packed: bytes of the archive.
        where: what errors call it.
    """

    def __init__(self, packed: int, where: str) -> None:
        self._where, self._members = where, 0
        self.bytes = min(MOST_UNPACKED, max(_SMALL, packed * MOST_RATIO))

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


def _unzip(archive: Path, files: Mapping[str, Path], budget: _Budget) -> set[str]:
    found: set[str] = set()
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        for member in members:
            mode = stat.S_IFMT(member.external_attr >> 16)
            plain = mode in (0, stat.S_IFREG, stat.S_IFDIR) and not member.flag_bits & 1  # 1: a password is needed
            budget.count(member.filename, member.file_size, plain)
        for member in members:
            if member.filename in files:
                with opened.open(member) as source:
                    _copy(source, files[member.filename], member.file_size)
                found.add(member.filename)
    return found


def _untar(archive: Path, files: Mapping[str, Path], budget: _Budget) -> set[str]:
    found: set[str] = set()
    with (
        gzip.open(archive) as unpacked,
        tarfile.open(fileobj=cast("IO[bytes]", _Counted(unpacked, budget)), mode="r|") as opened,
    ):
        for member in opened:
            plain = (member.isreg() and not member.issparse()) or member.isdir()
            budget.count(member.name, 0, plain and member.size >= 0)  # its bytes are counted as they are read
            if member.name in files and (source := opened.extractfile(member)) is not None:
                _copy(source, files[member.name], member.size)
                found.add(member.name)
    return found


class _Counted:
    """Counts what is unpacked, headers of the archive too: a header may claim to be gigabytes long."""

    def __init__(self, inner: gzip.GzipFile, budget: _Budget) -> None:
        self._inner, self._budget = inner, budget

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes, and never more than a chunk."""
        content = self._inner.read(size if 0 <= size <= _CHUNK else _CHUNK)
        self._budget.spend(len(content))
        return content


def _copy(source: IO[bytes], target: Path, size: int) -> None:
    """Write exactly so many bytes to a new file; a second member of the same name finds it there."""
    with target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            file.write(chunk)
            if file.tell() > size:
                raise zipfile.BadZipFile("a member is longer than it says")
        if file.tell() != size:
            raise EOFError("a member is shorter than it says")


@contextmanager
def _refusing_broken(where: str) -> Iterator[None]:
    """The many ways in which the libraries say that an archive is broken."""
    try:
        yield
    except FileExistsError as error:
        raise UserError("a member that is taken must be in an archive once", where=where) from error
    except (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, struct.error) as error:
        raise _broken(where, error) from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a broken zip sends its reader to places before the beginning
            raise
        raise _broken(where, error) from error
    except (ValueError, NotImplementedError, RuntimeError, OverflowError, IndexError, KeyError) as error:
        raise _broken(where, error) from error


def _broken(where: str, error: Exception) -> UserError:
    return UserError("the archive must be whole", where=where, received=str(error)[:120] or type(error).__name__)
