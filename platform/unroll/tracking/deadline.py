"""Bounded waiting for calls that may never return."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

ResultT = TypeVar("ResultT")


def within(seconds: float, action: Callable[[], ResultT]) -> ResultT:
    """Run ``action`` in a daemon thread and wait for it at most ``seconds``.

    What still runs after that is left to itself: it holds up neither the caller nor the end of the process.

    Raises:
        TimeoutError: ``action`` has not ended in time.
        Exception: whatever ``action`` raised; a ``SystemExit`` in there is no reason to leave, only an error.
    """
    results: list[ResultT] = []
    errors: list[Exception] = []

    def attempt() -> None:
        try:
            results.append(action())
        except Exception as error:
            errors.append(error)
        except SystemExit as error:
            errors.append(RuntimeError(f"it wanted to exit with {error.code}"))

    thread = threading.Thread(target=attempt, name="unroll-mirror", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return results[0]
