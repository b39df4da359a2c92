"""One owner per results folder, on a laptop as on a file system shared by many hosts.

The folder ``lock`` holds numbered files; the highest number decides who owns the results: ``<n>.held`` names the owner,
``<n>.free`` means that it ended in order. Who may follow on ``n`` creates ``<n+1>.held`` in one exclusive step, so of
several that find the same owner dead one wins. Then it looks again whether its number is the highest: somebody who
decided long ago and comes late loses. A beat is written in place into the owner's own file, which needs no space on
the disk and can never take the lock back from a follower.

Jobs without a driver own a folder together: they have one token, whoever comes first takes the folder for all, and each
of them beats. None of them knows whether it is the last, so none gives the folder free: it is, like that of a dead
owner, once none of them has beaten for a while.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shlex
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from unroll.contract import UserError
from unroll.ledger.files import StorageError, make_folder, read_file, remove, write_once
from unroll.ledger.processes import Process, machine, this_process

HEARTBEAT = 2.0
"""Seconds between two beats of an owner."""
PATIENCE = 15.0
"""Seconds without a beat after which an owner on another machine is taken for dead."""
_GRACE = 5.0
"""Seconds that a beat under way may take; a file server that is gone must not hold up the end."""
_BEAT_OFFSET = len('{"beat":"')
_BEAT_WIDTH = 12
_GONE = frozenset({errno.ENOENT, errno.ESTALE})
_NAME = re.compile(r"(\d+)\.(held|free)")


class Owner(Process):
    """Who owns a results folder."""

    beat: str
    """Changes while the owner lives."""
    token: str
    since: str
    """When the folder was taken: UTC, ISO 8601."""
    command: str

    def __str__(self) -> str:
        return f"{self.host}, process {self.pid}, since {self.since}, running {self.command!r}"


@dataclass(frozen=True, slots=True)
class _Place:
    """A numbered file of the folder ``lock``. Of one number, ``free`` beats ``held``."""

    number: int
    held: bool
    path: Path


class Lock:
    """Owns a results folder from ``with`` to its end.

    Args:
        folder: the folder ``lock`` of the results folder.
        command: what the owner runs; named in the error of whoever is refused.
        heartbeat: seconds between two beats.
        patience: seconds without a beat after which an owner on another machine is taken for dead.
        together: the token of all who own the folder together; None to own it alone.
    """

    def __init__(
        self,
        folder: Path,
        command: str | Sequence[str],
        *,
        heartbeat: float = HEARTBEAT,
        patience: float = PATIENCE,
        together: str | None = None,
    ) -> None:
        self.token = together or uuid.uuid4().hex
        """Names this ownership: never used again."""
        self._together = together is not None
        self._folder, self._heartbeat, self._patience = folder, heartbeat, patience
        self._command = command if isinstance(command, str) else shlex.join(command)
        self._released = threading.Event()

    def __enter__(self) -> Self:
        """Take the folder, from a dead owner if need be.

        Raises:
            UserError: a living owner has it.
            StorageError: the disk refused.
        """
        make_folder(self._folder)
        try:
            while not self._joined() and not self._try_after(self._wait_for_free()):
                pass
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(Path(error.filename or self._folder), error) from error
        self._pid = os.getpid()
        self._beats = threading.Thread(target=self._beat, name="unroll-lock", daemon=True)
        self._beats.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the folder free, unless this is a forked child of the owner or somebody else has taken it."""
        if os.getpid() != self._pid:
            return
        self._released.set()
        self._beats.join(timeout=_GRACE)
        if not self._together:
            self._release()

    def _joined(self) -> bool:
        """Whether the folder is owned by those with whom this one owns it together; then it beats with them."""
        place = _newest(self._folder) if self._together else None
        owner = _parse(_read(place.path)) if place and place.held else None
        if place is None or owner is None or owner.token != self.token:
            return False
        self._path = place.path
        return True

    def _wait_for_free(self) -> int:
        """Number that may be followed; returns once nobody owns the folder."""
        seen, since = None, time.monotonic()
        while True:
            place = _newest(self._folder)
            if place is None or not place.held:
                return place.number if place else 0
            content = _read(place.path)
            owner = _parse(content)
            if owner and self._together and owner.token == self.token:
                return place.number - 1  # somebody was quicker: what follows on that number exists, and is joined
            if owner and owner.machine == machine():
                if not owner.is_gone:
                    raise self._refuse(owner)
                return place.number
            now = (place.number, content)
            if seen != now:
                if seen and content:  # it beats
                    raise self._refuse(owner)
                seen, since = now, time.monotonic()
            if time.monotonic() - since > self._patience:
                return place.number
            time.sleep(min(0.25, self._patience / 10))

    def _refuse(self, owner: Owner | None) -> UserError:
        return UserError(
            "a results folder must have one owner at a time",
            where=str(self._folder.parent),
            received=str(owner) if owner else "a living owner that this version of Unroll cannot read",
            advice="wait until it ends or stop it, or name another folder with --results",
        )

    def _try_after(self, number: int) -> bool:
        """Follow on ``number``; False if somebody else did."""
        self._path = self._folder / f"{number + 1:06}.held"
        try:
            write_once(self._path, self._describe())
            return self._settle(number)
        except FileExistsError:
            return False
        except BaseException:
            self._release()
            raise

    def _settle(self, number: int) -> bool:
        """Whether this ownership is the newest; then everything older goes."""
        newest = _newest(self._folder)
        if newest is None or newest.path != self._path:
            remove(self._path)
            return False
        for place in _places(self._folder):
            if place.number <= number:
                remove(place.path)
        return True

    def _release(self) -> None:
        """Give the folder free if this is still its owner; a disk that refuses leaves a dead owner behind."""
        with contextlib.suppress(OSError):
            owner = _parse(_read(self._path))
            if owner and owner.token == self.token:
                self._path.rename(self._path.with_suffix(".free"))

    def _describe(self) -> bytes:
        process = this_process()
        if self._together:
            process["machine"] = ""  # the end of this process is not the end of the ownership
        owner = Owner(
            beat="0" * _BEAT_WIDTH,
            token=self.token,
            **process,
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            command=self._command,
        )
        fields = {"beat": owner.beat, **owner.model_dump()}  # the beat first: it is written over in its place
        return json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n"

    def _beat(self) -> None:
        """Count up in the owner's own file until released or followed by somebody else."""
        count = 0
        while not self._released.wait(self._heartbeat):
            count += 1
            with contextlib.suppress(OSError):
                handle = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
                try:
                    os.pwrite(handle, f"{count:0{_BEAT_WIDTH}}".encode("ascii"), _BEAT_OFFSET)
                    os.fsync(handle)
                finally:
                    os.close(handle)


def read_owner(folder: Path) -> Owner | None:
    """Who owns the results folder, by its folder ``lock``; None if nobody does or the file is unreadable.

    Raises:
        StorageError: the disk refused, or something else stands in its place.
    """
    try:
        place = _newest(folder)
        return _parse(_read(place.path)) if place and place.held else None
    except OSError as error:
        raise StorageError(Path(error.filename or folder), error) from error


def _newest(folder: Path) -> _Place | None:
    return max(_places(folder), key=lambda place: (place.number, not place.held), default=None)


def _places(folder: Path) -> list[_Place]:
    try:
        matches = [(_NAME.fullmatch(path.name), path) for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    return [_Place(int(match[1]), match[2] == "held", path) for match, path in matches if match]


def _read(path: Path) -> bytes:
    """Content, empty if the file has gone; opening asks the file server, whatever a listing remembered."""
    try:
        return read_file(path)
    except OSError as error:
        if error.errno in _GONE:
            return b""
        raise


def _parse(content: bytes) -> Owner | None:
    try:
        return Owner.model_validate_json(content)
    except ValidationError:
        return None
