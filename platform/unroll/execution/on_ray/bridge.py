"""Between Ray Tune's event loop and ours: who watches, when to stop, what became of a trial that died."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ray.tune import Callback, Stopper

from unroll.execution.on_ray.room import FULL, probe
from unroll.execution.on_ray.trainable import WORK
from unroll.execution.on_ray.vigil import Vigil
from unroll.execution.outcome_recovery import record_end, settle_hung_attempt, sign_hung_attempt
from unroll.execution.runner import Observer
from unroll.ledger import Ledger, StorageError
from unroll.ledger.outcome import Status
from unroll.ray_internals import find_actor
from unroll.study.job import Job


class Bridge:
    """What callback and stopper share; never pickled (Tune pickles both into its own folder).

    Args:
        ledger: the study's record of truth.
        token: the owner's token.
        observer: who watches.
        jobs: what is to be run.
        again: whether :attr:`given_up` is run again; else these trials end as failed.
    """

    def __init__(
        self, ledger: Ledger, token: str, observer: Observer, jobs: Sequence[Job], *, again: bool = True
    ) -> None:
        self.ledger, self.token, self.observer, self._again = ledger, token, observer, again
        self.lost = False
        self.refused: StorageError | None = None
        """The results folder takes no more: every trial would end so."""
        self.trials: Sequence[Any] = ()
        """Tune's trials."""
        self.given_up: set[str] = set()
        """Ids of trials that Tune tries no more although they have retries left."""
        self._limit = jobs[0].limits.no_progress_seconds
        self._vigil = Vigil(ledger, seconds=self._limit, trials=[job.trial.id for job in jobs])
        self._looked_at = time.monotonic()

    def tick(self) -> bool:
        """Called with every turn of Tune's loop; about once a second, look around. True: stop everything."""
        if time.monotonic() - self._looked_at >= 1.0:
            self._looked_at = time.monotonic()
            self.lost = self.lost or not any_node_alive()
            if not self.lost:
                self._end_still()
        return self.lost or self.refused is not None or self.ledger.stop_requested(self.token)

    def _end_still(self) -> None:
        running = {job_of(trial).trial.id: trial for trial in self.trials if trial.status == "RUNNING"}
        for identity in self._vigil.look(running):
            self._vigil.forget(identity)
            with self._refusals():
                sign_hung_attempt(self.ledger, identity, f"no progress for {self._limit:g} s, nor any stacks")
                running[identity].max_failures = 0  # it is settled at once, not by a process that must be started first
                end_process(running[identity])

    def ended(self, trial: Any) -> None:
        """A trial ended by itself; its outcome is in the ledger."""
        if outcome := self.ledger.trial(job_of(trial).trial.id).outcome():
            self.observer.finished(outcome)

    def retried(self, trial: Any) -> None:
        """An attempt was lost, and Tune tries the trial again."""
        job = job_of(trial)
        self._vigil.forget(job.trial.id)
        if not self._is_refused(trial):
            self.observer.message(f"{job.trial.name}: its attempt was lost; trying again")

    def died(self, trial: Any) -> None:
        """A trial's process died more often than is retried, or before Tune thought that it runs."""
        if self.lost or self._is_refused(trial) or not self.ledger.is_current(self.token):
            return  # what became of it is unknown, or another driver's to record
        identity = job_of(trial).trial.id
        if self._again and trial.num_failures <= trial.max_failures:  # a used process died as it took the trial over
            self.given_up.add(identity)
            self.retried(trial)
            return
        with self._refusals():
            outcome = settle_hung_attempt(self.ledger, identity) or record_end(
                self.ledger, identity, status_of_death(trial), reason_of_death(trial)
            )
            self.observer.finished(outcome)

    def _is_refused(self, trial: Any) -> bool:
        """Whether the attempt ended because the results folder takes no more."""
        error = getattr(last_error(trial), "cause", None)
        if isinstance(error, StorageError) and error.errno in FULL:
            self.refused = error
        elif full := probe(self.ledger.root):
            self.refused = StorageError(self.ledger.root, full)
        return self.refused is not None

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Tune would wrap what its callbacks raise into an error of its own."""
        try:
            yield
        except StorageError as error:
            self.refused = error


class NotifyObserver(Callback):  # type: ignore[misc]  # Ray is untyped to us
    """Tune's callback."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge: Bridge | None = bridge

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:  # noqa: ARG002
        """A turn of Tune's loop begins."""
        if self._bridge:
            self._bridge.trials = trials

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:  # noqa: ARG002
        """A trial returned ``done``."""
        if self._bridge:
            self._bridge.ended(trial)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:  # noqa: ARG002
        """A trial's process died and the trial is tried again."""
        if self._bridge:
            self._bridge.retried(trial)

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


def end_process(trial: Any) -> None:
    """End the process of a running trial, whatever state it is in, on whatever node; Tune then tries the trial again.

    Ray alone would take the trial's actor for dead and might leave a process that stands still behind.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    actor = trial.temporary_state.ray_actor
    if actor is None:
        return
    node, pid = find_actor(actor)
    if node == ray.get_runtime_context().get_node_id():
        kill_worker()(pid)
    else:
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        ray.remote(num_cpus=0, max_retries=0)(kill_worker()).options(scheduling_strategy=there).remote(pid)
    ray.kill(actor)


def kill_worker() -> Callable[[int], None]:
    """The deed, as a nested function, which Ray sends by value: no node needs our code for it."""

    def kill(pid: int) -> None:
        with suppress(OSError):
            if b"ray::" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)

    return kill


def last_error(trial: Any) -> Any:
    """What ended the trial's last attempt, as Tune writes it down at once; its own reader looks for a later copy."""
    import ray

    written = trial.pickled_error_file
    return ray.cloudpickle.loads(Path(written).read_bytes()) if written and Path(written).exists() else None


def reason_of_death(trial: Any) -> str:
    """What ended the trial's last attempt, in one line: an exception of its own, or Ray's message about its process."""
    import ray

    error = last_error(trial) or trial.get_error()
    if isinstance(error, ray.exceptions.RayTaskError):
        return f"{type(error.cause).__name__}: {error.cause}".splitlines()[0]
    text = str(error).strip()
    return f"its process died: {text.splitlines()[0]}" if text else "its process died"


def status_of_death(trial: Any) -> Status:
    """Out of memory if Ray's memory monitor killed the process, else a failure of the infrastructure."""
    import ray

    error = last_error(trial)
    return "out_of_memory" if isinstance(error, ray.exceptions.OutOfMemoryError) else "failed_infrastructure"
