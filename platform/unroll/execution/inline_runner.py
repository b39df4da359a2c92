"""The in-process twin of the Ray runner: one trial after another, for debugging, with the same numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from unroll import interruption
from unroll.execution.halving import Halving
from unroll.execution.job_queue import JobQueue
from unroll.execution.outcome_recovery import record_end
from unroll.execution.runner import Observer, Stopping
from unroll.execution.time_limit import TimeLimit, WholeSeeds
from unroll.execution.trial.process import restored
from unroll.execution.trial.session import Session
from unroll.ledger import Ledger
from unroll.ledger.outcome import Outcome
from unroll.study.job import Job
from unroll.tracking import close_mirror


class InlineRunner:
    """Runs trials one after another in this process: breakpoints work, and nothing is retried or timed out."""

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
        """See :class:`unroll.execution.runner.Runner`."""
        whole_seeds = WholeSeeds(limit, ledger, slots=lambda: 1, tell=observer.message) if limit else None
        stopping, halving = Stopping(ledger, token, observer, limit), Halving(jobs, ledger)
        queue = JobQueue(jobs, ledger, whole_seeds=whole_seeds)
        interruption.check()
        ready()
        try:
            with restored():  # the process may be a notebook's, which goes on
                while not stopping.asked() and (job := queue.next()):
                    outcome = self._run_one(job, ledger, token, observer, stopping, halving)
                    queue.ended(job.trial.id)
                    observer.finished(outcome)
        finally:
            close_mirror()

    def _run_one(
        self, job: Job, ledger: Ledger, token: str, observer: Observer, stopping: Stopping, halving: Halving
    ) -> Outcome:
        session = Session(job, ledger, token=token, guarded=False)
        refreshed = time.monotonic()
        try:
            while True:
                seen = session.advance(timeout=0.2)
                if isinstance(seen, Outcome):
                    return seen
                if seen and (end := halving.end(job, epoch=seen.epoch, step=seen.step, metrics=seen.metrics)):
                    session.close()
                    return end
                stopping.asked()
                if time.monotonic() - refreshed >= 1.0:
                    observer.refresh()
                    refreshed = time.monotonic()
        except Exception as error:  # the infrastructure's; one trial's failure does not end the study
            session.close()
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            return record_end(ledger, job.trial.id, "failed_infrastructure", reason)
