"""The manifest in the repository is accepted, and each way of making it dangerous or costly has its own line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from unroll.cluster import check_manifest
from unroll.contract import UserErrors

Manifest = dict[str, Any]


@pytest.fixture
def manifest(root: Path) -> Manifest:
    content: Manifest = YAML(typ="safe", pure=True).load(root / "cluster.yaml")
    return content


def refusals(manifest: Any, folder: Path) -> list[str]:
    path = folder / "copy.yaml"
    YAML(typ="safe", pure=True).dump(manifest, path)
    with pytest.raises(UserErrors) as caught:
        check_manifest(path)
    return str(caught.value).splitlines()


def test_the_manifest_of_the_repository_passes(root: Path) -> None:
    check_manifest(root / "cluster.yaml")


def test_its_first_line_serves_editors(root: Path) -> None:
    first = (root / "cluster.yaml").read_text().splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=https://")
    assert "ray-2.60.0" in first


def test_versions_are_those_that_are_pinned(root: Path, manifest: Manifest) -> None:
    pins = dict(line.split("==") for line in (root / "constraints.txt").read_text().splitlines() if "==" in line)
    for key in ("head_image", "worker_image"):
        assert manifest["docker"][key].startswith(f"rayproject/ray:{pins['ray']}-py311")


def worker(manifest: Manifest) -> Manifest:
    node: Manifest = manifest["available_node_types"]["gpu_worker"]
    return node


def set_command(key: str, index: int, old: str, new: str) -> Callable[[Manifest], None]:
    def change(manifest: Manifest) -> None:
        assert old in manifest[key][index]
        manifest[key][index] = manifest[key][index].replace(old, new)

    return change


def ingress(**rule: Any) -> Callable[[Manifest], None]:
    def change(manifest: Manifest) -> None:
        permission = {"FromPort": 22, "ToPort": 22, "IpProtocol": "tcp", **rule}
        manifest["provider"]["security_group"] = {"IpPermissions": [permission]}

    return change


MUTATIONS: dict[str, tuple[Callable[[Manifest], object], str]] = {
    "the world may knock": (
        ingress(IpRanges=[{"CidrIp": "0.0.0.0/0"}]),
        "copy.yaml: provider.security_group.IpPermissions[0].IpRanges[0].CidrIp: no address may be open to the world "
        "(received 0.0.0.0/0); narrow it to your own network",
    ),
    "the world of IPv6": (
        ingress(Ipv6Ranges=[{"CidrIpv6": "::/0"}]),
        "copy.yaml: provider.security_group.IpPermissions[0].Ipv6Ranges[0].CidrIpv6: no address may be open to the "
        "world (received ::/0); narrow it to your own network",
    ),
    "half of the world": (
        ingress(IpRanges=[{"CidrIp": "128.0.0.0/1"}]),
        "copy.yaml: provider.security_group.IpPermissions[0].IpRanges[0].CidrIp: no address may be open to the world "
        "(received 128.0.0.0/1); narrow it to your own network",
    ),
    "the world in a command": (
        lambda manifest: manifest["head_setup_commands"].append("ufw allow from 0.0.0.0/0 to any port 8265"),
        "copy.yaml: head_setup_commands[1]: no address may be open to the world (received 0.0.0.0/0); narrow it to "
        "your own network",
    ),
    "Ray's own security group": (
        lambda manifest: worker(manifest)["node_config"].pop("SecurityGroupIds"),
        "copy.yaml: available_node_types.gpu_worker.node_config: an AWS node type must name its SecurityGroupIds; else "
        "Ray makes a group that opens SSH to the world",
    ),
    "a head without token": (
        set_command("head_start_ray_commands", 1, "RAY_AUTH_MODE=token", ""),
        "copy.yaml: head_start_ray_commands[1]: every `ray start` must use token authentication; put `export "
        "RAY_AUTH_MODE=token;` before it",
    ),
    "a worker without token": (
        set_command("worker_start_ray_commands", 1, "RAY_AUTH_MODE=token", "RAY_AUTH_MODE=disabled"),
        "copy.yaml: worker_start_ray_commands[1]: every `ray start` must use token authentication; put `export "
        "RAY_AUTH_MODE=token;` before it",
    ),
    "no token file": (
        lambda manifest: manifest["file_mounts"].pop("/home/ray/.ray/auth_token"),
        'copy.yaml: file_mounts: the token must travel to every node as a file; add "/home/ray/.ray/auth_token": '
        '"~/.ray/auth_token"',
    ),
    "a token for all to read": (
        lambda manifest: manifest["setup_commands"].pop(0),
        "copy.yaml: setup_commands: the token's file must be readable by its owner alone; add `chmod 600 "
        "~/.ray/auth_token`",
    ),
    "a dashboard for all": (
        set_command("head_start_ray_commands", 1, "--dashboard-host=127.0.0.1", "--dashboard-host 0.0.0.0"),
        "copy.yaml: head_start_ray_commands[1]: the dashboard must listen on the head itself only (received 0.0.0.0); "
        "use 127.0.0.1 and `ray dashboard` to reach it",
    ),
    "a key in a command": (
        lambda manifest: manifest["setup_commands"].append("export WANDB_API_KEY=local-0123456789"),
        "copy.yaml: setup_commands[2]: no secret may stand in a manifest; keep it in a file on the nodes, with mode "
        "600",
    ),
    "workers that never go": (
        lambda manifest: worker(manifest).update(min_workers=2),
        "copy.yaml: available_node_types.gpu_worker.min_workers: workers must scale from zero (received 2); use 0",
    ),
    "trials beside the driver": (
        lambda manifest: manifest["available_node_types"]["head"].update(resources={"CPU": 2}),
        "copy.yaml: available_node_types.head.resources.CPU: the head must offer no CPU, so that no trial runs beside "
        "the driver; use 0",
    ),
    "another Ray": (
        lambda manifest: manifest["docker"].update(worker_image="rayproject/ray:2.59.0-py311-gpu"),
        "copy.yaml: docker.worker_image: an image must have Ray 2.60.0 as here (received "
        "rayproject/ray:2.59.0-py311-gpu); use rayproject/ray:2.60.0-py311[-gpu]",
    ),
    "another image": (
        lambda manifest: manifest["docker"].update(head_image="rayproject/ray:latest"),
        "copy.yaml: docker.head_image: an image must have Ray 2.60.0 as here (received rayproject/ray:latest); use "
        "rayproject/ray:2.60.0-py311[-gpu]",
    ),
    "two Pythons": (
        lambda manifest: manifest["docker"].update(head_image="rayproject/ray:2.60.0-py312"),
        "copy.yaml: docker: all images must have the same Python (received rayproject/ray:2.60.0-py312, "
        "rayproject/ray:2.60.0-py311-gpu)",
    ),
    "packages of the day": (
        set_command("setup_commands", 1, "--constraint constraints.txt", ""),
        "copy.yaml: setup_commands: packages must be installed in the pinned versions; add `--constraint "
        "constraints.txt`",
    ),
    "a key that Ray does not know": (
        lambda manifest: manifest.update(max_wokers=3),
        "copy.yaml: Ray must accept the manifest (received Additional properties are not allowed ('max_wokers' was "
        "unexpected))",
    ),
    "a value of the wrong kind": (
        lambda manifest: worker(manifest).update(max_workers="many"),
        "copy.yaml: available_node_types.gpu_worker.max_workers: Ray must accept the manifest (received 'many' is not "
        "of type 'integer')",
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutated_copy_is_refused_with_one_line(manifest: Manifest, tmp_path: Path, name: str) -> None:
    mutate, line = MUTATIONS[name]
    mutate(manifest)
    assert refusals(manifest, tmp_path) == [line]


def test_ray_s_own_defaults_are_no_way_around(manifest: Manifest, tmp_path: Path) -> None:
    del manifest["head_start_ray_commands"]  # Ray then starts its head open to all, without a token
    lines = refusals(manifest, tmp_path)
    assert any("must use token authentication" in line for line in lines)
    assert any("dashboard must listen" in line for line in lines)


def test_several_mistakes_come_together(manifest: Manifest, tmp_path: Path) -> None:
    for name in ("the world may knock", "no token file", "workers that never go"):
        MUTATIONS[name][0](manifest)
    assert len(refusals(manifest, tmp_path)) == 3


@pytest.mark.parametrize("text", ["provider: [", "- a list\n", "provider: 3\n", "a: 1\na: 2\nprovider: {type: aws}\n"])
def test_what_is_no_manifest_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "copy.yaml"
    path.write_text(text)
    with pytest.raises(UserErrors) as caught:
        check_manifest(path)
    assert str(caught.value).startswith("copy.yaml: a manifest must be")
    assert len(str(caught.value).splitlines()) == 1


def test_a_manifest_that_is_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserErrors, match=r"must be readable YAML .*No such file"):
        check_manifest(tmp_path / "absent.yaml")
