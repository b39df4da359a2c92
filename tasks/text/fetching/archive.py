"""Files out of an archive that nobody trusts: only those that were asked for, under names that we choose.

So no path inside an archive ever decides where something is written. An archive that tries is refused as a whole all
the same, and so is one that unpacks to more than any corpus is. (The data filter of ``tarfile`` bounds no size and lets
links and names of Windows pass; ``zipfile`` has none.)
"""

from __future__ import annotations

import errno
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Final, NamedTuple, cast

from tasks.text.fetching.shipment import Kind
from tasks.text.unpacking import Allowance, Bounded
from unroll.contract import UserError

MOST_MEMBERS: Final = 10_000
MOST_UNPACKED: Final = 2**29
_CHUNK: Final = 1 << 16
_BROKEN: Final = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, ValueError, RuntimeError, OverflowError, LookupError),
)
"""The ways in which the libraries report a broken archive, ``OSError`` aside."""


class _Member(NamedTuple):
    name: str
    size: int
    plain: bool
    """Whether it is a file or a folder: no link, no device, nothing that needs a password."""
    open: Callable[[], IO[bytes] | None]


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
    allowed = Allowance("an archive", where, archive.stat().st_size, MOST_UNPACKED)
    files = {member: folder / file for file, member in members.items()}
    found: set[str] = set()
    read = _zipped if kind == "zip" else _tarred
    with _refusing_broken(where), closing(read(archive, allowed)) as contents:
        for number, member in enumerate(contents):
            _check(member, number, where)
            if member.name in files and (source := member.open()) is not None:
                _copy(source, files[member.name], member.size)
                # No early end: an archive with a hostile member is refused wherever that stands.
                found.add(member.name)
    if missing := sorted(files.keys() - found):
        raise UserError("the archive must hold what is taken from it", where=where, received=f"no {missing[0]}")


def _zipped(archive: Path, allowed: Allowance) -> Generator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            mode = stat.S_IFMT(member.external_attr >> 16)
            plain = mode in (0, stat.S_IFREG, stat.S_IFDIR) and not member.flag_bits & 1  # 1: a password is needed
            allowed.spend(member.file_size)  # no more than that is read
            yield _Member(member.filename, member.file_size, plain, partial(opened.open, member))


def _tarred(archive: Path, allowed: Allowance) -> Generator[_Member]:
    # All that is unpacked is counted, headers too: one may claim to be gigabytes long.
    with (
        archive.open("rb") as packed,
        tarfile.open(fileobj=cast("IO[bytes]", Bounded(packed, allowed)), mode="r|") as opened,
    ):
        for member in opened:
            plain = (member.isreg() and not member.issparse()) or member.isdir()
            yield _Member(member.name, member.size, plain, partial(opened.extractfile, member))


def _check(member: _Member, number: int, where: str) -> None:
    """Look at a member before anything of it is read."""
    path = PurePosixPath(member.name)
    # Names decide nothing here, see the module: but an archive that tries to escape is not what it seems to be.
    escapes = path.is_absolute() or ".." in path.parts or "\\" in member.name or PureWindowsPath(member.name).drive
    if escapes or not member.plain or member.size < 0:
        rule = "an archive must hold plain files and folders inside itself"
        raise UserError(rule, where=where, received=repr(member.name[:80]))
    if number >= MOST_MEMBERS:
        raise UserError(f"an archive must have at most {MOST_MEMBERS:,} members", where=where)


def _copy(source: IO[bytes], target: Path, size: int) -> None:
    """Write exactly so many bytes to a new file; a second member of the same name finds it there."""
    with source, target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            file.write(chunk)
            if file.tell() > size:
                raise zipfile.BadZipFile("a member is longer than it says")
        if file.tell() != size:
            raise EOFError("a member is shorter than it says")


@contextmanager
def _refusing_broken(where: str) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise UserError("a member that is taken must be in an archive once", where=where) from error
    except (OSError, *_BROKEN) as error:
        # Without a number it is no system's: bad gzip or bzip2 data. EINVAL: a broken zip points before its beginning.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        reason = str(error)[:120] or type(error).__name__
        raise UserError("the archive must be whole", where=where, received=reason) from error
