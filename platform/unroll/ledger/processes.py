"""Identify processes, and whether they still run: for the lock, claims, and the sweeping of temporary files."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import socket
from pathlib import Path
from typing import Any

from pydantic import PositiveInt

from unroll.study.trial import Frozen

_GONE = frozenset("ZXx")


@functools.cache
def machine() -> str:
    """Short name of the set of processes that share our process ids.

    The host's name alone is not enough: containers may share it and still count their processes apart, and
    after a reboot every old process is gone although the name stays.
    """
    parts = [socket.gethostname(), "", ""]
    with contextlib.suppress(OSError):
        parts[1] = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    with contextlib.suppress(OSError):
        parts[2] = os.readlink("/proc/self/ns/pid")
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=6).hexdigest()


def start_time(pid: int) -> str:
    """When the process started, in clock ticks since boot; empty where the system does not report it."""
    status = _status(pid)
    return status[19] if status else ""


def is_alive(pid: int, started: str) -> bool:
    """Whether the process of this machine that had ``pid`` and began at ``started`` still lives."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    status = _status(pid)
    if not status:
        return True
    return status[0] not in _GONE and (not started or status[19] == started)


class Process(Frozen):
    """A process, named so that it is recognised later and from elsewhere."""

    host: str
    machine: str
    """See :func:`machine`."""
    pid: PositiveInt
    started: str
    """See :func:`start_time`."""

    @property
    def is_gone(self) -> bool:
        """Whether it was a process of this machine that has ended; another machine's is judged by its heartbeat."""
        return self.machine == machine() and not is_alive(self.pid, self.started)


def this_process() -> dict[str, Any]:
    """The fields of :class:`Process` for the one that calls."""
    pid = os.getpid()
    return {"host": socket.gethostname(), "machine": machine(), "pid": pid, "started": start_time(pid)}


def _status(pid: int) -> list[str]:
    """Fields of ``/proc/<pid>/stat`` after the name, which may itself hold spaces and brackets."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
