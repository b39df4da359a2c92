"""Run trials on Ray Tune: on this machine, or on a cluster that is already there."""

from __future__ import annotations

import functools
import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence, Set
from typing import TYPE_CHECKING

from unroll.contract import UserError
from unroll.execution.freezing import settled_jobs
from unroll.execution.halving import Halving
from unroll.execution.importing import gc_paused
from unroll.execution.job_queue import JobQueue
from unroll.execution.on_ray.apart import Link, Lost, run_apart
from unroll.execution.on_ray.connection import connected
from unroll.execution.on_ray.private_folder import sweep_folders
from unroll.execution.on_ray.room import refusal
from unroll.execution.runner import Observer, Stopping
from unroll.execution.time_limit import TimeLimit, WholeSeeds
from unroll.ledger import Ledger
from unroll.ledger.outcome import Outcome
from unroll.ray_internals import narrow_environments, own_processes, session_folder
from unroll.study.job import Job

if TYPE_CHECKING:
    from unroll.execution.on_ray.bridge import Bridge

MOST_PENDING = 200
"""Most trials that are handed to Ray before there is room for them: a cluster that can grow must know of some."""

RESTARTS = 3
"""How often a lost local Ray is started again within one run."""


class _Begin:
    """Calls ``ready`` once, although Ray may be started again."""

    def __init__(self, ready: Callable[[], None]) -> None:
        self._ready, self.begun = ready, False

    def __call__(self) -> None:
        if not self.begun:
            self.begun = True
            self._ready()


class _OnceObserver:
    """Reports each outcome once: trials may end after Ray, whose callbacks report them, is lost.

    Args:
        observer: who watches.
        known: outcomes that it has reported, by trial.
    """

    def __init__(self, observer: Observer, known: Mapping[str, Outcome]) -> None:
        self.started, self.refresh, self.message = observer.started, observer.refresh, observer.message
        self._observer, self._known = observer, dict(known)

    def finished(self, outcome: Outcome) -> None:
        """A trial ended."""
        if outcome != self._known.get(outcome.trial):
            self._known[outcome.trial] = outcome
            self._observer.finished(outcome)


def _begun_with(trials: Set[str], jobs: Sequence[Job]) -> list[Job]:
    """The jobs of some trials and of all that wait for them; ``jobs`` has each behind what it waits for."""
    ids = {*trials}
    for job in jobs:
        if job.trial.warm_start in ids or (job.awaits and job.awaits.trials & ids):
            ids.add(job.trial.id)
    return [job for job in jobs if job.trial.id in ids]


class RayRunner:
    """Schedules trials with Ray Tune.

    Args:
        address: a running cluster ("auto" or host:port); None starts Ray on this machine for the time of the run.
        concurrency: most trials at the same time; None for as many as there is room for.
        fork: whether Ray's driver may be a fork of this process, see :mod:`unroll.execution.on_ray.apart`.
    """

    def __init__(self, *, address: str | None = None, concurrency: int | None = None, fork: bool = True) -> None:
        self._address, self._concurrency, self._fork = address, concurrency, fork

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
        """See :class:`unroll.execution.runner.Runner`.

        A Ray that was started here and is lost is started again; trials go on from their last saved state.
        """
        before = ledger.outcomes([job.trial.id for job in jobs])
        stopping, begin, once = Stopping(ledger, token, observer, limit), _Begin(ready), _OnceObserver(observer, before)
        for restart in range(RESTARTS + 1):
            jobs = settled_jobs(jobs, ledger)
            remaining = [job for job in jobs if ledger.trial(job.trial.id).outcome() == before.get(job.trial.id)]
            if JobQueue(remaining, ledger).next() is None:  # nothing is left, or what is left begins with what failed
                break
            observer.message("starting Ray" if self._address is None else f"reaching Ray at {self._address}")
            drive = functools.partial(self._drive, remaining, ledger, token, limit)
            try:
                run_apart(drive, observer=once, ready=begin, stopping=stopping, fork=self._fork)
                break
            except Lost:
                if stopping.asked():
                    break
                if self._address or restart == RESTARTS:
                    self._give_up(observer, begin)
                    break
                observer.message("Ray was lost; starting it again, trials go on from their last saved state")
            finally:
                sweep_folders()  # what a child that was killed could not remove
        for outcome in ledger.outcomes([job.trial.id for job in settled_jobs(jobs, ledger)]).values():
            once.finished(outcome)

    def _give_up(self, observer: Observer, begin: _Begin) -> None:
        if not begin.begun:
            raise UserError(
                "Ray must live until the first trial starts",
                where=self._address or "",
                received="its driver died each time",
                advice="run the same command again, or with --runner inline",
            )
        observer.message("Ray was lost; run the same command again to go on from what is saved")

    def _drive(self, jobs: Sequence[Job], ledger: Ledger, token: str, limit: TimeLimit | None, link: Link) -> None:
        """What the process does that has Ray; see :func:`unroll.execution.on_ray.apart.run_apart`."""
        with gc_paused():
            from unroll.execution.on_ray.bridge import Bridge

        cores = sum(job.resources.cpus for job in jobs[: self._concurrency])
        with connected(self._address, ledger, cores=cores):
            self._check_room(jobs[0])
            link.depend(own_processes())
            try:
                link.ready()
                for number in range(RESTARTS + 1):
                    bridge = Bridge(ledger, token, link, jobs, again=number < RESTARTS)
                    self._tune(jobs, bridge, limit)
                    jobs = _begun_with(bridge.given_up, settled_jobs(jobs, ledger))
                    if not jobs or ledger.stop_requested(token):
                        break
            finally:
                link.depend([])  # from here on they end in order, also before an error is reported

    def check(self, ledger: Ledger) -> None:
        """Start or reach Ray and, on a cluster, ask every node; nothing is run.

        Raises:
            UserError: a run would not get as far as its first trial.
        """
        with connected(self._address, ledger, cores=1):
            pass

    def _check_room(self, job: Job) -> None:
        """Refuse at once what would wait for ever; a cluster may still grow, so it is not judged."""
        import ray

        there = ray.cluster_resources()
        for name, wanted, key in (("CPU", job.resources.cpus, "cpus"), ("GPU", job.resources.gpus, "gpus")):
            if not self._address and wanted > there.get(name, 0):
                raise UserError(
                    f"a trial must fit on this machine, which offers {there.get(name, 0):g} {name}s",
                    where=f"resources.{key}",
                    received=f"{wanted:g}",
                    advice=f"give resources.{key}=... or a cluster with --address",
                )

    def _slots(self, job: Job) -> int:
        """How many trials run at a time on what Ray has now."""
        import ray

        there = ray.cluster_resources()
        wanted = (("CPU", job.resources.cpus), ("GPU", job.resources.gpus))
        room = [int(there.get(name, 0) / amount) for name, amount in wanted if amount]
        return max(1, min([*room, *([self._concurrency] if self._concurrency else [])]))

    def _tune(self, jobs: Sequence[Job], bridge: Bridge, limit: TimeLimit | None) -> None:
        from ray import tune

        from unroll.execution.on_ray.bridge import NotifyObserver, StopWhenAsked
        from unroll.execution.on_ray.scheduler import TuneArms
        from unroll.execution.on_ray.searcher import ReadyJobs
        from unroll.execution.on_ray.trainable import TrialTrainable

        for name in ("ray.tune", "ray"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        results = bridge.ledger.root.resolve()
        # Tune's own files, which nobody reads: nodes must share them, and one machine has a better place than results.
        storage = results / ".ray" if self._address else session_folder() / "tune"
        resources = jobs[0].resources
        scheduler = TuneArms(Halving(jobs, bridge.ledger))
        tell, whole_seeds = bridge.observer.message, None
        if limit:
            whole_seeds = WholeSeeds(limit, bridge.ledger, slots=lambda: self._slots(jobs[0]), tell=tell)
        queue = JobQueue(jobs, bridge.ledger, whole_seeds=whole_seeds)
        searcher = ReadyJobs(queue, results=str(results), token=bridge.token)
        # Tune's own guess for searchers is one at a time, which is right where it is judged when a seed begins.
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(1 if limit else MOST_PENDING)
        try:
            with narrow_environments(self._address):
                tune.Tuner(
                    tune.with_resources(TrialTrainable, {"cpu": resources.cpus, "gpu": resources.gpus}),
                    tune_config=tune.TuneConfig(
                        search_alg=searcher,
                        scheduler=scheduler,
                        num_samples=len(jobs),
                        reuse_actors=True,
                        max_concurrent_trials=self._concurrency,
                    ),
                    run_config=tune.RunConfig(
                        name="tune",
                        storage_path=str(storage),
                        verbose=0,
                        stop=StopWhenAsked(bridge),
                        callbacks=[NotifyObserver(bridge)],
                        failure_config=tune.FailureConfig(max_failures=jobs[0].limits.retries),
                        checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                    ),
                ).fit()
        except Exception as error:
            raise bridge.refused or refusal(error, results, storage) or error from error
        finally:
            shutil.rmtree(storage, ignore_errors=True)
        if bridge.refused:
            raise bridge.refused
        if bridge.lost:
            raise Lost
