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
from pathlib import Path
from typing import IO, Final, Literal, cast

from tasks.text.fetching.budget import Budget, Counted
from unroll.contract import UserError

Kind = Literal["zip", "tar.gz"]

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
    budget = Budget(archive.stat().st_size, where)
    files = {member: folder / file for file, member in members.items()}
    with _refusing_broken(where):
        found = (_unzip if kind == "zip" else _untar)(archive, files, budget)
    if missing := sorted(files.keys() - found):
        raise UserError("the archive must hold what is taken from it", where=where, received=f"no {missing[0]}")


def _unzip(archive: Path, files: Mapping[str, Path], budget: Budget) -> set[str]:
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


def _untar(archive: Path, files: Mapping[str, Path], budget: Budget) -> set[str]:
    found: set[str] = set()
    with (
        gzip.open(archive) as unpacked,
        tarfile.open(fileobj=cast("IO[bytes]", Counted(unpacked, budget)), mode="r|") as opened,
    ):
        for member in opened:
            plain = (member.isreg() and not member.issparse()) or member.isdir()
            budget.count(member.name, 0, plain and member.size >= 0)  # its bytes are counted as they are read
            if member.name in files and (source := opened.extractfile(member)) is not None:
                _copy(source, files[member.name], member.size)
                found.add(member.name)
    return found


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
