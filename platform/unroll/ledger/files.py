"""Write files so that a reader finds the old version, the new one, or none: never half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from unroll.contract import UserError
from unroll.ledger.processes import is_alive, machine, start_time

_LEFTOVER = re.compile(r"\..+\.(?P<machine>[0-9a-f]{12})-(?P<pid>\d+)-(?P<started>\d*)-[0-9a-f]{8}\.tmp")
_FOREIGN_LEFTOVER_AGE = 24 * 3600.0
"""Seconds after which a temporary file of another machine is taken for abandoned."""
_MISPLACED = {
    errno.EISDIR: "a folder must not stand where a file of the results belongs",
    errno.ENXIO: "what is no file must not stand where a file of the results belongs",
    errno.ENOTDIR: "a file must not stand where a folder of the results belongs",
}
"""Rule that is broken when something else stands in the place of a file or folder, by the system's error."""
_KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}
_LARGE = 2**28
"""Bytes from which on a file that is mostly a hole is not read: reading it would fill the memory with zeros."""
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
_NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS})


class StorageError(UserError, OSError):
    """The disk refused: full, read-only, not permitted, broken. What was there before is untouched.

    Args:
        path: what was to be read or written.
        cause: the system's error.
    """

    def __init__(self, path: Path, cause: OSError) -> None:
        rule, advice = "the results folder must be writable and have space", "free space or fix the permissions"
        if cause.errno in _MISPLACED:
            rule, advice = _MISPLACED[cause.errno], "move it away"
        super().__init__(
            rule,
            where=str(path),
            received=cause.strerror or str(cause),
            advice=f"no record is lost: {advice} and run the same command again",
        )
        self.errno = cause.errno
        self.args = (path, cause)  # what pickle calls the class with


class NoRegularFile(OSError):
    """A folder, a pipe, a socket or a device lies where a file belongs."""


def read_file(path: Path) -> bytes:
    """Content of a regular file, or of the one that a link leads to: some stores keep files so.

    Whatever else lies there is refused without waiting for it: nobody may ever write into a pipe, and a device never
    ends.

    Raises:
        FileNotFoundError: there is none.
        NoRegularFile: something else lies there; ``strerror`` names it.
        OSError: it cannot be read.
    """
    _check_regular(path, os.stat(path))  # before it is opened, which alone can move a device
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as file:
        _check_regular(path, os.fstat(handle))
        return file.read()


def _check_regular(path: Path, found: os.stat_result) -> None:
    if found.st_size > _LARGE and getattr(found, "st_blocks", found.st_size) * 512 < found.st_size // 64:
        raise OSError(errno.EFBIG, f"it claims {found.st_size:,} bytes, hardly any of which were written", str(path))
    if stat.S_ISDIR(found.st_mode):
        raise NoRegularFile(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "no regular file")
        raise NoRegularFile(errno.ENXIO, f"{kind} lies in its place", str(path))


def write_atomic(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write or replace ``path`` in one step.

    Args:
        path: the file; its folder is made if it is missing.
        data: the whole new content.
        durable: whether the file must survive a power cut once this returns.

    Raises:
        StorageError: the disk refused; the old version is still there, or already the new one.
    """
    with _storage(path), _temporary(path, data, durable=durable) as temporary:
        os.replace(temporary, path)
        _sync_folder(path.parent, durable=durable)


def write_once(path: Path, data: bytes) -> None:
    """Write ``path`` durably in one step unless it is there: of several writers exactly one succeeds.

    Raises:
        FileExistsError: somebody wrote ``path`` before; it is untouched.
        StorageError: the disk refused.
    """
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    with _storage(path), _temporary(path, data, durable=True) as temporary:
        _link(temporary, path)
        _sync_folder(path.parent, durable=True)


def make_folder(folder: Path) -> None:
    """Make ``folder`` and its parents, durably.

    Raises:
        StorageError: the disk refused.
    """
    if folder.is_dir():
        return
    if folder.exists():
        raise StorageError(folder, NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)))
    make_folder(folder.parent)
    with _storage(folder):
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent, durable=True)


def move_folder(folder: Path, to: Path) -> None:
    """Give a folder another name on the same file system, in one step and durably.

    Raises:
        StorageError: the disk refused.
    """
    with _storage(to):
        folder.rename(to)
        _sync_folder(to.parent, durable=True)
        _sync_folder(folder.parent, durable=True)


def remove(path: Path) -> None:
    """Remove a file, durably; no error if it is not there.

    Raises:
        StorageError: the disk refused.
    """
    with _storage(path), contextlib.suppress(FileNotFoundError):
        path.unlink()
        _sync_folder(path.parent, durable=True)


def sweep(folder: Path) -> None:
    """Remove the temporary files that dead writers left in ``folder``; files in its folders stay."""
    with contextlib.suppress(OSError):
        for path in [path for path in folder.iterdir() if _is_abandoned(path)]:
            path.unlink()


def _is_abandoned(path: Path) -> bool:
    match = _LEFTOVER.fullmatch(path.name)
    if match is None:
        return False
    if match["machine"] == machine():
        return not is_alive(int(match["pid"]), match["started"])
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime > _FOREIGN_LEFTOVER_AGE
    return False


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, StorageError):
        raise
    except OSError as error:
        raise StorageError(path, error) from error


@contextlib.contextmanager
def _temporary(path: Path, data: bytes, *, durable: bool) -> Iterator[Path]:
    """A whole file in the folder of ``path``: the same file system, so that renaming is one step."""
    make_folder(path.parent)
    writer = f"{machine()}-{os.getpid()}-{start_time(os.getpid())}-{uuid.uuid4().hex[:8]}"
    temporary = path.with_name(f".{path.name}.{writer}.tmp")
    try:
        _write(temporary, data, durable=durable)
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _write(path: Path, data: bytes, *, durable: bool) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)


def _link(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        # Over NFS the answer to a link that succeeded may be lost and the link asked for again.
        if temporary.stat().st_nlink != 2:
            raise
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        os.replace(temporary, path)


def _sync_folder(folder: Path, *, durable: bool) -> None:
    """Make a change of names in ``folder`` survive a power cut, where the file system can."""
    if not durable:
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)
