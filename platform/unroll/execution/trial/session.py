"""A trial that trains in a thread of its own, seen from outside one validation at a time."""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress

from unroll.execution.trial.attempt import Attempt, Update
from unroll.ledger import Fenced, Ledger
from unroll.ledger.outcome import Outcome
from unroll.study.job import Job

CLOSE_SECONDS = 60.0
"""Longest wait for a trial that was asked to stop: a batch, a checkpoint, and W&B's goodbye."""


class Session:
    """Runs one :class:`Attempt`; :meth:`advance` returns at its next validation or at its end.

    Training goes on at most one validation ahead of the caller. A thread, because Lightning's ``fit`` cannot be left
    and entered again between validations without rebuilding its optimizers.

    Args:
        job: what to run. What has its result already is not run again: the result is what the first ``advance`` gives.
        ledger: where it is recorded.
        token: proof that the caller owns the results folder; an orphan whose owner was replaced stops by itself, and so
            does an attempt that was taken for lost, once another one has the trial.
        guarded: see :class:`Attempt`.
    """

    def __init__(self, job: Job, ledger: Ledger, *, token: str, guarded: bool) -> None:
        self._ledger, self._token, self._records = ledger, token, ledger.trial(job.trial.id)
        self._claim = self._records.claim(token=token)
        self._stop = threading.Event()
        self._updates: queue.Queue[Update | Outcome | BaseException] = queue.Queue(maxsize=1)
        self._asked_at = 0.0
        self._attempt = Attempt(
            job, ledger, stop_asked=self._stop_asked, fence=self._fence, report=self._put, guarded=guarded
        )
        self._thread = threading.Thread(target=self._run, name=job.trial.id, daemon=True)
        self._thread.start()

    def advance(self, timeout: float | None = None) -> Update | Outcome | None:
        """Wait for the next validation (an :class:`Update`) or the end (an :class:`Outcome`).

        Args:
            timeout: seconds to wait, for ever if None; None is returned when they have passed.

        Raises:
            Exception: the infrastructure failed; the trial may be tried again.
        """
        try:
            item = self._updates.get(timeout=timeout)
        except queue.Empty:
            return None
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self, *, patience: float = CLOSE_SECONDS) -> None:
        """Ask for a saved state and an end, and wait ``patience`` seconds for both."""
        self._stop.set()
        deadline = time.monotonic() + patience
        while self._thread.is_alive() and time.monotonic() < deadline:
            with suppress(queue.Empty):
                self._updates.get_nowait()
            self._thread.join(timeout=0.05)

    def _run(self) -> None:
        end: Outcome | BaseException
        try:
            try:
                with self._claim:
                    end = self._records.result() or self._attempt.run()
            except Fenced as fenced:
                result = self._records.result()
                if result is not None and result.status == "pruned":  # by who judges it, while this attempt went on
                    self._attempt.forget()
                end = result or fenced
        except BaseException as error:  # handed over to the caller's thread, which raises it
            end = error
        self._put(end)

    def _put(self, item: Update | Outcome | BaseException) -> None:
        while True:
            try:
                return self._updates.put(item, timeout=0.2)
            except queue.Full:
                self._attempt.beat()  # waiting for a slow caller is not a hang
                if self._stop.is_set():
                    return None

    def _stop_asked(self) -> bool:
        """Look into the results folder at most once a second: the one place that all nodes share."""
        if not self._stop.is_set() and time.monotonic() - self._asked_at >= 1.0:
            self._asked_at = time.monotonic()
            if self._ledger.stop_requested(self._token) or self._claim.is_lost:
                self._stop.set()
        return self._stop.is_set()

    def _fence(self) -> None:
        self._claim.check()
        if not self._ledger.is_current(self._token):
            raise Fenced("the results folder has another owner")
