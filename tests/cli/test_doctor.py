"""``unroll doctor``: what it looks at, and its exit code."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unroll.cluster import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Said

    Unroll = Callable[..., Said]


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unroll.cluster.examine", lambda **where: [Finding("python", True, "3.11")])


@pytest.mark.usefixtures("project")
def test_this_machine_is_looked_at(unroll: Unroll, project: Path) -> None:
    findings = json.loads(unroll("doctor", "--format", "json").out)
    names = {finding["name"] for finding in findings}
    assert {"python", "ray", "torch", "disk for results", "cache folder", "W&B key"} <= names
    assert all(finding.keys() == {"name", "ok", "detail", "advice"} for finding in findings)
    assert not (project / "results").exists()


@pytest.mark.usefixtures("project", "healthy")
def test_all_well_exits_with_0(unroll: Unroll) -> None:
    said = unroll("doctor")
    assert said.code == 0
    assert "ok" in said.out


@pytest.mark.usefixtures("project")
def test_trouble_exits_with_1_and_is_told_with_its_advice(unroll: Unroll, monkeypatch: pytest.MonkeyPatch) -> None:
    sick = [Finding("disk", False, "0.1 GiB free", "free some space"), Finding("python", True, "3.11")]
    monkeypatch.setattr("unroll.cluster.examine", lambda **where: sick)
    said = unroll("doctor")
    assert said.code == 1
    assert "free some space" in said.out
    assert "1 of 3 things need attention" in said.out


@pytest.mark.usefixtures("healthy")
def test_an_open_manifest_is_trouble(unroll: Unroll, project: Path, root: Path) -> None:
    shutil.copy(root / "cluster.yaml", project)
    assert unroll("doctor").code == 0
    text = (project / "cluster.yaml").read_text(encoding="utf-8")
    (project / "cluster.yaml").write_text(text.replace("RAY_AUTH_MODE=token ", ""), encoding="utf-8")
    said = unroll("doctor")
    assert said.code == 1
    assert "every `ray start` must use token authentication" in said.out


@pytest.mark.usefixtures("project", "healthy")
def test_a_cluster_that_is_not_there_is_trouble_at_once(unroll: Unroll) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    said = unroll("doctor", "--address", address)
    assert said.code == 1
    assert f"{address}: a Ray cluster must listen at --address" in said.out
