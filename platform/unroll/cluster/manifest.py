"""Read a manifest of Ray's cluster launcher with suspicion, offline: no cloud account, no network."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from unroll.contract import UserError, UserErrors
from unroll.ray_internals import fill_manifest

NARROW_V4, NARROW_V6 = 8, 16
"""Shortest prefixes of a network that is not the world; two halves (/1) are as open as /0."""

_NETWORK = re.compile(r"(?<![\w.:])[0-9a-fA-F:.]*[:.\d]/\d{1,3}(?![\w.])")
_SECRET = re.compile(r"\b\w*(?:API_KEY|AUTH_TOKEN|SECRET|SECRET_\w+|PASSWORD)[=:]\s*[^\s$]")
_DASHBOARD = re.compile(r"--dashboard-host[=\s]+(\S+)")
_IMAGE = re.compile(r"rayproject/ray:(?P<ray>[\d.]+)-py(?P<python>\d+)(?:-\w+)?")

Manifest = dict[str, Any]


def check_manifest(path: Path) -> None:
    """Check what Ray checks, and what would cost money, data or safety.

    Raises:
        UserErrors: one line per mistake; an unreadable file is one, too.
    """
    written = _read(path)
    filled = _filled(written, path)
    found = [error for check in CHECKS_AS_WRITTEN for error in check(written)]
    found += [error for check in CHECKS_AS_FILLED for error in check(filled)]
    errors = [
        UserError(error.rule, where=f"{path.name}: {error.where}", received=error.received, advice=error.advice)
        for error in found
    ]
    if errors:
        raise UserErrors(errors)


def _read(path: Path) -> Manifest:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        manifest = YAML(typ="safe", pure=True).load(path)
    except (OSError, YAMLError) as error:
        raise _refused("a manifest must be readable YAML", path.name, " ".join(str(error).split())) from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("provider"), dict):
        raise _refused("a manifest must be a mapping with a provider", path.name, type(manifest).__name__)
    return manifest


def _filled(manifest: Manifest, path: Path) -> Manifest:
    """The manifest as Ray will use it: validated, with Ray's own defaults for what is left out."""
    try:
        return fill_manifest(manifest)
    except Exception as error:
        place = ".".join(map(str, getattr(error, "absolute_path", ())))  # jsonschema's errors have one
        where = f"{path.name}: {place}" if place else path.name
        raise _refused("Ray must accept the manifest", where, getattr(error, "message", str(error))) from error


def _refused(rule: str, where: str, received: str) -> UserErrors:
    return UserErrors([UserError(rule, where=where, received=received)])


def _addresses(manifest: Manifest) -> Iterator[UserError]:
    for where, text in _strings(manifest):
        for found in _NETWORK.findall(text):
            if _is_the_world(found):
                rule = "no address may be open to the world"
                yield UserError(rule, where=where, received=found, advice="narrow it to your own network")


def _is_the_world(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return network.prefixlen < (NARROW_V4 if network.version == 4 else NARROW_V6)


def _security_groups(manifest: Manifest) -> Iterator[UserError]:
    if manifest["provider"]["type"] != "aws":
        return
    for name, node in manifest["available_node_types"].items():
        if not ({"SecurityGroupIds", "NetworkInterfaces"} & set(node.get("node_config", {}))):
            rule = "an AWS node type must name its SecurityGroupIds"
            advice = "else Ray makes a group that opens SSH to the world"
            yield UserError(rule, where=f"available_node_types.{name}.node_config", advice=advice)


def _token(manifest: Manifest) -> Iterator[UserError]:
    for where, command in _starts(manifest):
        if "RAY_AUTH_MODE=token" not in command:
            rule = "every `ray start` must use token authentication"
            yield UserError(rule, where=where, advice="put `export RAY_AUTH_MODE=token;` before it")
    if not any(str(target).endswith(".ray/auth_token") for target in manifest["file_mounts"]):
        rule = "the token must travel to every node as a file"
        yield UserError(rule, where="file_mounts", advice='add "/home/ray/.ray/auth_token": "~/.ray/auth_token"')
    if not any("chmod 600" in command and "auth_token" in command for command in manifest["setup_commands"]):
        rule = "the token's file must be readable by its owner alone"
        yield UserError(rule, where="setup_commands", advice="add `chmod 600 ~/.ray/auth_token`")


def _dashboard(manifest: Manifest) -> Iterator[UserError]:
    for where, command in _starts(manifest):
        for host in _DASHBOARD.findall(command):
            if host not in {"127.0.0.1", "localhost", "::1"}:
                rule = "the dashboard must listen on the head itself only"
                advice = "use 127.0.0.1 and `ray dashboard` to reach it"
                yield UserError(rule, where=where, received=host, advice=advice)


def _secrets(manifest: Manifest) -> Iterator[UserError]:
    for where, text in _strings(manifest):
        if _SECRET.search(f"{where.rpartition('.')[2]}={text}") or _SECRET.search(text):
            rule = "no secret may stand in a manifest"
            yield UserError(rule, where=where, advice="keep it in a file on the nodes, with mode 600")


def _scaling(manifest: Manifest) -> Iterator[UserError]:
    head = manifest["head_node_type"]
    for name, node in manifest["available_node_types"].items():
        where = f"available_node_types.{name}"
        if name != head and node.get("min_workers", 0) != 0:
            rule = "workers must scale from zero"
            yield UserError(rule, where=f"{where}.min_workers", received=str(node["min_workers"]), advice="use 0")
        if name == head and node.get("resources", {}).get("CPU") != 0:
            rule = "the head must offer no CPU, so that no trial runs beside the driver"
            yield UserError(rule, where=f"{where}.resources.CPU", advice="use 0")


def _versions(manifest: Manifest) -> Iterator[UserError]:
    ray, docker = version("ray"), manifest.get("docker", {})
    images = {key: docker[key] for key in ("image", "head_image", "worker_image") if docker.get(key)}
    matches = {key: _IMAGE.fullmatch(image) for key, image in images.items()}
    for key, match in matches.items():
        if match is None or match["ray"] != ray:
            rule, advice = f"an image must have Ray {ray} as here", f"use rayproject/ray:{ray}-py311[-gpu]"
            yield UserError(rule, where=f"docker.{key}", received=images[key], advice=advice)
    if len({match["python"] for match in matches.values() if match}) > 1:
        rule = "all images must have the same Python"
        yield UserError(rule, where="docker", received=", ".join(images.values()))
    if not any("pip install" in command and "constraints.txt" in command for command in manifest["setup_commands"]):
        rule, advice = "packages must be installed in the pinned versions", "add `--constraint constraints.txt`"
        yield UserError(rule, where="setup_commands", advice=advice)


Check = Callable[[Manifest], Iterator[UserError]]
CHECKS_AS_WRITTEN: tuple[Check, ...] = (_addresses, _secrets)
CHECKS_AS_FILLED: tuple[Check, ...] = (_security_groups, _token, _dashboard, _scaling, _versions)
"""These see what Ray's defaults make of what is left out."""


def _starts(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Every command that starts Ray, with its place."""
    for key in ("head_start_ray_commands", "worker_start_ray_commands"):
        for index, command in enumerate(manifest[key]):
            if "ray start" in command:
                yield f"{key}[{index}]", command


def _strings(node: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every text below ``node``, keys too, with its dotted place."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield where, str(key)
            yield from _strings(value, f"{where}.{key}" if where else str(key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _strings(value, f"{where}[{index}]")
    elif isinstance(node, str):
        yield where, node
