"""Every private part of Ray that Unroll uses, for what Ray has no public way; the package pins Ray's version.

What is replaced has its own value back when the block ends. Each name has a test that fails when a version of Ray no
longer has it (``tests/execution/test_internals.py``).
"""

from __future__ import annotations

import copy
import functools
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def minimal_ray() -> Iterator[None]:
    """A Ray that is started while the block runs has no part that serves a cluster, its spectators, or Ray's makers.

    Ray's own code knows every part that is left out as absent; only ``ray.init`` has no argument for it. Together they
    would cost 3 s of processor time and a second of waiting.
    """
    from ray._private import parameter, services, utils
    from ray.air._internal import usage

    # No autoscaler's monitor, which ends only when it is killed, and none of logs: what workers print is not shown.
    parameters = functools.partial(parameter.RayParams, no_monitor=True, include_log_monitor=False)
    # No server of the dashboard, as where it fails to start, and agents as in an installation without the dashboard.
    absent = ImportError("there is no dashboard")
    with ExitStack() as stack:
        for module, name, value in (
            (parameter, "RayParams", parameters),
            (services, "start_api_server", lambda *_, **__: (None, None)),
            (utils, "get_dashboard_dependency_error", lambda: absent),
            # Ray takes the address of this machine for that of loopback, and what listens there is open to the network.
            (services, "resolve_ip_for_localhost", lambda host: host),
            # No counting of callbacks by kind, which imports wandb and others to know them; nothing is sent anyway.
            (usage, "tag_callbacks", lambda _: False),
        ):
            stack.enter_context(_replaced(module, name, value))
        yield


@contextmanager
def narrow_environments(address: str | None) -> Iterator[None]:
    """While the block runs, take out of the trials' runtime environments what Tune would put there.

    Cloud keys, since Ray shows such environments in logs. And where Ray was started here, all of it: its workers have
    the driver's environment already, and one of their own would keep trials from the workers that were started ahead.
    """
    from ray.tune.execution import class_cache

    copied = class_cache.ENV_VARS_TO_PROPAGATE
    kept = {name for name in copied if address is not None and not name.startswith("AWS_")}
    defaults = class_cache.DEFAULT_ENV_VARS if address is not None else {}
    with (
        _replaced(class_cache, "ENV_VARS_TO_PROPAGATE", kept),
        _replaced(class_cache, "DEFAULT_ENV_VARS", defaults),
    ):
        yield


@contextmanager
def _replaced(module: Any, name: str, value: Any) -> Iterator[None]:
    # getattr first: a name that this version of Ray lacks is an error here, not a patch without effect.
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def own_processes() -> list[int]:
    """Process numbers of Ray's own parts, where this process started them: Ray is lost with any of them."""
    return [started.process.pid for started in _started_parts()]


def kill_at_shutdown() -> None:
    """Let ``ray.shutdown`` kill Ray's parts: they block its SIGTERM, and have nothing to save at their end."""
    for started in _started_parts():
        # On the instances: what else this process starts is asked to end as usual.
        started.process.terminate = started.process.kill


def _started_parts() -> list[Any]:
    import ray

    node = ray._private.worker._global_node  # None before ray.init; without processes where others started them
    return [started for parts in node.all_processes.values() for started in parts] if node else []


def session_folder() -> Path:
    """Where this Ray keeps its own files, for as long as it runs."""
    import ray

    return Path(ray._private.worker._global_node.get_session_dir_path())


def count_cores() -> int:
    """Cores of this machine as Ray counts them: no more than a container's share."""
    from ray._private.utils import get_num_cpus

    return int(get_num_cpus())


def own_code_only() -> Any:
    """A job whose workers do not look for modules in the working folder, where any ``statistics.py`` may lie."""
    from ray.job_config import JobConfig

    class OwnCodeOnly(JobConfig):  # type: ignore[misc]  # Ray is untyped to us
        def _runtime_env_has_working_dir(self) -> bool:
            """What keeps Ray from sending the driver's folders to the workers."""
            return True

    return OwnCodeOnly()


def find_head(address: str) -> str:
    """HOST:PORT of the cluster at an address as Ray understands it (``auto`` too); empty where it finds none."""
    from ray._private.services import canonicalize_bootstrap_address

    return canonicalize_bootstrap_address(address) or ""


def refused_token(head: str, *, look_for_token: bool, seconds: float) -> str:
    """Ask a cluster something small with the token that Ray would show.

    Args:
        head: HOST:PORT.
        look_for_token: let Ray look for a token of a cluster on this machine first.
        seconds: how long to wait for an answer.

    Returns:
        What is wrong with the token; empty where the cluster takes it, or where something else is wrong.
    """
    import grpc  # type: ignore[import-untyped]
    from ray._private.authentication import authentication_token_setup as tokens
    from ray._private.grpc_utils import init_grpc_channel
    from ray.core.generated import gcs_service_pb2, gcs_service_pb2_grpc
    from ray.exceptions import AuthenticationError

    try:
        if look_for_token:
            tokens.maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
        tokens.ensure_token_if_auth_enabled(create_token_if_missing=False)
        stub = gcs_service_pb2_grpc.NodeInfoGcsServiceStub(init_grpc_channel(head))
        stub.GetAllNodeInfo(gcs_service_pb2.GetAllNodeInfoRequest(limit=1), timeout=seconds)
    except AuthenticationError:
        return "RAY_AUTH_MODE=token and no token here"
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.UNAUTHENTICATED:
            shown = tokens.get_authentication_mode() == tokens.AuthenticationMode.TOKEN
            return "another one" if shown else "none"
    except Exception:  # noqa: S110  # Ray raises whatever its parts raise, and reports it better when it connects
        pass
    return ""


def reread_authentication() -> None:
    """Let the part of Ray that read ``RAY_AUTH_*`` when it was imported read them again."""
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]  # Ray is untyped to us

    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


def job_client(address: str) -> Any:
    """A client of Ray's Jobs API at the address of a dashboard, with the token of this environment if there is one."""
    from ray.job_submission import JobSubmissionClient

    logging.getLogger("ray").setLevel(logging.ERROR)  # it tells each file that it uploads
    return JobSubmissionClient(address)


def fill_manifest(manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest as Ray will use it: validated, with Ray's own defaults for what is left out.

    Raises:
        Exception: Ray refuses it; jsonschema's errors have an ``absolute_path``.
    """
    from ray.autoscaler._private.util import prepare_config, validate_config

    filled: dict[str, Any] = prepare_config(copy.deepcopy(manifest))
    validate_config(filled)
    return filled


def find_actor(actor: Any) -> tuple[str, int]:
    """Id of the node and number of the process that an actor runs in."""
    import ray

    known = ray._private.state.actors(actor._actor_id.hex())
    return known["Address"]["NodeID"], known["Pid"]
