"""Ctrl-C and SIGTERM: how a command learns that it is to leave. Imports nothing heavy, so that it is there first."""

from __future__ import annotations

import atexit
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """Somebody asks this process to leave.

    Neither an ``Exception`` nor a ``KeyboardInterrupt``: no library may take it for a matter of its own.
    """


class _State:
    asked = False
    """Whether a signal came in the block of :func:`listening` that is under way."""
    last: int | None = None
    """The newest signal that came in such a block, or in the last one."""
    patient = 0
    """Blocks of :func:`patience` that are under way."""


def asked() -> bool:
    """Whether this process was asked to leave."""
    return _State.asked


def last_signal() -> int | None:
    """The newest signal that came while :func:`listening`; None where none came in the last such block."""
    return _State.last


@contextmanager
def listening() -> Iterator[None]:
    """While the block runs, a signal raises :class:`Interrupted` in it, wherever it is.

    Python can lose what a handler raises, as in the middle of an import: :func:`check` raises it again. After the
    block the handlers are those from before it. In a thread other than the main one, where Python sets no handlers,
    nothing happens; nor to a handler that was not set by Python, which could not be set again.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(SIGNALS[0]) is _handle:
        yield
        return
    _State.asked, _State.last = False, None
    ours = [number for number in SIGNALS if signal.getsignal(number) is not None]
    before = {number: signal.signal(number, _handle) for number in ours}
    try:
        yield
    finally:
        _State.asked = False
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_at_exit() -> None:
    """While Python takes itself down the signals are ignored: what was printed and the exit code stand."""
    atexit.unregister(_ignore)
    atexit.register(_ignore)  # the last that is registered is the first that is called


def check() -> None:
    """Go on unless this process was asked to leave.

    Raises:
        Interrupted: it was.
    """
    if _State.asked:
        raise Interrupted


@contextmanager
def patience() -> Iterator[None]:
    """While the block runs, the first signal is only noted, see :func:`asked`; the next one raises."""
    _State.patient += 1
    try:
        yield
    finally:
        _State.patient -= 1


@contextmanager
def unheard() -> Iterator[None]:
    """Signals wait until the block's end, and processes that start in it never hear them: they inherit the mask."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    first, _State.asked, _State.last = not _State.asked, True, number
    if not (first and _State.patient):
        raise Interrupted


def _ignore() -> None:
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
