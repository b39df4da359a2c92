"""What Ray Tune runs next: the first job whose warm start is there."""

from __future__ import annotations

from typing import Any

from ray.tune.search import Searcher

from unroll.execution.job_queue import JobQueue
from unroll.execution.on_ray.trainable import WORK


class ReadyJobs(Searcher):  # type: ignore[misc]  # Ray is untyped to us
    """Hands out jobs to Tune. One that has to wait is no trial of Tune's yet, and holds no resources.

    Args:
        jobs: what is to be run.
        results: the results folder.
        token: its owner's.
    """

    def __init__(self, jobs: JobQueue, *, results: str, token: str) -> None:
        super().__init__()
        self._jobs, self._work = jobs, {"results": results, "token": token}
        self._running: dict[str, str] = {}  # Tune's name of a trial -> ours

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Configuration of the next trial; None where none is ready."""
        job = self._jobs.next()
        if job is None:
            return str(Searcher.FINISHED) if self._jobs.exhausted else None
        self._running[trial_id] = job.trial.id
        return {WORK: {**self._work, "job": job.model_dump_json()}}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:  # noqa: ARG002  (Tune's signature)
        """A trial has ended, in whatever way."""
        if trial := self._running.pop(trial_id, None):
            self._jobs.ended(trial)

    def save_to_dir(self, checkpoint_dir: str, session_str: str = "default") -> None:
        """Nothing: the ledger knows what has been done."""
