"""A run that is refused changes nothing: no plan, no trial, no record, and of a new folder no trace."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unroll.contract import UserError
from unroll.ledger import Ledger, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said

    Unroll = Callable[..., Said]

pytestmark = pytest.mark.usefixtures("project")
NO_RAY = UserError("a Ray cluster must answer at --address", where="nowhere:1")


def content(folder: Path) -> dict[str, bytes]:
    """Every file but those of the lock, which counts its owners."""
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith("lock/")}


def test_of_a_new_folder_nothing_is_left(unroll: Unroll, runner: FakeRunner, tmp_path: Path) -> None:
    runner.refusal = NO_RAY
    said = unroll("run", "tiny")
    assert (said.code, said.err) == (2, "error: nowhere:1: a Ray cluster must answer at --address\n")
    assert not Path("results").exists()
    (tmp_path / "mine").mkdir()
    unroll("run", "tiny", "--results", str(tmp_path / "mine"))
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_disk_that_fills_before_the_plan_stands_leaves_nothing(
    unroll: Unroll, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Ledger, plan: object) -> None:
        raise StorageError(self.root / "plan.json", OSError(errno.ENOSPC, "No space left on device"))

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "save_plan", full)
        assert unroll("run", "tiny").code == 74
    assert not Path("results").exists()
    assert unroll("run", "tiny", "--no-report").code == 0


def test_a_study_that_is_there_keeps_its_plan(unroll: Unroll, runner: FakeRunner) -> None:
    unroll("run", "tiny")
    before = content(Path("results/tiny"))
    runner.refusal = NO_RAY
    assert unroll("run", "tiny", "seeds=5", "training.epochs=2").code == 2
    assert content(Path("results/tiny")) == before


def test_an_id_that_stands_for_another_trial_is_found_before_anything_is_written(
    unroll: Unroll, runner: FakeRunner
) -> None:
    unroll("run", "tiny", "--no-report")
    ledger = Ledger.open(Path("results/tiny"))
    last = ledger.plan().trials[-1]
    file = ledger.trial(last.id).folder / "trial.json"
    file.unlink()
    ledger.register(last.model_copy(update={"parameters": 1}))
    before = content(Path("results/tiny"))
    said = unroll("run", "tiny", "seeds=3")
    assert said.code == 2
    assert "a trial's id must stand for one content (received another parameters)" in said.err
    assert content(Path("results/tiny")) == before


def test_a_folder_that_somebody_else_just_took_is_left_to_him(unroll: Unroll, runner: FakeRunner) -> None:
    with Ledger.create(Path("results/tiny")).lock("unroll run tiny"):
        assert unroll("run", "tiny").code == 2
        assert Path("results/tiny/trials").is_dir()
    assert runner.ran == []


def test_a_run_that_broke_is_no_interrupted_one(unroll: Unroll, runner: FakeRunner) -> None:
    runner.error = UserError("the disk must have space")
    assert unroll("run", "tiny").code == 2
    (run,) = Ledger.open(Path("results/tiny")).runs()
    assert (run.interrupted, run.counts, bool(run.finished)) == (False, {"completed": 4}, True)
