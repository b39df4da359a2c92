"""Follow and end what was sent to a cluster, by what its results folder says."""

from __future__ import annotations

from pathlib import Path

from unroll.cluster.programs import call
from unroll.contract import UserError
from unroll.ledger import Ledger, SubmissionRecord
from unroll.workflow.places import find_results
from unroll.workflow.submitting import read_target

DRIVER = "driver.log"
LARGEST = 16 * 2**20
"""Bytes of one look: what a run printed before that is in its file."""


class Output:
    """What the newest submission of a results folder prints.

    Args:
        target: the folder, or a study.
        every: also what jobs without a driver print.

    Raises:
        UserError: nothing is there, or nothing was ever submitted.
    """

    def __init__(self, target: str, *, every: bool = False) -> None:
        self._ledger, self._every = Ledger.open(find_results(target)), every
        names = self._ledger.submission_names()
        if not names:
            rule = "what was sent with `unroll submit` has output here"
            advice = "a run of `unroll run` prints where it was started; `unroll status` tells how far it is"
            raise UserError(rule, where=str(self._ledger.root), received="no submission", advice=advice)
        self._submission = self._ledger.submission(names[-1])
        self._folder = self._ledger.root / "submissions" / names[-1]
        self._read: dict[str, int] = {}

    def read(self) -> list[str]:
        """Lines that are new since the last call; of several files each line says of which."""
        found: list[str] = []
        for path in self._files():
            size = path.stat().st_size
            start = max(self._read.get(path.name, 0), size - LARGEST)
            with path.open("rb") as file:
                file.seek(start)
                whole, newline, _ = file.read(size - start).rpartition(b"\n")
            self._read[path.name] = start + len(whole) + len(newline)
            mark = f"{path.stem}: " if self._every else ""
            found += [f"{mark}{line}" for line in whole.decode(errors="replace").split("\n") if newline]
        return found

    @property
    def over(self) -> bool:
        """Whether its run has begun and nobody owns the folder any more."""
        owner = self._ledger.owner()
        return _has_begun(self._ledger, self._submission) and (owner is None or owner.is_gone)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.log" if self._every else DRIVER))


def stop(target: str) -> list[str]:
    """Ask whoever owns a results folder to end, and take back what has not begun.

    Args:
        target: the folder, or a study.

    Returns:
        What was done, a sentence each.

    Raises:
        UserError: nothing is there.
        StorageError: the disk refused.
    """
    ledger = Ledger.open(find_results(target))
    owner, names, done = ledger.owner(), ledger.submission_names(), []
    if owner is not None and not owner.is_gone:
        ledger.request_stop(owner.token)
        done.append(f"asked {owner.command!r} on {owner.host} to end: running trials save their state")
    record = ledger.submission(names[-1]) if names else None
    if record is not None and record.handle:
        waits = record.token or not _has_begun(ledger, record)
        words = read_target(record.target).cancel(record.handle) if waits else ()
        if words:
            call(words, advice="take it back where it was sent to")
            done.append(f"took back what still waits of {record.handle} on {record.target}")
    return done or ["nothing runs here, and nothing waits"]


def _has_begun(ledger: Ledger, submission: SubmissionRecord) -> bool:
    """Whether a run has begun since it was sent."""
    return any(run.started >= submission.submitted for run in ledger.runs())
