"""Start Ray on this machine, or reach one that runs, and let go of it in the end."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from unroll.contract import UserError
from unroll.ledger import Ledger
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
}
"""Set before Ray is imported; a value of the user's own wins."""


@contextmanager
def connected(address: str | None, ledger: Ledger) -> Iterator[None]:
    """Ray, ready for trials, while the block runs.

    Args:
        address: a running cluster ("auto" or host:port), every node of which is examined; None starts Ray here.
        ledger: the results folder, which all nodes must share.

    Raises:
        UserError: Ray does not start or cannot be reached, or a node is not fit.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import ray

    from unroll.execution.preflight import preflight

    _initialise(address)
    try:
        if address:
            preflight(ledger.root)
        yield
    finally:
        ray.shutdown()


def _initialise(address: str | None) -> None:
    """Ray gives its own parts half a minute to start, which a busy machine may exceed: then it is tried again."""
    import ray

    options = _options(address)
    for last in (False, False, True) if address is None else (True,):
        try:
            ray.init(**options, log_to_driver=False, logging_level=logging.ERROR)
            return
        except Exception as error:  # Ray raises whatever its parts raise, a bare Exception too
            ray.shutdown()
            if last or "timed out" not in str(error):
                raise _unreachable(address, error) from error


def withhold_keys() -> None:
    """Keep cloud keys out of runtime environments, which Ray shows in logs: Tune would copy them from the driver's."""
    from ray.tune.execution import class_cache

    keys = {name for name in class_cache.ENV_VARS_TO_PROPAGATE if name.startswith("AWS_")}
    class_cache.ENV_VARS_TO_PROPAGATE.difference_update(keys)


def _options(address: str | None) -> dict[str, Any]:
    from unroll.execution.preflight import knock
    from unroll.execution.shipping import code_modules

    if address:
        knock(address)
        return {"address": address, "runtime_env": {"py_modules": code_modules(), "env_vars": ENVIRONMENT}}
    os.environ["UNROLL_ROOT"] = str(project_root())  # workers must not look for the project on their own
    # "local", or Ray would look for a cluster to join by itself: $RAY_ADDRESS, or one that died on this machine
    return {"address": "local", "include_dashboard": False}


def _unreachable(address: str | None, error: Exception) -> UserError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if address:
        return UserError("a Ray cluster must answer at --address", where=address, received=reason)
    return UserError(
        "Ray did not start on this machine",
        received=reason,
        advice="is the machine very busy? nothing is lost: run the same command again, or with --runner inline",
    )
