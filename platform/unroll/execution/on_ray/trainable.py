"""A trial as Ray Tune sees it: a class whose process serves one trial after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ray import tune

from unroll.execution.outcome_recovery import settle_hung_attempt
from unroll.execution.trial.session import Session
from unroll.ledger import Ledger
from unroll.ledger.outcome import Outcome
from unroll.study.job import Job
from unroll.tracking import close_mirror

WORK = "work"
"""Tune's configuration key under which a trial finds its job, the results folder and the owner's token."""


class TrialTrainable(tune.Trainable):  # type: ignore[misc]  # Ray is untyped to us
    """One ``step`` trains up to the next validation.

    Tune sees the steps, which is what its schedulers need; the ledger sees everything. Tune's own checkpoints are not
    used: a trial that starts finds its last state in the results folder, which all nodes share.
    """

    _work: dict[str, str]
    _session: Session | None
    _end: Outcome | None

    def setup(self, config: dict[str, Any]) -> None:
        """Take down what to run; the first ``step`` starts it: Tune makes actors that it drops before their first."""
        self._work = config[WORK]
        self._session, self._end = None, None

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial in the same process."""
        self._close()
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train up to the next validation or the end; a trial that has ended stays so."""
        seen = self._end or self._advance()
        if isinstance(seen, Outcome):
            self._end = seen
            return {**seen.metrics, "optimizer_steps": seen.steps, "done": True}
        return {**seen.metrics, "epoch": seen.epoch, "optimizer_steps": seen.step, "done": False}

    def _advance(self) -> Any:
        if self._session is None:
            job, ledger = Job.model_validate_json(self._work["job"]), Ledger(Path(self._work["results"]))
            if hung := settle_hung_attempt(ledger, job.trial.id):
                return hung
            self._session = Session(job, ledger, token=self._work["token"], guarded=True)
        return self._session.advance()

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: the ledger keeps the checkpoints."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing: the ledger keeps the checkpoints."""

    def cleanup(self) -> None:
        """End the trial with its state saved, and the mirror with it."""
        self._close()
        close_mirror()

    def _close(self) -> None:
        if self._session:
            self._session.close()
            self._session = None
