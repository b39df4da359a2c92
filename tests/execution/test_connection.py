"""What trials find around them: no secret in a runtime environment, and nothing that costs them a warm worker."""

import importlib
import json
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from unroll.contract import UserError
from unroll.execution.on_ray import private_folder as private
from unroll.execution.on_ray.connection import LOCAL_ENVIRONMENT, connected
from unroll.execution.on_ray.private_folder import private_folder
from unroll.ledger import Ledger
from unroll.ledger.processes import machine, start_time
from unroll.ray_internals import narrow_environments


class Nothing:
    """Stands for a trainable."""


@pytest.fixture
def runtime_environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives the runtime environment that Tune would give to a trial, run at an address."""
    from ray.tune.execution import class_cache

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("RAY_CHDIR_TO_TRIAL_DIR", "0")

    def of(address: str | None) -> dict[str, Any]:
        with narrow_environments(address):
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


def test_a_local_ray_starts_what_a_run_needs_and_no_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import ray

    for name, value in LOCAL_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)  # `connected` would leave them to the tests that follow
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (
        "RAY_AUTH_MODE",
        "RAY_AUTH_TOKEN_PATH",
        "RAY_TMPDIR",
    ):  # another Ray in this process may have left some
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "c1u57e2" * 9)
    for word in ("statistics", "mimetypes", "wave", "nothing_like_it"):  # two are Python's own, and not imported yet
        (tmp_path / f"{word}.py").write_text("found = 'in the working folder'")
    monkeypatch.chdir(tmp_path)
    with connected(None, Ledger.create(tmp_path / "results"), cores=1):
        assert set(ray._private.worker._global_node.all_processes) - {"reaper"} == {"gcs_server", "raylet"}
        assert ray.cluster_resources()["CPU"] == 1, "one worker is started ahead, not one per core of the machine"
        modules, found, folders = ray.get(ray.remote(look_around).remote())
        preloaded = {"torch", "pytorch_lightning", "unroll.execution.on_ray.trainable"}
        assert preloaded <= modules, "the worker had time to import"
        assert found == [], "no module of the working folder runs in a worker"
        assert str(tmp_path) not in folders
        _is_shut(Path(os.environ["RAY_TMPDIR"]))
        files = Path(os.environ["RAY_TMPDIR"])
    assert os.environ["RAY_AUTH_TOKEN"].startswith("c1u57e2"), "it is a cluster's"
    assert not {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH", "RAY_TMPDIR"} & set(os.environ)
    assert not files.parent.exists(), "nothing is left behind"
    assert list((tmp_path / "home").iterdir()) == [], "~/.ray/auth_token is neither made nor needed"


def look_around() -> tuple[set[str], list[str], list[str]]:
    """What the process has imported, modules of the working folder that it would import, and where it looks."""
    import sys

    loaded, found = set(sys.modules), []
    for word in ("statistics", "mimetypes", "wave", "nothing_like_it"):
        try:
            if hasattr(importlib.import_module(word), "found"):
                found.append(word)
        except ImportError:
            pass
    return loaded, found, sys.path


def _is_shut(files: Path) -> None:
    """No other account may enter Ray's folder or learn its token, and no other machine reach what listens."""
    folder = files.parent
    token = folder / "token"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert os.environ["RAY_AUTH_TOKEN_PATH"] == str(token)
    assert token.stat().st_mode & 0o777 == 0o600
    secret = token.read_text()
    assert len(secret) == 64
    assert not secret.startswith("c1u57e2")
    psutil: Any = importlib.import_module("psutil")  # Ray brings it along
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening: dict[Any, str] = {}
    for process in processes:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            assert secret not in " ".join(process.cmdline())
            listening |= {
                each.laddr: process.name() for each in process.net_connections("inet") if each.status == "LISTEN"
            }
    assert len(listening) >= 5, "the control process, the node's, its agents, a worker and this process"
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}, listening
    for address, name in listening.items():
        answers = {*_ask_ray(address.port)}
        shut = "UNAUTHENTICATED" in answers or (answers == {"UNAVAILABLE"} and _ask_http(address.port) >= 400)
        assert shut, f"{name} answers whoever has no token: {answers}"
        assert "OK" not in answers


def _ask_ray(port: int) -> Iterator[str]:
    """What a part of Ray says to somebody without a token; UNAVAILABLE where it does not speak Ray's language."""
    grpc: Any = importlib.import_module("grpc")
    for call in (
        "NodeInfoGcsService/GetAllNodeInfo",
        "NodeManagerService/GetNodeStats",
        "ObjectManagerService/Pull",
        "CoreWorkerService/GetCoreWorkerStats",
    ):
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            try:
                channel.unary_unary(f"/ray.rpc.{call}")(b"", timeout=10)  # no bytes are a message with nothing said
            except grpc.RpcError as error:
                yield str(error.code().name)
            else:
                yield "OK"


def _ask_http(port: int) -> int:
    """Status of the request that would have an agent make an environment, which can run anything."""
    return requests.post(f"http://127.0.0.1:{port}/get_or_create_runtime_env", data=b"", timeout=10).status_code


# Ray's own folder


@pytest.fixture
def bases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders for temporary files, in the order in which they are tried."""
    found = [tmp_path / "first", tmp_path / "second"]
    for base in found:
        base.mkdir()
    monkeypatch.setattr(private, "_bases", lambda: found)
    monkeypatch.setattr(private, "longest_base", lambda: 500)
    return found


def test_folders_of_runs_that_are_no_more_are_swept(bases: list[Path]) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    kept = {"alive": os.getpid(), "elsewhere": dead.pid, "open": dead.pid}
    for base in bases:
        for name, pid in {**kept, "dead": dead.pid}.items():
            folder = base / f"{private.NAME}{name}"
            folder.mkdir(mode=0o777 if name == "open" else 0o700)
            folder.chmod(0o777 if name == "open" else 0o700)
            owner = {"machine": "other" if name == "elsewhere" else machine(), "pid": pid, "started": start_time(pid)}
            (folder / "owner.json").write_text(json.dumps(owner))
            (folder / "r" / "session_1").mkdir(parents=True)
        (base / f"{private.NAME}nobody").mkdir(mode=0o700)
        (base / f"{private.NAME}link").symlink_to(base / f"{private.NAME}dead")
    with private_folder() as files:
        names = {path.name.removeprefix(private.NAME) for path in bases[1].iterdir()}
        assert names == {*kept, "nobody", "link"}
        assert files.parent.parent == bases[0]
        assert stat.S_IMODE(files.parent.stat().st_mode) == 0o700
    assert not files.parent.exists()


def test_a_folder_that_will_not_do_is_passed_over(bases: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    assert private.find_base() == bases[0]
    bases[0].chmod(0o777)
    assert private.find_base() == bases[1], "anybody could have put another folder in its place"
    bases[0].chmod(0o1777)
    assert private.find_base() == bases[0]
    bases[0].rmdir()
    assert private.find_base() == bases[1]
    monkeypatch.setattr(private, "longest_base", lambda: 10)
    with pytest.raises(UserError) as caught:
        private.find_base()
    assert str(caught.value) == (
        f"Ray needs a short, writable folder for temporary files (received {bases[0]} is too long for sockets (at most "
        f"10 bytes); {bases[1]} is too long for sockets (at most 10 bytes)); set TMPDIR to one"
    )


def test_a_long_folder_for_temporary_files_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    with private_folder() as files:
        assert files.parent.parent == Path("/tmp")
        assert len(f"{files}{private.SOCKET}") <= private.LONGEST
    assert list(long.iterdir()) == []


def test_the_token_is_another_one_each_time(bases: list[Path]) -> None:
    tokens = []
    for _ in range(2):
        with private_folder():
            tokens.append(Path(os.environ["RAY_AUTH_TOKEN_PATH"]).read_text())
    assert len(set(tokens)) == 2
