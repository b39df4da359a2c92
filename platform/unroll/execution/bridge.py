"""Between Ray Tune's event loop and ours: who watches, when to stop, what became of a trial that died."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ray.tune import Callback, Stopper

from unroll.execution.runner import Observer
from unroll.execution.settling import record_end, settle_hung_attempt
from unroll.execution.trainable import WORK
from unroll.ledger import Ledger
from unroll.ledger.outcome import Outcome, Status
from unroll.study.job import Job


class Bridge:
    """What callback and stopper share; never pickled (Tune pickles both into its own folder).

    Args:
        ledger: the study's record of truth.
        token: the owner's token.
        observer: who watches.
        told: outcomes that the observer knows of, by trial.
    """

    def __init__(self, ledger: Ledger, token: str, observer: Observer, *, told: Mapping[str, Outcome]) -> None:
        self.ledger, self.token, self.observer = ledger, token, observer
        self._told = dict(told)
        self.lost = False
        self._looked_at = time.monotonic()

    def tick(self) -> bool:
        """Called with every turn of Tune's loop; about once a second, look around. True: stop everything."""
        if time.monotonic() - self._looked_at >= 1.0:
            self._looked_at = time.monotonic()
            self.observer.refresh()
            self.lost = self.lost or not any_node_alive()
        return self.lost or self.ledger.stop_requested(self.token)

    def ended(self, trial: Any) -> None:
        """A trial ended by itself; its outcome is in the ledger."""
        self._tell(self.ledger.outcome(job_of(trial).trial.id))

    def tell_rest(self, jobs: Sequence[Job]) -> None:
        """Tell of trials that ended while Tune was no longer listening: after a stop, or when Ray was lost."""
        for job in jobs:
            self._tell(self.ledger.outcome(job.trial.id))

    def _tell(self, outcome: Outcome | None) -> None:
        if outcome and outcome != self._told.get(outcome.trial):
            self._told[outcome.trial] = outcome
            self.observer.finished(outcome)

    def died(self, trial: Any) -> None:
        """A trial's process died more often than is retried."""
        if self.lost:
            return
        identity = job_of(trial).trial.id
        outcome = settle_hung_attempt(self.ledger, identity) or record_end(
            self.ledger, identity, status_of_death(trial), reason_of_death(trial)
        )
        self._tell(outcome)


class TellObserver(Callback):  # type: ignore[misc]  # Ray is untyped to us
    """Tune's callback."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge: Bridge | None = bridge

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:  # noqa: ARG002
        """A trial returned ``done``."""
        if self._bridge:
            self._bridge.ended(trial)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:  # noqa: ARG002
        """A trial's process died and the trial is tried again."""
        if self._bridge:
            job = job_of(trial)
            self._bridge.observer.message(f"{job.trial.arm} seed {job.trial.seed}: its attempt was lost; trying again")

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:  # noqa: ARG002
        """A trial's process died for the last time."""
        if self._bridge:
            self._bridge.died(trial)

    def __getstate__(self) -> dict[str, Any]:
        return {"_bridge": None}


class StopWhenAsked(Stopper):  # type: ignore[misc]  # Ray is untyped to us
    """Tune's stopper: never stops a single trial, stops the experiment when the owner asks or the cluster is gone."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge: Bridge | None = bridge

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:  # noqa: ARG002
        """Trials end by themselves."""
        return False

    def stop_all(self) -> bool:
        """Whether everything is to end."""
        return self._bridge.tick() if self._bridge else False

    def __getstate__(self) -> dict[str, Any]:
        return {"_bridge": None}


def job_of(trial: Any) -> Job:
    """The job of a Tune trial."""
    return Job.model_validate_json(trial.config[WORK]["job"])


def any_node_alive() -> bool:
    """Whether Ray still has a node to run on."""
    import ray

    try:
        return any(node["Alive"] for node in ray.nodes())
    except Exception:  # the control process itself is gone
        return False


def reason_of_death(trial: Any) -> str:
    """What ended the trial's last attempt, in one line: an exception of its own, or what Ray says of its process."""
    import ray

    error = trial.get_pickled_error() or trial.get_error()
    if isinstance(error, ray.exceptions.RayTaskError):
        return f"{type(error.cause).__name__}: {error.cause}".splitlines()[0]
    text = str(error).strip()
    return f"its process died: {text.splitlines()[0]}" if text else "its process died"


def status_of_death(trial: Any) -> Status:
    """Out of memory if Ray's memory monitor killed the process, else a failure of the infrastructure."""
    import ray

    error = trial.get_pickled_error()
    return "out_of_memory" if isinstance(error, ray.exceptions.OutOfMemoryError) else "failed_infrastructure"
