"""Work in a process of its own, which may die of what it uses while this one lives on.

Ray's driver ends its process from C code when Ray's control process is lost, takes SIGTERM's handler for itself, and
prints stacks. So it is a child of the process that owns the results folder, the screen and the signals. It hears no
signal, nor does any process below it: with a scheduler's SIGTERM or a terminal's Ctrl-C to everybody, trials must live
on until their state is saved.

The child of a command is a fork, since it needs what its parent has imported. A process that is not ours alone, a
notebook's kernel above all, may hold locks in threads, sockets, a CUDA context or a Ray of its own, of which a fork
would have half: there the child is a fresh interpreter, which costs the imports again (3 s) and inherits nothing but
the environment and the module search path.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import subprocess
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
    """The child's way to its parent. An observer too, which passes everything on to the parent's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def started(self, total: int, missing: int) -> None:
        """Nothing: the parent has reported it."""

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


Work = Callable[[Link], None]


def run_apart(
    work: Work, *, observer: Observer, ready: Callable[[], None], stopping: Stopping, fork: bool = True
) -> None:
    """Run ``work`` in a child until it ends; nothing of it is left then.

    Args:
        work: runs in the child. It looks at the ledger for a request to stop. Pickled where the child is no fork.
        observer: who watches, in this process.
        ready: called in this process when the child calls :meth:`Link.ready`.
        stopping: whether this process was asked to leave.
        fork: whether the child may be a fork of this process: only where no code but ours runs in it.

    Raises:
        Lost: the child died, or one of the processes that it named with :meth:`Link.depend`.
        Interrupted: this process was asked to leave before ``ready``, or twice.
        Exception: what ``work`` or ``ready`` raised.
    """
    mark, orderly = uuid.uuid4().hex, False
    ours, theirs = multiprocessing.Pipe()
    end: Callable[[], None] | None = None
    try:
        with unheard():  # the child starts with signals blocked; what it did not hear is raised at the block's end
            end = (_start_fork if fork else _start_interpreter)(work, ours, theirs, mark)
        theirs.close()
        if not fork:
            with contextlib.suppress(OSError):  # a child that is dead by now is found so below
                ours.send(work)
        _listen(ours, observer, ready, stopping)
        orderly = True
    finally:
        if end is not None:
            end()
        ours.close()
        theirs.close()
        if not orderly:
            _end_marked(mark)


def _start_fork(work: Work, ours: Connection, theirs: Connection, mark: str) -> Callable[[], None]:
    """Start the child; gives what ends it."""
    context = multiprocessing.get_context("fork")
    child = context.Process(target=_live, args=(work, ours, theirs, mark, os.getpid()), daemon=True)
    child.start()

    def end() -> None:
        child.kill()
        child.join()

    return end


def _start_interpreter(_: Work, ours: Connection, theirs: Connection, mark: str) -> Callable[[], None]:  # noqa: ARG001
    """The same; not by ``multiprocessing``, which would run the main module of whoever called once more."""
    path = [place for place in sys.path if place]  # "" would put the working folder before everything else
    program = (
        f"import sys; sys.path[:] = {path!r}; from {__name__} import live_as_interpreter; "
        f"live_as_interpreter({theirs.fileno()}, {mark!r}, {os.getpid()})"
    )
    child = subprocess.Popen(  # noqa: S603  (this interpreter)
        [sys.executable, "-c", program],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def end() -> None:
        child.kill()
        child.wait()

    return end


def live_as_interpreter(theirs: int, mark: str, parent: int) -> NoReturn:
    """What a fresh interpreter does as a child: it is sent its work over the connection with this file descriptor."""
    from unroll.study.project import make_importable

    def work(link: Link) -> None:
        make_importable()
        received: Work = connection.recv()
        received(link)

    connection = Connection(theirs)
    _live(work, None, connection, mark, parent)


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
        if stopping.asked(begun=begun) and not begun:
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


def _live(work: Work, ours: Connection | None, theirs: Connection, mark: str, parent: int) -> NoReturn:
    """The child's whole life. It leaves without Python's farewell, whose callbacks and buffers are its parent's."""
    code = 1
    try:
        if ours is not None:
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
