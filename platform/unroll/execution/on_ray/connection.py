"""Start Ray on this machine, or reach one that runs, and let go of it in the end."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from unroll.contract import UserError
from unroll.execution.on_ray.private_folder import private_folder
from unroll.ledger import Ledger
from unroll.ray_internals import count_cores, kill_at_shutdown, minimal_ray, own_code_only
from unroll.study import project_root

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
    "PL_DISABLE_FORK": "1",  # Tune's own precaution: Lightning must not fork among Ray's threads
}
"""Set before Ray is imported; a value of the user's own wins."""

LOCAL_ENVIRONMENT = {
    **ENVIRONMENT,
    "RAY_preload_python_modules": "unroll.execution.on_ray.preload",  # workers import it while the driver is still busy
    "RAY_idle_worker_killing_time_threshold_ms": "600000",  # by Ray's 1000 they would be killed while they import
    # Ray's 15 saves the other parts of a node from what its workers do. Here trials have the cores that they asked for,
    # and at 15 any other program on the machine, a browser say, would take theirs and slow a trial many times over.
    "RAY_worker_niceness": "0",
}
"""For a Ray that is started here; the workers of a cluster are started by its own."""
LOOPBACK = "127.0.0.1"
"""Where all parts of a Ray that is started here listen: no other machine has a part in it."""


@contextmanager
def connected(address: str | None, ledger: Ledger, *, cores: float) -> Iterator[None]:
    """Ray, ready for trials, while the block runs.

    Args:
        address: a running cluster ("auto" or host:port), every node of which is examined; None starts Ray here.
        ledger: the results folder, which all nodes must share.
        cores: what all trials together could use; a Ray that is started here offers, and starts workers for, no more.

    Raises:
        UserError: Ray does not start or cannot be reached, or a node is not fit.
        NoRoomForRay: the disk takes none of its files.
    """
    for name, value in (ENVIRONMENT if address else LOCAL_ENVIRONMENT).items():
        os.environ.setdefault(name, value)
    import ray

    from unroll.execution.on_ray.preflight import preflight

    with ExitStack() as stack:
        files = None if address else stack.enter_context(private_folder())
        if not address:
            stack.enter_context(minimal_ray())
        _initialise(address, cores, files)
        kill_at_shutdown()
        try:
            if address:
                preflight(ledger.root)
            yield
        finally:
            ray.shutdown()


def _initialise(address: str | None, cores: float, files: Path | None) -> None:
    """Ray gives its own parts half a minute to start, which a busy machine may exceed: then it is tried again."""
    import ray

    options = _options(address, cores, files)
    for last in (False, False, True) if address is None else (True,):
        try:
            ray.init(**options, job_config=own_code_only(), log_to_driver=False, logging_level=logging.ERROR)
            return
        except Exception as error:  # Ray raises whatever its parts raise, a bare Exception too
            ray.shutdown()
            if not last and "timed out" in str(error):
                continue
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            if address:
                raise UserError("a Ray cluster must answer at --address", where=address, received=reason) from error
            raise UserError(
                "Ray did not start on this machine",
                received=reason,
                advice="is the machine very busy? nothing is lost: run the same command again, or with --runner inline",
            ) from error


def _options(address: str | None, cores: float, files: Path | None) -> dict[str, Any]:
    from unroll.execution.on_ray.preflight import check_reachable
    from unroll.execution.on_ray.shipping import code_modules

    if address:
        check_reachable(address)
        return {"address": address, "runtime_env": {"py_modules": code_modules(), "env_vars": ENVIRONMENT}}
    os.environ["UNROLL_ROOT"] = str(project_root())  # workers must not look for the project on their own
    # "local", or Ray would look for a cluster to join by itself: $RAY_ADDRESS, or one that died on this machine
    return {
        "address": "local",
        "include_dashboard": False,
        "num_cpus": max(1, min(math.ceil(cores), count_cores())),
        "_temp_dir": str(files),
        "_node_ip_address": LOOPBACK,
    }
