"""Work in a process of its own, which may die of what it uses while this one lives on.

Ray's driver ends its process from C code when Ray's control process is lost, takes SIGTERM's handler for itself, and
prints stacks. So it is a child of the process that owns the results folder, the screen and the signals. The child is a
fork, since it needs what its parent has imported and planned, and hears no signal, nor does any process below it: with
a scheduler's SIGTERM or a terminal's Ctrl-C to everybody, trials must live on until their state is saved.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Iterable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from unroll.execution.runner import Observer, Stopping
from unroll.interruption import Interrupted, unheard
from unroll.ledger.outcome import Outcome
from unroll.ledger.processes import is_alive, start_time

MARK = "UNROLL_MARK"
"""Environment variable that all processes below one child have in common, wherever they hang in the tree."""
TURN = 0.2
"""Seconds between two looks at signals and at the processes that must live."""
_PR_SET_PDEATHSIG = 1


class Lost(Exception):
    """The process died, or one that it depends on."""


class _Remote(Exception):
    """The traceback of an exception in the child, as the cause of the one that is raised here."""

    def __str__(self) -> str:
        return f"\n\n{self.args[0]}"


class Link:
    """The child's way to its parent. An observer too: what it is told is told to the parent's observer."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def started(self, total: int, missing: int) -> None:
        """Nothing: the parent has told it."""

    def refresh(self) -> None:
        """Nothing: the parent refreshes by itself."""

    def finished(self, outcome: Outcome) -> None:
        """A trial ended."""
        self._connection.send(("finished", outcome))

    def message(self, text: str) -> None:
        """One line for people."""
        self._connection.send(("message", text))

    def ready(self) -> None:
        """Return when the parent has written down that work begins."""
        self._connection.send(("ready", None))
        self._connection.recv()

    def depend(self, processes: Iterable[int]) -> None:
        """From now on the parent takes the child for lost if one of these processes is dead.

        Those before must still live when it hears that, for which this waits: what the child says of an error may only
        tell of their death.
        """
        self._connection.send(("depend", {pid: start_time(pid) for pid in processes}))
        self._connection.recv()

    def end(self, error: BaseException | None) -> None:
        """The work is done, or has failed."""
        if error is None:
            self._connection.send(("end", None))
            return
        text = "".join(traceback.format_exception(error))
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301  # many an exception can be written and not read
        except Exception:  # whatever its own code raises
            error = RuntimeError(f"{type(error).__name__}: {error}")
        self._connection.send(("error", (error, text)))


def run_apart(
    work: Callable[[Link], None], *, observer: Observer, ready: Callable[[], None], stopping: Stopping
) -> None:
    """Run ``work`` in a child until it ends; nothing of it is left then.

    Args:
        work: runs in the child. It looks at the ledger for a request to stop.
        observer: who watches, in this process.
        ready: called in this process when the child calls :meth:`Link.ready`.
        stopping: whether this process was asked to leave.

    Raises:
        Lost: the child died, or one of the processes that it named with :meth:`Link.depend`.
        Interrupted: this process was asked to leave before ``ready``, or twice.
        Exception: what ``work`` or ``ready`` raised.
    """
    context, mark = multiprocessing.get_context("fork"), uuid.uuid4().hex
    ours, theirs = context.Pipe()
    child = context.Process(target=_live, args=(work, ours, theirs, mark, os.getpid()), daemon=True)
    orderly = False
    try:
        with unheard():  # the child is born deaf; what it did not hear is raised at the block's end
            child.start()
        theirs.close()
        _listen(ours, observer, ready, stopping)
        orderly = True
    finally:
        if child.pid is not None:
            child.kill()
            child.join()
        ours.close()
        theirs.close()
        if not orderly:
            _end_marked(mark)


def _listen(ours: Connection, observer: Observer, ready: Callable[[], None], stopping: Stopping) -> None:
    begun, refreshed = False, time.monotonic()
    needed: dict[int, str] = {}
    while True:
        name, value = _receive(ours)
        if name == "end":
            return
        if name == "error":
            error, text = value
            raise error from _Remote(text)
        if name == "ready":
            ready()
            begun = True
            _answer(ours)
        elif name == "depend":
            _see_alive(needed)
            needed = value
            _answer(ours)
        elif name:
            getattr(observer, name)(value)
        else:
            _see_alive(needed)
        if stopping.asked() and not begun:
            raise Interrupted
        if time.monotonic() - refreshed >= 1.0:
            observer.refresh()
            refreshed = time.monotonic()


def _answer(ours: Connection) -> None:
    """Let the child go on; one that is dead by now is found so with the next turn."""
    with contextlib.suppress(OSError):
        ours.send(None)


def _see_alive(needed: Mapping[int, str]) -> None:
    if not all(is_alive(pid, started) for pid, started in needed.items()):
        raise Lost


def _receive(ours: Connection) -> tuple[str, Any]:
    """The next message; an empty one where none comes within a turn."""
    try:
        message: tuple[str, Any] = ours.recv() if ours.poll(TURN) else ("", None)
        return message
    except (EOFError, OSError):
        raise Lost from None


def _live(work: Callable[[Link], None], ours: Connection, theirs: Connection, mark: str, parent: int) -> NoReturn:
    """The child's whole life. It leaves without Python's farewell, whose callbacks and buffers are its parent's."""
    code = 1
    try:
        ours.close()
        _die_with(parent)
        os.setsid()
        _fall_silent()
        os.environ[MARK] = mark
        link = Link(theirs)
        try:
            work(link)
        except BaseException as error:
            link.end(error)
        else:
            link.end(None)
        code = 0
    finally:
        os._exit(code)


def _die_with(parent: int) -> None:
    """Nothing may go on when the owner of the results folder was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _fall_silent() -> None:
    """The screen is the parent's: C code that dies prints there, too."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def _end_marked(mark: str, *, seconds: float = 5.0) -> None:
    """Kill what a child left behind, and see it dead: workers that outlived their Ray would write beside new ones."""
    deadline = time.monotonic() + seconds
    while (marked := _find_marked(mark)) and time.monotonic() < deadline:
        for pid in marked:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _find_marked(mark: str) -> list[int]:
    """Living processes of this user on this machine with the mark; of the dead there is no environment to read."""
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() in file.read_bytes().split(b"\0"):
                found.append(int(file.parent.name))
    return found
