"""Every node is asked before the first trial starts: the same versions, no failing import, the same results folder.

Ray itself compares only its own version and Python's. A node that the autoscaler adds later is not seen here.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from unroll.contract import UserError, UserErrors
from unroll.ray_internals import find_head, refused_token

MODULES = ("ray", "torch", "pytorch_lightning", "polars", "pydantic", "wandb", "unroll", "tasks")
SECONDS = 60.0


def check_reachable(address: str, *, seconds: float = 5.0) -> None:
    """Refuse an address where nobody listens, or whose token is not here: Ray itself would go on trying for minutes.

    Args:
        address: HOST:PORT, or ``auto`` for the cluster that Ray itself would find on this machine.
        seconds: how long to wait for an answer.

    Raises:
        UserError: it is no such address, nobody listens there, or the cluster wants a token that is not set here.
    """
    try:
        found = find_head(address)
        host, _, port = found.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=seconds).close()
    except (OSError, OverflowError, ValueError) as error:
        raise UserError(
            "a Ray cluster must listen at --address",
            where=address,
            received=str(error),
            advice="give the HOST:PORT that `ray start --head` printed, or auto on one of its nodes",
        ) from None
    if received := refused_token(found, look_for_token=address == "auto", seconds=seconds):
        raise UserError(
            "the Ray cluster at --address wants its token",
            where=address,
            received=received,
            advice="set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to a file of mode 600 that holds it",
        )


def preflight(results: Path, *, modules: Sequence[str] = MODULES, seconds: float = SECONDS) -> None:
    """Compare every living node with this process. Ray is initialised by the caller, with the code shipped.

    Args:
        results: the results folder, which all nodes must share under the same path.
        modules: what every node must import, in the version that this process has.
        seconds: how long the nodes have to answer, all at once.

    Raises:
        UserErrors: one line per node and difference.
    """
    results.mkdir(parents=True, exist_ok=True)
    token = results.resolve() / f".preflight-{secrets.token_hex(8)}"
    token.touch()
    try:
        asked = _ask(str(token), modules)
        expected = _examiner()(str(token), modules)
        answers = _collect(asked, seconds)
    finally:
        token.unlink()
    errors = [error for node, answer in answers.items() for error in _compare(node, answer, expected, results, seconds)]
    if errors:
        raise UserErrors(errors)


def _ask(token: str, modules: Sequence[str]) -> dict[Any, str]:
    """Send one small task to each living node: the pending reply -> the node's name."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    examine = ray.remote(num_cpus=0, max_retries=0)(_examiner())
    asked: dict[Any, str] = {}
    for node in (node for node in ray.nodes() if node["Alive"]):
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        name = f"node {node['NodeManagerHostname']} ({node['NodeID'][:8]})"
        asked[examine.options(scheduling_strategy=there).remote(token, modules)] = name
    return asked


def _collect(asked: Mapping[Any, str], seconds: float) -> dict[str, dict[str, Any] | None]:
    """What each node answered; None for one that did not in time."""
    import ray

    ready, late = ray.wait(list(asked), num_returns=len(asked), timeout=seconds)
    for reply in late:
        ray.cancel(reply, force=True)
    answers: dict[str, dict[str, Any] | None] = {asked[reply]: None for reply in late}
    for reply in ready:
        try:
            answers[asked[reply]] = ray.get(reply)
        except ray.exceptions.RayError as error:  # the node cannot run even this task
            answers[asked[reply]] = {"failed": str(error).strip().splitlines()[-1]}
    return answers


def _examiner() -> Callable[[str, Sequence[str]], dict[str, Any]]:
    """The question, as a nested function: Ray sends it by value, so that a node without our code can answer too."""

    def examine(token: str, modules: Sequence[str]) -> dict[str, Any]:
        import importlib
        import sys
        import time
        from pathlib import Path

        versions = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
        errors: dict[str, str] = {}
        for module in modules:
            try:
                found = getattr(importlib.import_module(module), "__version__", "")
                versions[module] = str(found).partition("+")[0]
            except Exception as error:
                errors[module] = f"{type(error).__name__}: {error}"
        deadline = time.monotonic() + 5  # a network file system may show a new file late
        while not (visible := Path(token).exists()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return {"versions": versions, "errors": errors, "visible": visible}

    return examine


def _compare(
    node: str, answer: Mapping[str, Any] | None, expected: Mapping[str, Any], results: Path, seconds: float
) -> list[UserError]:
    if answer is None:
        rule = f"every node must answer within {seconds:g} s"
        return [UserError(rule, where=node, received="no answer", advice="look at it in Ray's dashboard or remove it")]
    if "failed" in answer:
        return [UserError("every node must be able to run a task", where=node, received=answer["failed"])]
    here, there = expected["versions"], answer["versions"]
    errors = [
        UserError(
            f"every node must import {module}",
            where=node,
            received=error,
            advice="install the pinned versions there (constraints.txt)",
        )
        for module, error in answer["errors"].items()
        if module in here
    ]
    errors += [
        UserError(
            f"every node must have {module} {here[module]} as the driver has", where=node, received=version or "none"
        )
        for module, version in there.items()
        if module in here and here[module] != version
    ]
    if not answer["visible"]:
        rule = "the results folder must be shared by all nodes under one path"
        advice = "mount the same NFS or EFS folder everywhere"
        errors.append(UserError(rule, where=node, received=str(results), advice=advice))
    return errors
