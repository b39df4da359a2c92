"""Run trials on Ray Tune: on this machine, or on a cluster that is already there."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from unroll.contract import UserError
from unroll.execution.runner import Observer
from unroll.ledger import Ledger
from unroll.study import project_root
from unroll.study.job import Job

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # no telemetry leaves the machine
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # ours asks the trials to save their state
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "0",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_FORCE_TRIAL_CLEANUP_S": "30",
    "TUNE_WARN_THRESHOLD_S": "60",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # must be there before CUDA starts in a worker
}
"""Set before Ray is imported; a value of the user's own wins."""

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

    def run(self, jobs: Sequence[Job], ledger: Ledger, *, token: str, observer: Observer) -> None:
        """See :class:`unroll.execution.runner.Runner`.

        A Ray that was started here and is lost is started again; trials go on from their last saved state.
        """
        before = ledger.outcomes([job.trial.id for job in jobs])
        for restart in range(RESTARTS + 1):
            remaining = [job for job in jobs if ledger.outcome(job.trial.id) == before.get(job.trial.id)]
            if not remaining:
                return None
            try:
                with self._ray(ledger):
                    self._check_room(remaining[0])
                    return self._tune(remaining, ledger, token, observer)
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
        with self._ray(ledger):
            pass

    @contextmanager
    def _ray(self, ledger: Ledger) -> Iterator[None]:
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        import ray

        from unroll.execution.preflight import knock, preflight
        from unroll.execution.shipping import code_modules

        # "local", or Ray would look for a cluster to join by itself: $RAY_ADDRESS, or one that died on this machine
        options: dict[str, Any] = {"address": "local", "include_dashboard": False}
        if self._address:
            knock(self._address)
            shipped = {"py_modules": code_modules(), "env_vars": ENVIRONMENT}
            options = {"address": self._address, "runtime_env": shipped}
        else:
            os.environ["UNROLL_ROOT"] = str(project_root())  # workers must not look for the project on their own
        try:
            ray.init(**options, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, RuntimeError, ValueError) as error:
            raise UserError("Ray could not be reached", where=self._address or "", received=str(error)) from error
        try:
            if self._address:
                preflight(ledger.root)
            yield
        finally:
            ray.shutdown()

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

    def _tune(self, jobs: Sequence[Job], ledger: Ledger, token: str, observer: Observer) -> None:
        from ray import tune

        from unroll.execution.bridge import Bridge, StopWhenAsked, TellObserver
        from unroll.execution.trainable import WORK, TrialTrainable

        for name in ("ray.tune", "ray"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        bridge = Bridge(ledger, token, observer)
        storage = ledger.root / ".ray"
        resources = jobs[0].resources
        work = [{"job": job.model_dump_json(), "results": str(ledger.root.resolve()), "token": token} for job in jobs]
        try:
            tune.Tuner(
                tune.with_resources(TrialTrainable, {"cpu": resources.cpus, "gpu": resources.gpus}),
                param_space={WORK: tune.grid_search(work)},
                tune_config=tune.TuneConfig(reuse_actors=True, max_concurrent_trials=self._concurrency),
                run_config=tune.RunConfig(
                    name="tune",
                    storage_path=str(storage.resolve()),
                    verbose=0,
                    stop=StopWhenAsked(bridge),
                    callbacks=[TellObserver(bridge)],
                    failure_config=tune.FailureConfig(max_failures=jobs[0].limits.retries),
                    checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                ),
            ).fit()
        finally:
            shutil.rmtree(storage, ignore_errors=True)
        if bridge.lost:
            raise ClusterLost
