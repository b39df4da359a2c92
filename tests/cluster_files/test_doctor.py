"""What the doctor finds on a machine, healthy or made ill for the purpose; no secret is ever told."""

import os
import types
from importlib import metadata
from pathlib import Path

import pytest

from unroll.cluster import Finding, _accounts, _machine, _software, examine

KEY = "local-" + "5ec2e7" * 7


def test_a_healthy_machine_has_a_finding_for_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    found = {finding.name: finding for finding in examine(results=tmp_path / "a" / "b", cache=tmp_path)}
    assert set(found) >= {
        "python",
        "ray",
        "torch",
        "C compiler",
        "GPUs",
        "cores",
        "free memory",
        "cache folder",
        "W&B key",
        "browser",
    }
    assert found["ray"].detail == metadata.version("ray")
    ill = [finding for finding in found.values() if not finding.ok]
    assert not [finding for finding in ill if finding.name not in {"free memory", "shared memory", "disk for results"}]
    assert KEY not in repr(found)
    assert list(tmp_path.iterdir()) == [], "an examination leaves nothing behind"


def test_only_what_is_ill_gets_an_advice(tmp_path: Path) -> None:
    for finding in examine(results=tmp_path):
        assert bool(finding.advice) == (not finding.ok)


@pytest.mark.parametrize(
    ("package", "found", "detail"),
    [("polars", "1.0.0", "1.0.0"), ("ray", "2.61.0", "2.61.0"), ("wandb", None, "not installed")],
)
def test_a_version_that_was_not_asked_for_is_named(
    monkeypatch: pytest.MonkeyPatch, package: str, found: str | None, detail: str
) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name != package:
            return real(name)
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(metadata, "version", version)
    (ill,) = (finding for finding in _software.packages() if not finding.ok)
    assert (ill.name, ill.detail) == (package, detail)
    assert ill.advice.startswith(f"run `make install` (asked for: {package}")


@pytest.mark.parametrize(
    ("version", "detail"),
    [("2.6.1", "lightning 2.6.1 beside pytorch-lightning"), ("2.6.3", "lightning 2.6.3 steals credentials at import")],
)
def test_the_other_lightning_is_a_finding(monkeypatch: pytest.MonkeyPatch, version: str, detail: str) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: version)
    finding = _software.second_lightning()
    assert (finding.ok, finding.detail) == (False, detail)


def test_a_shadowed_platform_module_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "platform", types.ModuleType("platform"))
    assert not _software.standard_platform().ok


@pytest.mark.parametrize(
    ("compiler", "detail"),
    [(None, "none: recurrent loops would run in Python"), ("exit 1", "mycc does not make a library")],
)
def test_a_machine_without_a_working_compiler_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiler: str | None, detail: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    if compiler:
        (tmp_path / "mycc").write_text(f"#!/bin/sh\n{compiler}\n")
        (tmp_path / "mycc").chmod(0o755)
        monkeypatch.setenv("CC", "mycc")
    finding = _software.compiler()
    assert not finding.ok
    assert detail in finding.detail
    assert "set CC" in finding.advice


def test_memory_is_that_of_the_container(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 33554432 kB\nMemAvailable: 16777216 kB\n")
    assert _machine.memory(meminfo, tmp_path) == Finding("free memory", True, "16.0 GiB free")
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1073741824\n")
    assert _machine.memory(meminfo, tmp_path).detail == "16.0 GiB free"
    (tmp_path / "memory.max").write_text("2147483648\n")
    assert _machine.memory(meminfo, tmp_path) == Finding(
        "free memory", False, "1.0 GiB free", "close something, or run fewer trials at once"
    )
    assert _machine.memory(tmp_path / "absent", tmp_path).detail == "unknown on this system"


def test_a_small_disk_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: types.SimpleNamespace(free=2**30))
    assert _machine.disk(tmp_path / "later") == Finding(
        "disk for results", False, "1.0 GiB free", f"free some space at {tmp_path}"
    )


def test_a_place_that_cannot_be_written_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    finding = _machine.writable("results folder", tmp_path / "results")
    assert (finding.ok, finding.detail) == (False, f"{tmp_path}: Permission denied")
    assert _machine.clock(tmp_path).ok


def test_a_clock_that_is_off_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 60)
    finding = _machine.clock(tmp_path)
    assert (finding.ok, finding.advice) == (False, "synchronise the clocks (NTP)")


@pytest.mark.parametrize(("mode", "ok"), [(0o644, False), (0o600, True)])
def test_a_token_for_all_to_read_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, ok: bool
) -> None:
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text(KEY)
    token.chmod(mode)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Path, "stat", lambda self: os.stat(self) if self == token else types.SimpleNamespace(st_mode=1))
    finding = _accounts.ray_token()
    assert finding.ok is ok
    assert KEY not in repr(finding)


def test_a_token_behind_a_closed_door_is_no_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir(mode=0o700)
    token.write_text(KEY)
    token.chmod(0o644)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _accounts.ray_token().ok


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_home_that_cannot_be_used_is_a_finding(
    elsewhere: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UNROLL_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _accounts.home() == Finding("home folder", True, f"{tmp_path} can be written")
    if elsewhere:
        monkeypatch.setenv("UNROLL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "absent"))
    found = _accounts.home()
    assert found.detail.startswith(f"{tmp_path}/absent is no folder")
    assert (found.ok, bool(found.advice)) == (elsewhere, not elsewhere)
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _accounts.home().detail.startswith(f"{tmp_path} cannot be written")


def test_without_a_home_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert _accounts.home().advice == "set HOME, or UNROLL_CACHE to a folder"
    assert _accounts.ray_token().ok


def test_a_cache_that_others_can_change_is_a_finding(tmp_path: Path) -> None:
    assert _machine.ours("cache", tmp_path / "new").ok
    tmp_path.chmod(0o777)
    found = _machine.ours("cache", tmp_path / "new")
    assert (found.ok, found.detail) == (False, f"{tmp_path} can be written by every account")


def test_telemetry_that_someone_switched_on_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    assert not _accounts.usage_statistics().ok


def test_w_and_b_is_asked_only_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unroll.tracking.is_reachable", lambda: False)
    assert "W&B answers" not in {finding.name for finding in examine(results=tmp_path)}
    (answer,) = (finding for finding in examine(results=tmp_path, online=True) if finding.name == "W&B answers")
    assert not answer.ok
