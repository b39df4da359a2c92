"""Outcomes for attempts that could not record their own end."""

from __future__ import annotations

from datetime import UTC, datetime

from unroll.execution.trial.attempt import STACKS
from unroll.ledger import Fenced, Ledger, write_atomic
from unroll.ledger.outcome import Outcome, Status


def sign_hung_attempt(ledger: Ledger, trial: str, reason: str) -> None:
    """Leave the watchdog's signature for a process that stands still, watchdog and all; call it before its end.

    Raises:
        StorageError: the disk refused.
    """
    write_atomic(ledger.trial(trial).folder / STACKS, f"ended from outside: {reason}\n".encode())


def settle_hung_attempt(ledger: Ledger, trial: str) -> Outcome | None:
    """Record a timeout if the watchdog ended the last attempt; None if it did not.

    The watchdog leaves the stacks of a hung process behind, so a file that is not empty is its signature.
    """
    stacks = ledger.trial(trial).folder / STACKS
    if not stacks.exists() or not stacks.stat().st_size:
        return None
    kept = stacks.with_name(f"stacks-{datetime.now(UTC):%Y%m%dT%H%M%S}.txt")
    stacks.replace(kept)
    return record_end(ledger, trial, "timeout", f"no progress for too long; the stacks are in {kept.name}")


def record_end(ledger: Ledger, trial: str, status: Status, message: str) -> Outcome:
    """Record how an attempt ended, seen from outside its process; gives the trial's result where it has one by now."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    progress = ledger.progress([trial]).get(trial)
    outcome = Outcome(
        trial=trial,
        status=status,
        message=message,
        steps=progress.step if progress else 0,
        seconds=progress.seconds if progress else 0.0,
        started=now,
        finished=now,
    )
    try:
        ledger.record(outcome)
    except Fenced:
        return ledger.trial(trial).result() or outcome
    return outcome
