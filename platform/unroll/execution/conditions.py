"""Why an attempt ends before its last epoch, as exceptions that travel out of Lightning's loops."""

from __future__ import annotations

import errno

from unroll.ledger.outcome import Status


class Stopped(Exception):
    """Somebody asked the trial to stop; its state is saved."""


class Diverged(Exception):
    """The loss is no longer a finite number.

    Args:
        step: optimizer steps done when it was seen.
        loss: the value that was seen (NaN or an infinity).
    """

    def __init__(self, *, step: int, loss: float) -> None:
        self.step, self.loss = step, loss
        super().__init__(f"the training loss became {loss} at step {step}")


STORAGE_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS})


def classify(error: BaseException) -> Status:
    """Status of a trial that ended with this exception inside its own process."""
    text = str(error)
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
        return "out_of_memory"
    if isinstance(error, OSError) and error.errno in STORAGE_ERRORS:
        return "failed_infrastructure"
    if isinstance(error, ConnectionError | BrokenPipeError):
        return "failed_infrastructure"
    return "failed_user"
