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
from unroll.execution.lean import lean
from unroll.execution.private import private_folder
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
    "PL_DISABLE_FORK": "1",  # Tune's own precaution: Lightning must not fork among Ray's threads
}
"""Set before Ray is imported; a value of the user's own wins."""

LOCAL_ENVIRONMENT = {
    **ENVIRONMENT,
    "RAY_preload_python_modules": "unroll.execution.preload",  # workers import it while the driver is still busy
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

    from unroll.execution.preflight import preflight

    with ExitStack() as stack:
        files = None if address else stack.enter_context(private_folder())
        if not address:
            stack.enter_context(lean())
        _initialise(address, cores, files)
        _let_processes_be_killed()
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
            ray.init(**options, job_config=_own_code_only(), log_to_driver=False, logging_level=logging.ERROR)
            return
        except Exception as error:  # Ray raises whatever its parts raise, a bare Exception too
            ray.shutdown()
            if last or "timed out" not in str(error):
                raise _unreachable(address, error) from error


def own_processes() -> list[int]:
    """Process numbers of Ray's own parts, where this process started them: Ray is lost with any of them."""
    import ray

    node = ray._private.worker._global_node
    return [started.process.pid for parts in node.all_processes.values() for started in parts] if node else []


def session_folder() -> Path:
    """Where this Ray keeps its own files, for as long as it runs."""
    import ray

    return Path(ray._private.worker._global_node.get_session_dir_path())


def _let_processes_be_killed() -> None:
    """Ray asks its parts by SIGTERM and waits; those of a run do not hear it, and have nothing to say at their end."""
    import ray

    node = ray._private.worker._global_node
    for started in (started for parts in node.all_processes.values() for started in parts):
        started.process.terminate = started.process.kill


def narrow_environments(address: str | None) -> None:
    """Take out of the trials' runtime environments what Tune would put there.

    Cloud keys, since Ray shows such environments in logs. And where Ray was started here, all of it: its workers have
    the driver's environment already, and one of their own would keep trials from the workers that were started ahead.
    """
    from ray.tune.execution import class_cache

    copied = {name for name in class_cache.ENV_VARS_TO_PROPAGATE if address is None or name.startswith("AWS_")}
    class_cache.ENV_VARS_TO_PROPAGATE.difference_update(copied)
    if address is None:
        class_cache.DEFAULT_ENV_VARS.clear()


def _own_code_only() -> Any:
    """A job whose workers do not look for modules in the working folder, where any ``statistics.py`` may lie."""
    from ray.job_config import JobConfig

    class OwnCodeOnly(JobConfig):  # type: ignore[misc]  # Ray is untyped to us
        def _runtime_env_has_working_dir(self) -> bool:
            """What keeps Ray from sending the driver's folders to the workers."""
            return True

    return OwnCodeOnly()


def _options(address: str | None, cores: float, files: Path | None) -> dict[str, Any]:
    from ray._private.utils import get_num_cpus

    from unroll.execution.preflight import knock
    from unroll.execution.shipping import code_modules

    if address:
        knock(address)
        return {"address": address, "runtime_env": {"py_modules": code_modules(), "env_vars": ENVIRONMENT}}
    os.environ["UNROLL_ROOT"] = str(project_root())  # workers must not look for the project on their own
    # "local", or Ray would look for a cluster to join by itself: $RAY_ADDRESS, or one that died on this machine
    return {
        "address": "local",
        "include_dashboard": False,
        "num_cpus": max(1, min(math.ceil(cores), get_num_cpus())),
        "_temp_dir": str(files),
        "_node_ip_address": LOOPBACK,
    }


def _unreachable(address: str | None, error: Exception) -> UserError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if address:
        return UserError("a Ray cluster must answer at --address", where=address, received=reason)
    return UserError(
        "Ray did not start on this machine",
        received=reason,
        advice="is the machine very busy? nothing is lost: run the same command again, or with --runner inline",
    )
