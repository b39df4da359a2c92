"""Something that is no file, in the place of any file of a results folder: told at once, waited for never."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unroll.ledger import CheckpointStore, DamagedRecord, Ledger
from unroll.ledger.outcome import Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said

    Unroll = Callable[..., Said]

pytestmark = pytest.mark.usefixtures("project")

KINDS = {"pipe": "a named pipe", "socket": "a socket", "device": "a device", "link to a device": "a device"}


def put(kind: str, path: Path) -> None:
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            here = Path.cwd()
            os.chdir(path.parent)  # a socket's path is short
            made.bind(path.name)
            os.chdir(here)
    elif kind == "device":
        try:
            os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero, which never ends
        except PermissionError:
            pytest.skip("only root makes devices")
    else:
        path.symlink_to("/dev/zero")


READ = {"attempts/0001.json": ("status", "results", "report"), "history/*.json": ("report",), "trial.json": ()}
"""File of a trial -> the commands that read it."""


@pytest.mark.parametrize("place", READ)
def test_every_command_names_it(unroll: Unroll, runner: FakeRunner, place: str) -> None:
    unroll("run", "tiny")
    path = sorted(Path("results/tiny/trials").glob(f"*/{place}"))[0]
    put("pipe", path)
    for command in READ[place]:
        said = unroll(command, "tiny").out
        if command == "report":
            page = Path("results/tiny/report/report.md").read_text(encoding="utf-8")
            assert path.relative_to("results/tiny").as_posix() in page
        else:
            assert f"{path}: a record must be what was once written" in said
            assert "a named pipe lies in its place" in said
    assert unroll("run", "tiny").code == 0
    assert unroll("results", "tiny").code == 0


@pytest.mark.parametrize("names", [("plan.json",), ("stop", "trials.parquet", "runs/strange.json")])
def test_no_command_waits_for_it(unroll: Unroll, runner: FakeRunner, names: tuple[str, ...]) -> None:
    unroll("run", "tiny")
    for name in names:
        put("pipe", Path("results/tiny", name))
    codes = {command: unroll(command, "tiny").code for command in ("status", "results", "report")}
    assert set(codes.values()) == {2 if "plan.json" in names else 0}
    assert unroll("run", "tiny").code == 0
    assert unroll("status", "tiny").code == 0


@pytest.mark.parametrize("kind", ["pipe", "link to a device"])
def test_an_owner_that_is_no_file_is_named(unroll: Unroll, runner: FakeRunner, kind: str) -> None:
    unroll("run", "tiny")
    put(kind, Path("results/tiny/lock/000999.held"))
    rule = "what is no file must not stand where a file of the results belongs"
    for words in (("status", "tiny"), ("run", "tiny", "seeds=3")):
        said = unroll(*words)
        assert said.code == 74
        assert f"lock/000999.held: {rule} (received {KINDS[kind]} lies in its place); no record is lost" in said.err
    Path("results/tiny/lock/000999.held").unlink()
    assert unroll("run", "tiny", "seeds=3").code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_notes_claims_and_checkpoints_are_passed_over(tmp_path: Path, kind: str) -> None:
    ledger = Ledger.create(tmp_path / "results")
    ledger.note_progress(Progress(trial="t", host="h", pid=1, step=1, epoch=1))
    put(kind, ledger.trial("t").folder / "progress.json")
    assert ledger.progress(["t"]) == {}
    with ledger.trial("t").claim(token="run") as first:
        put(kind, ledger.trial("t").folder / "claims" / "000001.json")
        assert not first.is_lost
    with ledger.trial("t").claim(token="run", patience=600) as claim:
        claim.check()
    found: list[DamagedRecord] = []
    store = CheckpointStore(ledger.trial("t").folder / "checkpoint", on_damage=found.append)
    for step in (1, 2):
        store.save(b"%d" % step, step=step)
    put(kind, ledger.trial("t").folder / "checkpoint" / "0000000002.checkpoint")
    assert store.load() == (1, b"1")
    assert f"{KINDS[kind]} lies in its place" in str(found[0])
    store.save(b"3", step=3)
    assert store.load() == (3, b"3")


@pytest.mark.parametrize("place", ["attempts/0001.json", "history/*.json"])
def test_a_file_that_is_a_hole_fills_no_memory(unroll: Unroll, runner: FakeRunner, place: str) -> None:
    unroll("run", "tiny", "--no-report")
    path = next(Path("results/tiny/trials").glob(f"*/{place}"))
    os.truncate(path, 60 * 2**30)
    said = unroll("report", "tiny")
    assert said.code in (0, 1)
    page = Path("results/tiny/report/report.md").read_text(encoding="utf-8")
    assert path.relative_to("results/tiny").as_posix() in page
    assert "cannot be trusted" in page
