"""Online runs against a server in miniature, which may refuse, fail or never answer."""

import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from unroll.ledger import Ledger
from unroll.tracking import close_mirror, server, service, unsynced
from unroll.workflow import syncing

SLACK = 60.0
"""Seconds that a busy machine may add to a deadline: what is tested is that there is one."""


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    import_module("unroll.tracking.guarded")  # Lightning takes seconds to import: no deadline shall pay for that
    monkeypatch.setattr(service, "INIT_SECONDS", 8.0)
    monkeypatch.setattr(service, "FINISH_SECONDS", 5.0)
    monkeypatch.setattr(server, "PROBE_SECONDS", 2.0)


def run_trial(trial: Any, run_id: str = "t1", *, midway: Callable[[], object] = lambda: None) -> Any:
    with trial(run_id, mode="online") as mirrored:
        for step in range(4):
            for logger in mirrored.loggers():
                logger.log_metrics({"training/loss": 1.0 / (step + 1)}, step=step)
            if step == 1:
                midway()
        mirrored.finish("completed", {"test/perplexity": 3.5})
    return mirrored


def steps_on_disk(folder: Path, inspect: Any) -> list[int]:
    close_mirror()
    rows = [row["item"] for run in (folder / "wandb").glob("*run-*") for row in inspect(run)["history"]]
    return [row["trainer/global_step"] for row in rows]


def test_an_online_run_arrives_and_is_marked(tmp_path: Path, trial: Any, stub: Any) -> None:
    assert run_trial(trial).problem is None
    told = stub.upserts[0]
    assert (told["name"], told["project"], told["groupName"], told["jobType"]) == ("t1", "unroll", "cells", "confirm")
    assert [row["trainer/global_step"] for row in stub.history] == [0, 1, 2, 3]
    assert stub.exit_codes == [0]
    close_mirror()
    assert unsynced(tmp_path) == 0


def test_an_online_run_after_an_offline_one_says_nothing(
    trial: Any, stub: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    with trial("t0") as mirrored:
        mirrored.finish("completed", {})
    assert run_trial(trial).problem is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("manner", ["errors", "silent"])
def test_a_server_that_fails_from_the_start_costs_a_probe(
    tmp_path: Path, trial: Any, stub: Any, inspect: Any, manner: str
) -> None:
    stub.manner = stub.front = manner
    began = time.monotonic()
    first, second = run_trial(trial, "t1"), run_trial(trial, "t2")
    assert time.monotonic() - began < 2.0 + SLACK
    assert first.problem == second.problem == "W&B: not reachable; this run is kept on disk"
    assert steps_on_disk(tmp_path, inspect) == [0, 1, 2, 3] * 2
    assert unsynced(tmp_path) == 2


def test_a_server_that_refuses_connections_costs_nothing(tmp_path: Path, trial: Any, stub: Any, inspect: Any) -> None:
    stub.close()
    assert run_trial(trial).problem == "W&B: not reachable; this run is kept on disk"
    assert steps_on_disk(tmp_path, inspect) == [0, 1, 2, 3]
    assert unsynced(tmp_path) == 1


@pytest.mark.parametrize("manner", ["errors", pytest.param("silent", marks=pytest.mark.slow)])
def test_a_server_that_answers_the_probe_and_no_more_falls_back_to_the_disk(
    tmp_path: Path, trial: Any, stub: Any, inspect: Any, manner: str
) -> None:
    stub.manner = manner
    began = time.monotonic()
    mirrored = run_trial(trial)
    assert time.monotonic() - began < 8.0 + SLACK
    assert "CommError" in mirrored.problem
    assert steps_on_disk(tmp_path, inspect) == [0, 1, 2, 3]
    assert unsynced(tmp_path) == 1
    assert run_trial(trial, "t2").problem == "W&B: not reachable; this run is kept on disk"


@pytest.mark.parametrize(
    "manner", [*(pytest.param(each, marks=pytest.mark.slow) for each in ("errors", "silent")), "gone"]
)
def test_a_server_lost_midway_delays_the_end_only_so_long(
    tmp_path: Path, trial: Any, stub: Any, inspect: Any, manner: str
) -> None:
    def lose() -> None:
        if manner == "gone":
            stub.close()
        else:
            stub.manner = manner

    began = time.monotonic()
    mirrored = run_trial(trial, midway=lose)
    assert time.monotonic() - began < 5.0 + SLACK
    assert mirrored.problem == "W&B: TimeoutError: Timed out finishing run."
    assert steps_on_disk(tmp_path, inspect) == [0, 1, 2, 3]
    assert unsynced(tmp_path) == 1


def test_what_stayed_behind_can_be_synced_later(tmp_path: Path, trial: Any, stub: Any) -> None:
    ledger = Ledger.create(tmp_path)
    stub.front = "errors"
    run_trial(trial)
    close_mirror()
    syncing.sync(ledger, command="unroll sync", entity="", project="", watch=lambda done, total: None)
    assert [row["trainer/global_step"] for row in stub.history] == [0, 1, 2, 3]
    assert unsynced(tmp_path) == 0


def test_a_second_attempt_adds_to_the_run_of_the_first(tmp_path: Path, trial: Any, stub: Any) -> None:
    for steps in ([0, 1, 2], [3, 4]):
        with trial(mode="online") as mirrored:
            for step in steps:
                mirrored.loggers()[0].log_metrics({"training/loss": 1.0}, step=step)
    close_mirror()
    assert [row["trainer/global_step"] for row in stub.history] == [0, 1, 2, 3, 4]
    assert [row["_step"] for row in stub.history] == [0, 1, 2, 3, 4], "nothing of the first attempt is overwritten"
    assert unsynced(tmp_path) == 0


def test_without_a_key_nobody_is_asked_for_one(
    tmp_path: Path, trial: Any, stub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "home" / ".netrc"))
    assert run_trial(trial).problem == "W&B: no key is configured; this run is kept on disk"
    assert stub.upserts == []


def test_a_key_in_netrc_is_found(tmp_path: Path, stub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not server.has_credentials()
    place = tmp_path / ".netrc"
    place.touch(mode=0o600)
    place.write_text("machine 127.0.0.1 login user password local-secret\n")
    assert server.has_credentials()


@pytest.mark.parametrize("manner", ["well", "errors"])
def test_the_key_appears_in_no_file_and_no_output(
    tmp_path: Path, trial: Any, stub: Any, capfd: pytest.CaptureFixture[str], monkeypatch: Any, manner: str
) -> None:
    from os import environ

    key = environ["WANDB_API_KEY"]
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "home" / "cache"))
    run_trial(trial, midway=lambda: setattr(stub, "manner", manner))
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".wandb" for path in written)
    assert [path for path in written if key.encode() in path.read_bytes()] == []
    assert capfd.readouterr() == ("", "")
