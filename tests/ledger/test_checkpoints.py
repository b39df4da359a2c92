"""The last good checkpoint can always be read."""

import errno
import os
import pickle
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from unroll.ledger import CheckpointStore, DamagedRecord, StorageError, UnknownFormat
from unroll.ledger.files import read_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint"


def test_keeps_the_last_two(folder: Path) -> None:
    store = CheckpointStore(folder)
    assert store.load() is None
    for step in (0, 10, 20, 200):
        store.save(f"state {step}".encode(), step=step)
    assert store.load() == (200, b"state 200")
    assert sorted(os.listdir(folder)) == ["0000000020.checkpoint", "0000000200.checkpoint"]
    store.clear()
    assert store.load() is None
    assert os.listdir(folder) == []


def test_saving_a_step_again_replaces_it(folder: Path) -> None:
    store = CheckpointStore(folder)
    for data in (b"first", b"second"):
        store.save(data, step=5)
    assert store.load() == (5, b"second")


def test_a_resume_from_before_forgets_what_came_after(folder: Path) -> None:
    store = CheckpointStore(folder)
    for step in (10, 20, 15):
        store.save(b"%d" % step, step=step)
    assert store.load() == (15, b"15")
    assert sorted(os.listdir(folder)) == ["0000000010.checkpoint", "0000000015.checkpoint"]


@pytest.mark.parametrize("place", ["newest", "both"])
def test_every_damage_is_told_and_the_one_before_is_read(
    folder: Path, damages: Callable[..., Iterator[bytes]], place: str
) -> None:
    found: list[DamagedRecord] = []
    store = CheckpointStore(folder, on_damage=found.append)
    for step in (10, 20):
        store.save(b"state of %d" % step * 20, step=step)
    older, newest = sorted(folder.iterdir())
    if place == "both":
        older.write_bytes(b"")
    for damaged in damages(newest.read_bytes(), limit=10_000):
        found.clear()
        newest.write_bytes(damaged)
        assert store.load() == (None if place == "both" else (10, b"state of 10" * 20))
        assert [damage.path for damage in found] == ([newest, older] if place == "both" else [newest])


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
def test_one_that_cannot_be_read_is_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    found: list[DamagedRecord] = []
    store = CheckpointStore(folder, on_damage=found.append)
    for step in (10, 20):
        store.save(b"%d" % step, step=step)
    newest = folder / "0000000020.checkpoint"

    def read(path: Path) -> bytes:
        if path == newest:
            raise OSError(code, os.strerror(code))
        return read_file(path)

    monkeypatch.setattr("unroll.ledger.records.read_file", read)
    assert store.load() == (10, b"10")
    assert (
        f"20.checkpoint: a record must be what was once written (received it cannot be read: {os.strerror(code)})"
        in (str(found[0]))
    )
    store.save(b"15", step=15)
    assert store.load() == (15, b"15")


def test_a_disk_that_does_not_answer_is_no_damage(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CheckpointStore(folder)
    store.save(b"state", step=1)

    def read(_: Path) -> bytes:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr("unroll.ledger.records.read_file", read)
    with pytest.raises(StorageError):
        store.load()


def test_a_folder_in_the_place_of_one_holds_up_nothing(folder: Path) -> None:
    store = CheckpointStore(folder)
    store.save(b"state", step=1)
    (folder / "0000000002.checkpoint").mkdir()
    assert store.load() == (1, b"state")
    store.save(b"more", step=1)
    store.save(b"further", step=3)
    assert store.load() == (3, b"further")
    store.clear()
    assert store.load() is None


def test_damage_is_logged_unless_somebody_listens(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = CheckpointStore(folder)
    store.save(b"state", step=1)
    (folder / "0000000001.checkpoint").write_bytes(b"half")
    assert store.load() is None
    assert "0000000001.checkpoint: a record must be what was once written (received 4 bytes" in caplog.text


def test_a_checkpoint_under_another_step_is_damage(folder: Path) -> None:
    found: list[DamagedRecord] = []
    store = CheckpointStore(folder, on_damage=found.append)
    store.save(b"state", step=1)
    (folder / "0000000001.checkpoint").rename(folder / "0000000002.checkpoint")
    assert store.load() is None
    assert len(found) == 1


def test_a_newer_format_is_refused_by_name(folder: Path) -> None:
    folder.mkdir()
    path = folder / "0000000001.checkpoint"
    path.write_bytes(struct.pack(">8sIQQ32s", b"UNROLLCK", 2, 1, 5, b"\x00" * 32) + b"state")
    with pytest.raises(UnknownFormat, match=r"0000000001\.checkpoint: .*received format 2"):
        CheckpointStore(folder).load()


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_every_failed_save_leaves_old_or_new(folder: Path, failing_disk: Any, code: int, lasting: bool) -> None:
    store = CheckpointStore(folder)

    def prepare() -> None:
        store.clear()
        store.save(b"older", step=1)
        store.save(b"old", step=2)

    for error in failing_disk.fail_everywhere(
        lambda: store.save(b"new" * 1000, step=3), prepare=prepare, code=code, lasting=lasting
    ):
        found = CheckpointStore(folder).load()
        assert found in (((2, b"old"), (3, b"new" * 1000)) if error else ((3, b"new" * 1000),))


def test_the_first_failed_save_is_told(folder: Path, failing_disk: Any) -> None:
    with failing_disk.fail(1, errno.EACCES, lasting=True), pytest.raises(StorageError, match="Permission denied"):
        CheckpointStore(folder).save(b"state", step=1)


def test_nothing_is_unpickled(folder: Path, tmp_path: Path) -> None:
    class Gadget:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    data = pickle.dumps(Gadget())
    CheckpointStore(folder).save(data, step=1)
    assert CheckpointStore(folder).load() == (1, data)
    assert not (tmp_path / "ran").exists()


def test_strange_files_are_left_alone(folder: Path) -> None:
    store = CheckpointStore(folder)
    store.save(b"state", step=1)
    (folder / "notes.txt").write_bytes(b"")
    (folder / "best.checkpoint").write_bytes(b"")
    store.save(b"state", step=2)
    store.clear()
    assert sorted(os.listdir(folder)) == ["best.checkpoint", "notes.txt"]
