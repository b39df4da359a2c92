"""Private names of libraries: one file per library uses them, they exist, and what is replaced is put back."""

import copy
import importlib
import inspect
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tasks.learning import evaluation
from unroll import ray_internals

PLATFORM = Path(ray_internals.__file__).parent
TASKS = Path(evaluation.__file__).parents[1]
HOMES = {
    "unroll/ray_internals.py",
    "unroll/execution/trial/lightning_internals.py",
    "tasks/learning/evaluation.py",
    "tasks/recurrent/torch_internals.py",
}
"""Files that use private names, below the platform's package and ``tasks``; ``docs/architecture.md`` lists them."""
PRIVATE = re.compile(
    r"\bray\._|\b_private\b|\b_raylet\b|\._internal\b|class_cache|\b(?:loop|trainer|torch|wandb)\._(?!_)"
    r"|\boptim_step_progress\b"
)
"""How a private name of a library looks where it is used."""

RAY = [
    ("ray._private.parameter", "RayParams"),
    ("ray._private.services", "start_api_server"),
    ("ray._private.services", "resolve_ip_for_localhost"),
    ("ray._private.services", "canonicalize_bootstrap_address"),
    ("ray._private.utils", "get_dashboard_dependency_error"),
    ("ray._private.utils", "get_num_cpus"),
    ("ray.air._internal.usage", "tag_callbacks"),
    ("ray.tune.execution.class_cache", "ENV_VARS_TO_PROPAGATE"),
    ("ray.tune.execution.class_cache", "DEFAULT_ENV_VARS"),
    ("ray._private.worker", "_global_node"),
    ("ray._private.node", "Node.get_session_dir_path"),
    ("ray.job_config", "JobConfig._runtime_env_has_working_dir"),
    ("ray._private.authentication.authentication_token_setup", "maybe_enable_token_auth_if_token_available"),
    ("ray._private.authentication.authentication_token_setup", "ensure_token_if_auth_enabled"),
    ("ray._private.authentication.authentication_token_setup", "get_authentication_mode"),
    ("ray._private.authentication.authentication_token_setup", "AuthenticationMode.TOKEN"),
    ("ray._private.grpc_utils", "init_grpc_channel"),
    ("ray.core.generated.gcs_service_pb2_grpc", "NodeInfoGcsServiceStub"),
    ("ray.core.generated.gcs_service_pb2", "GetAllNodeInfoRequest"),
    ("ray._raylet", "Config.initialize"),
    ("ray._raylet", "AuthenticationTokenLoader.instance"),
    ("ray._private.state", "actors"),
    ("ray.autoscaler._private.util", "prepare_config"),
    ("ray.autoscaler._private.util", "validate_config"),
    ("ray.actor", "ActorHandle._actor_id"),
]
LIGHTNING = [
    ("_combined_loader_states_to_load", "pytorch_lightning.loops.fit_loop", "_FitLoop"),
    ("_combined_loader", "pytorch_lightning.loops.fit_loop", "_FitLoop"),
    ("_load_state_dicts", "pytorch_lightning.utilities.combined_loader", "CombinedLoader"),
]


@pytest.mark.parametrize(("module", "name"), RAY)
def test_ray_has_the_private_name(module: str, name: str) -> None:
    found = importlib.import_module(module)
    for part in name.split("."):
        assert hasattr(found, part), f"{module} has no {name}"
        found = getattr(found, part)


def test_a_node_of_ray_names_its_processes() -> None:
    from ray._private.node import Node

    assert "self.all_processes: dict = {}" in inspect.getsource(Node)


@pytest.mark.parametrize("option", ["no_monitor", "include_log_monitor"])
def test_ray_s_parts_can_be_left_out(option: str) -> None:
    from ray._private.parameter import RayParams

    assert option in inspect.signature(RayParams).parameters


@pytest.mark.parametrize(("name", "module", "owner"), LIGHTNING)
def test_lightning_has_the_private_name(name: str, module: str, owner: str) -> None:
    assert name in inspect.getsource(getattr(importlib.import_module(module), owner))


def test_what_is_replaced_is_put_back() -> None:
    replaced = [
        *(("ray._private.parameter", "RayParams"), ("ray._private.services", "start_api_server")),
        *(("ray._private.utils", "get_dashboard_dependency_error"), ("ray.air._internal.usage", "tag_callbacks")),
        ("ray._private.services", "resolve_ip_for_localhost"),
        ("ray.tune.execution.class_cache", "ENV_VARS_TO_PROPAGATE"),
        ("ray.tune.execution.class_cache", "DEFAULT_ENV_VARS"),
    ]

    def values() -> list[Any]:
        return [getattr(importlib.import_module(module), name) for module, name in replaced]

    before = values()
    contents = copy.deepcopy(before[-2:])
    for address in (None, "head:6379"):
        with suppress(ZeroDivisionError), ray_internals.minimal_ray(), ray_internals.narrow_environments(address):
            assert all(now is not then for now, then in zip(values()[:-1], before[:-1], strict=True))
            raise ZeroDivisionError
        assert all(now is then for now, then in zip(values(), before, strict=True))
        assert before[-2:] == contents


def test_no_other_file_uses_private_names() -> None:
    sources = [file for folder in (PLATFORM, TASKS) for file in folder.rglob("*.py")]
    found = {
        file.relative_to(folder.parent).as_posix()
        for folder in (PLATFORM, TASKS)
        for file in folder.rglob("*.py")
        if PRIVATE.search(file.read_text(encoding="utf-8"))
    }
    assert found == HOMES
    assert len(sources) > 200
