"""Run trials on Ray Tune: on this machine, or on a cluster that is already there."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from unroll.contract import UserError
from unroll.execution.connection import connected, narrow_environments
from unroll.execution.importing import uncollected
from unroll.execution.runner import Observer
from unroll.ledger import Ledger
from unroll.study.job import Job

if TYPE_CHECKING:
    from unroll.execution.bridge import Bridge

RESTARTS = 3
"""How often a lost local Ray is started again within one run."""


class ClusterLost(Exception):
    """Every node of the cluster is gone."""


class RayRunner:
    """Schedules trials with Ray Tune.

    Args:
        address: a running cluster ("auto" or host:port); None starts Ray on this machine for the time of the run.
        concurrency: most trials at the same time; None for as many as there is room for.
    """

    def __init__(self, *, address: str | None = None, concurrency: int | None = None) -> None:
        self._address, self._concurrency = address, concurrency

    def run(
        self, jobs: Sequence[Job], ledger: Ledger, *, token: str, observer: Observer, ready: Callable[[], None]
    ) -> None:
        """See :class:`unroll.execution.runner.Runner`.

        A Ray that was started here and is lost is started again; trials go on from their last saved state.
        """
        with uncollected():
            from unroll.execution.bridge import Bridge

        cores = sum(job.resources.cpus for job in jobs[: self._concurrency])
        before = ledger.outcomes([job.trial.id for job in jobs])
        for restart in range(RESTARTS + 1):
            remaining = [job for job in jobs if ledger.outcome(job.trial.id) == before.get(job.trial.id)]
            if not remaining:
                return None
            observer.message("starting Ray" if self._address is None else f"reaching Ray at {self._address}")
            try:
                with connected(self._address, ledger, cores=cores):
                    self._check_room(remaining[0])
                    if restart == 0:
                        ready()
                    return self._tune(remaining, Bridge(ledger, token, observer, told=before))
            except ClusterLost:
                if self._address or restart == RESTARTS:
                    return observer.message("Ray was lost; run the same command again to go on from what is saved")
                observer.message("Ray was lost; starting it again, trials go on from their last saved state")
        return None

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

    def _tune(self, jobs: Sequence[Job], bridge: Bridge) -> None:
        from ray import tune

        from unroll.execution.bridge import StopWhenAsked, TellObserver
        from unroll.execution.trainable import WORK, TrialTrainable

        for name in ("ray.tune", "ray"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        narrow_environments(self._address)
        results = bridge.ledger.root.resolve()
        storage = results / ".ray"
        resources = jobs[0].resources
        work = [{"job": job.model_dump_json(), "results": str(results), "token": bridge.token} for job in jobs]
        try:
            tune.Tuner(
                tune.with_resources(TrialTrainable, {"cpu": resources.cpus, "gpu": resources.gpus}),
                param_space={WORK: tune.grid_search(work)},
                tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=self._concurrency),
                run_config=tune.RunConfig(
                    name="tune",
                    storage_path=str(storage),
                    verbose=0,
                    stop=StopWhenAsked(bridge),
                    callbacks=[TellObserver(bridge)],
                    failure_config=tune.FailureConfig(max_failures=jobs[0].limits.retries),
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                ),
            ).fit()
        finally:
            shutil.rmtree(storage, ignore_errors=True)
        bridge.tell_rest(jobs)
        if bridge.lost:
            raise ClusterLost
