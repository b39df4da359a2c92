"""Whether another account of this machine could change what is about to be executed or believed.

A path is as safe as the weakest folder on the way to it: whoever may write in one of them can put something else in
the place of the next. Where every folder on the way belongs to this account or to one that it cannot be defended
against, and no other may write there, what was looked at stays what it was; no race is left to be won.

Both floors ask this, through :mod:`unroll.contract`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator
from pathlib import Path

_LINKS = 40
"""Symbolic links on the way to a file after which Linux gives up, too."""
_EVERY_ACCOUNT = "0 0 4294967295"
"""Map of the accounts of a process that is in no user namespace."""


class NotOurs(Exception):
    """Another account could change it; the text names the place, and how."""


def check_ours(path: Path, *, shared: bool = False) -> None:
    """Refuse a path that another account could change, or put something else in the place of.

    What does not exist yet is judged by what does on the way to it. Trusted are root, this account, and the one that
    owns this very code: they could do anything anyway. Where there are no accounts (Windows), nothing is asked.

    Args:
        path: a file or folder; symbolic links on the way are followed, and judged by who owns them.
        shared: let owners and groups of the folders share it, as a working group does, and refuse only what is open to
            every account.

    Raises:
        NotOurs: somebody could.
        OSError: it cannot be looked at.
    """
    if not hasattr(os, "geteuid"):
        return
    trusted, open_to_all = _trusted(), False
    for place, found, last in _way(path.absolute()):
        if (open_to_all or not shared) and found.st_uid not in trusted:
            raise NotOurs(f"{place} belongs to {_account(found.st_uid)}")
        if stat.S_ISLNK(found.st_mode):
            continue  # its mode means nothing
        open_to_all = bool(found.st_mode & stat.S_IWOTH)
        writable = open_to_all or (not shared and _group_may_write(place, found))
        if writable and (last or not found.st_mode & stat.S_ISVTX):
            raise NotOurs(f"{place} can be written by {'every account' if open_to_all else 'its group'}")


def open_ours(path: Path) -> int:
    """Open a regular file that no other account can change, for reading: what is read is what was checked.

    Returns:
        Its descriptor, which the caller closes.

    Raises:
        NotOurs: somebody could change it, or it is a link or no file.
        OSError: it cannot be opened; :class:`FileNotFoundError` where there is none.
    """
    check_ours(path.parent)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            raise NotOurs(f"{path} is a link or no file") from None
        raise
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise NotOurs(f"{path} is no file")
        if hasattr(os, "geteuid") and found.st_uid not in _trusted():
            raise NotOurs(f"{path} belongs to {_account(found.st_uid)}")
        if found.st_mode & stat.S_IWOTH or _group_may_write(path, found):
            raise NotOurs(f"{path} can be written by others")
    except BaseException:
        os.close(handle)
        raise
    return handle


def _way(path: Path) -> Iterator[tuple[Path, os.stat_result, bool]]:
    """Every folder and link from the root to ``path``, links followed; and whether it is the end of the way."""
    here, links = Path(path.anchor), 0
    todo = deque(path.parts[1:])
    yield here, here.lstat(), not todo
    while todo:
        name = todo.popleft()
        place = here.parent if name == ".." else here / name
        try:
            found = place.lstat()
        except FileNotFoundError:
            return
        yield place, found, not todo
        if not stat.S_ISLNK(found.st_mode):
            here = place
            continue
        links += 1
        if links > _LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        target = Path(os.readlink(place))
        here = Path(target.anchor) if target.is_absolute() else here
        todo.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))


def _trusted() -> frozenset[int]:
    return frozenset({0, os.geteuid(), Path(__file__).stat().st_uid}) | _unmapped()


def _unmapped() -> frozenset[int]:
    """In a user namespace all accounts outside it look like one, root among them: they cannot be told apart."""
    try:
        if Path("/proc/self/uid_map").read_text(encoding="ascii").split() == _EVERY_ACCOUNT.split():
            return frozenset()
        return frozenset({int(Path("/proc/sys/kernel/overflowuid").read_text(encoding="ascii"))})
    except (OSError, ValueError):
        return frozenset()


def _group_may_write(place: Path, found: os.stat_result) -> bool:
    """Whether the bit lets in anybody else: where umask is 002, each account has a group of its own."""
    return bool(found.st_mode & stat.S_IWGRP) and (_has_more_rights(place) or not _is_private(found.st_gid))


def _has_more_rights(place: Path) -> bool:
    """Where there is a list of rights (ACL), the group's bit is the most that any of it gives."""
    try:
        return "system.posix_acl_access" in os.listxattr(place, follow_symlinks=False)
    except (AttributeError, OSError):  # another system, or a file system without them
        return False


def _is_private(group: int) -> bool:
    """Whether a group is root's, or named like this account, and has no other member."""
    import grp
    import pwd

    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # an account without a name, as in many a container
        name = ""
    try:
        entry = grp.getgrgid(group)
    except KeyError:
        return False
    return (group == 0 or entry.gr_name == name) and set(entry.gr_mem) <= {name, "root"}


def _account(uid: int) -> str:
    import pwd

    try:
        return f"the account {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the account {uid}"
