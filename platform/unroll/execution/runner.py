"""Run what is missing of a plan: the interface of the two runners, and what both need."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from unroll import interruption
from unroll.execution.job_queue import counted_trials
from unroll.execution.time_limit import TimeLimit
from unroll.execution.trial.warm_start import check_begin
from unroll.ledger import MISSING, Ledger, StorageError
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
        self,
        jobs: Sequence[Job],
        ledger: Ledger,
        *,
        token: str,
        observer: Observer,
        ready: Callable[[], None],
        limit: TimeLimit | None = None,
    ) -> None:
        """Run every job until it has an outcome, or until a stop is requested, see :class:`Stopping`.

        Args:
            jobs: what to run.
            ledger: the results folder.
            token: its owner's.
            observer: who watches.
            ready: called once, before the first trial starts and after all that the runner may refuse.
            limit: until when; the seeds for which there is no time are left out.

        Raises:
            UserError: the runner cannot start; where ``ready`` was not called, nothing was written down.
            StorageError: the disk refused.
            Interrupted: a stop was requested before ``ready``, or a second time.
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
        out_of_time: whether its time was too short for all that was missing; whoever knows what was chosen says so.
    """

    planned: int
    done_before: int
    counts: dict[str, int]
    interrupted: bool
    seconds: float
    out_of_time: bool = False


def run_plan(
    plan: Plan,
    missing: Sequence[Job],
    ledger: Ledger,
    *,
    token: str,
    runner: Runner,
    observer: Observer,
    ready: Callable[[], None],
    limit: TimeLimit | None = None,
) -> Summary:
    """Run the trials of the plan that are missing; a finished study runs nothing.

    Args:
        plan: what is to be there in the end.
        missing: those of its jobs that are to be run, see :func:`unroll.execution.job_queue.find_missing`.
        ledger: the results folder, locked by the caller.
        token: the lock's token.
        runner: how to run.
        observer: who watches.
        ready: called once nothing can refuse any more: what is written down before, would have to be taken back.
        limit: until when it may go on.

    Raises:
        UserError: the folder cannot hold this plan, weights that trials begin with are gone, or no runner can start.
        StorageError: the disk refused.
        Interrupted: somebody asked this process to leave before there was anything to stop, or twice.
    """
    start = time.perf_counter()
    ledger.check(plan)  # also trials with a result: an id must still stand for the content that it stood for then
    to_run = {job.trial.id for job in missing}
    for trial in sorted({job.trial.warm_start for job in missing if job.trial.warm_start is not None} - to_run):
        check_begin(ledger, trial)
    done_before = sum(outcome.status in FINAL for outcome in ledger.outcomes(t.id for t in plan.trials).values())
    observer.started(len(counted_trials(plan, ledger, to_run)), len(missing))
    interrupted = False
    if missing:
        interruption.check()
        with interruption.patience():
            runner.run(missing, ledger, token=token, observer=observer, ready=ready, limit=limit)
        stopped = ledger.stop_requested(token) and not (limit and limit.over and ledger.is_current(token))
        interrupted = interruption.asked() or stopped
    else:
        ready()
    outcomes = ledger.outcomes([trial.id for trial in plan.trials])
    counts = Counter(outcomes[t.id].status if t.id in outcomes else MISSING for t in plan.trials)
    return Summary(len(plan.trials), done_before, dict(counts), interrupted, time.perf_counter() - start)


class Stopping:
    """The owner's wish to stop, on its way from a signal to the trials.

    Args:
        ledger: the results folder, where every trial's process looks.
        token: its owner's.
        observer: who watches.
        limit: whose end is as good as a signal.
    """

    def __init__(self, ledger: Ledger, token: str, observer: Observer, limit: TimeLimit | None = None) -> None:
        self._ledger, self._token, self._observer, self._limit = ledger, token, observer, limit
        self._told = False

    def asked(self, *, begun: bool = True) -> bool:
        """Whether this process was asked to leave; the first time, every running trial is asked to save and stop.

        Args:
            begun: whether there may be any: before, the time is not looked at.

        Raises:
            Interrupted: the disk refused the request: trials will go on from what they saved before.
        """
        over = begun and self._limit is not None and self._limit.over
        if (interruption.asked() or over) and not self._told:
            self._told = True
            why = "stopping" if interruption.asked() else "the time is used up"
            self._observer.message(f"{why}: every running trial saves its state (again to end at once)")
            try:
                self._ledger.request_stop(self._token)
            except StorageError:
                raise interruption.Interrupted from None
        return self._told or self._ledger.stop_requested(self._token)
