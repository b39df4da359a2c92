"""Why an attempt ends before its last epoch, as exceptions that travel out of Lightning's loops."""

from __future__ import annotations

import errno

from unroll.ledger.outcome import Status


class Stopped(Exception):
    """Somebody asked the trial to stop; its state is saved."""


class Diverged(Exception):
    """A number that decides is no longer finite.

    Args:
        step: optimizer steps done when it was seen.
        metric: its full name.
        value: NaN or an infinity.
    """

    def __init__(self, *, step: int, metric: str, value: float) -> None:
        self.metric, self.value = metric, value
        super().__init__(f"{metric} became {value} at step {step}")


class BegunWithDiverged(Exception):
    """The trial whose weights this one begins with diverged, so there is nothing that it could begin with.

    Args:
        trial: what diverged, for people.
        message: how.
    """

    def __init__(self, trial: str, message: str) -> None:
        super().__init__(f"begins with {trial}, which diverged: {message}")


MACHINE_ERRORS = frozenset(
    {
        *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS),  # the disk
        *(errno.EMFILE, errno.ENFILE),  # too many open files
        *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN),  # the network
    }
)
"""Errors of the machine, not of what it was asked to do."""


def classify(error: BaseException) -> Status:
    """Status of a trial that ended with this exception inside its own process."""
    text = str(error)
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
        return "out_of_memory"
    if isinstance(error, ConnectionError | TimeoutError):
        return "failed_infrastructure"
    if isinstance(error, OSError) and error.errno in MACHINE_ERRORS:
        return "failed_infrastructure"
    return "failed_user"
