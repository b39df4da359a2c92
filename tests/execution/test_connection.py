"""What trials find around them: no secret in a runtime environment, and nothing that costs them a warm worker."""

import copy
from pathlib import Path
from typing import Any

import pytest

from unroll.execution.connection import LOCAL_ENVIRONMENT, connected, narrow_environments
from unroll.ledger import Ledger


class Nothing:
    """Stands for a trainable."""


@pytest.fixture
def runtime_environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives the runtime environment that Tune would give to a trial, run at an address."""
    from ray.tune.execution import class_cache

    for name in ("ENV_VARS_TO_PROPAGATE", "DEFAULT_ENV_VARS"):
        monkeypatch.setattr(class_cache, name, copy.copy(getattr(class_cache, name)))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("RAY_CHDIR_TO_TRIAL_DIR", "0")

    def of(address: str | None) -> dict[str, Any]:
        narrow_environments(address)
        actor = class_cache._ActorClassCache().get(Nothing)
        found: dict[str, Any] = actor._default_options["runtime_env"]
        return found

    return of


def test_tune_does_not_copy_cloud_keys(runtime_environment: Any) -> None:
    variables = runtime_environment("head:6379")["env_vars"]
    assert "canary" not in str(variables)
    assert variables["RAY_CHDIR_TO_TRIAL_DIR"] == "0", "what a cluster's workers must be told"


def test_trials_of_a_local_ray_can_use_workers_that_were_started_ahead(runtime_environment: Any) -> None:
    assert not any(runtime_environment(None).values()), "an environment of their own would ask for new workers"


def test_a_local_ray_starts_what_a_run_needs_and_no_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import ray

    for name, value in LOCAL_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)  # `connected` would leave them to the tests that follow
    with connected(None, Ledger.create(tmp_path / "results"), cores=1):
        assert set(ray._private.worker._global_node.all_processes) - {"reaper"} == {"gcs_server", "raylet"}
        assert ray.cluster_resources()["CPU"] == 1, "one worker is started ahead, not one per core of the machine"
        modules = ray.get(ray.remote(loaded).remote())
    assert {"torch", "pytorch_lightning", "unroll.execution.trainable"} <= modules, "the worker had time to import"


def loaded() -> set[str]:
    """What the process has imported."""
    import sys

    return set(sys.modules)
