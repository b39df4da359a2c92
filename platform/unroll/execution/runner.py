"""Run what is missing of a plan: the interface of the two runners, and what both need."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

from unroll.ledger import MISSING, Ledger
from unroll.ledger.outcome import FINAL, Outcome
from unroll.study import Plan
from unroll.study.job import Job


class Observer(Protocol):
    """Whoever watches a run; called in the driver's process."""

    def started(self, total: int, missing: int) -> None:
        """A run begins: ``missing`` of ``total`` trials are to be run."""

    def refresh(self) -> None:
        """About a second has passed."""

    def finished(self, outcome: Outcome) -> None:
        """A trial ended."""

    def message(self, text: str) -> None:
        """One line for people."""


class Runner(Protocol):
    """A way to run jobs: on Ray, or in this process."""

    def run(
        self, jobs: Sequence[Job], ledger: Ledger, *, token: str, observer: Observer, ready: Callable[[], None]
    ) -> None:
        """Run every job until it has an outcome, or until a stop is requested.

        Args:
            jobs: what to run.
            ledger: the results folder.
            token: its owner's.
            observer: who watches.
            ready: called once, before the first trial starts and after all that the runner may refuse.

        Raises:
            UserError: the runner cannot start; where ``ready`` was not called, nothing was written down.
        """


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to.

    Attributes:
        planned: trials of the plan.
        done_before: trials that had a result before this run.
        counts: status -> trials, over the whole plan; ``missing`` counts trials without any outcome.
        interrupted: whether somebody asked the run to stop.
        seconds: wall-clock of this run.
    """

    planned: int
    done_before: int
    counts: dict[str, int]
    interrupted: bool
    seconds: float


def run_plan(
    plan: Plan,
    jobs: Sequence[Job],
    ledger: Ledger,
    *,
    token: str,
    runner: Runner,
    observer: Observer,
    ready: Callable[[], None],
    retry: bool = False,
) -> Summary:
    """Run the trials of the plan that have no result yet; a finished study runs nothing.

    Args:
        plan: what is to be there in the end.
        jobs: one per trial of the plan.
        ledger: the results folder, locked by the caller.
        token: the lock's token.
        runner: how to run.
        observer: who watches.
        ready: called once nothing can refuse any more: what is written down before, would have to be taken back.
        retry: also run again what failed by a user's mistake.
    """
    start = time.perf_counter()
    ledger.check(plan)  # also trials with a result: an id must still stand for the content that it stood for then
    missing = find_missing(jobs, ledger, retry=retry)
    done_before = sum(outcome.status in FINAL for outcome in ledger.outcomes(t.id for t in plan.trials).values())
    observer.started(len(plan.trials), len(missing))
    interrupted = False
    if missing:
        with stop_on_signals(ledger, token, observer):
            runner.run(missing, ledger, token=token, observer=observer, ready=ready)
        interrupted = ledger.stop_requested(token)
    else:
        ready()
    outcomes = ledger.outcomes([trial.id for trial in plan.trials])
    counts = Counter(outcomes[t.id].status if t.id in outcomes else MISSING for t in plan.trials)
    return Summary(len(plan.trials), done_before, dict(counts), interrupted, time.perf_counter() - start)


def find_missing(jobs: Sequence[Job], ledger: Ledger, *, retry: bool) -> list[Job]:
    """Jobs without a result, seeds in the outer loop so that arms can be compared early.

    What failed by a user's mistake would fail again, so it waits for ``retry``.
    """
    outcomes = ledger.outcomes([job.trial.id for job in jobs])
    settled = FINAL if retry else FINAL | {"failed_user"}
    missing = [job for job in jobs if job.trial.id not in outcomes or outcomes[job.trial.id].status not in settled]
    order = {job.trial.id: index for index, job in enumerate(jobs)}
    return sorted(missing, key=lambda job: (job.trial.seed, order[job.trial.id]))


@contextmanager
def stop_on_signals(ledger: Ledger, token: str, observer: Observer) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask every trial to save its state and stop; a second one ends at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        ledger.request_stop(token)
        observer.message("stopping: every running trial saves its state (again to end at once)")

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
