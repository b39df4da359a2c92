"""A file is the old version or the new one, whatever the disk does."""

import errno
import os
import pickle
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from unroll.contract import UserError
from unroll.ledger.files import StorageError, make_folder, sweep, write_atomic, write_once
from unroll.ledger.processes import machine

CODES = [errno.ENOSPC, errno.EIO, errno.EACCES]


def test_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file"
    write_atomic(path, b"old")
    write_atomic(path, b"new", durable=False)
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["file"]


@pytest.mark.parametrize("lasting", [False, True])
@pytest.mark.parametrize("code", CODES)
def test_every_failure_leaves_old_or_new(tmp_path: Path, failing_disk: Any, code: int, lasting: bool) -> None:
    path, new = tmp_path / "file", b"new" * 1000
    errors = list[StorageError | None]()
    for error in failing_disk.fail_everywhere(
        lambda: write_atomic(path, new), prepare=lambda: path.write_bytes(b"old"), code=code, lasting=lasting
    ):
        assert path.read_bytes() in ((b"old", new) if error else (new,))
        errors.append(error)
    assert sum(error is not None for error in errors) >= 5
    assert {error.errno for error in errors if error} == {code}


@pytest.mark.parametrize("lasting", [False, True])
def test_every_failure_of_a_first_write_leaves_nothing_or_all(tmp_path: Path, failing_disk: Any, lasting: bool) -> None:
    path = tmp_path / "new" / "file"
    for error in failing_disk.fail_everywhere(
        lambda: write_once(path, b"whole"), prepare=lambda: shutil.rmtree(path.parent, True), lasting=lasting
    ):
        assert path.read_bytes() == b"whole" if path.exists() else error


def test_writes_once(tmp_path: Path) -> None:
    write_once(tmp_path / "file", b"first")
    with pytest.raises(FileExistsError):
        write_once(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("seen_late", [False, True])
def test_writes_once_where_hard_links_are_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen_late: bool
) -> None:
    def refuse(source: Path, target: Path) -> None:
        if seen_late:
            target.write_bytes(b"first")
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    if seen_late:
        with pytest.raises(FileExistsError):
            write_once(tmp_path / "file", b"second")
    else:
        write_once(tmp_path / "file", b"first")
    assert (tmp_path / "file").read_bytes() == b"first"


def test_a_link_whose_answer_was_lost_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def link_twice(source: Path, target: Path) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", link_twice)
    write_once(tmp_path / "file", b"mine")
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.parametrize(("write", "publish"), [(write_atomic, "replace"), (write_once, "link")])
def test_data_are_durable_before_their_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Any, publish: str
) -> None:
    calls: list[str] = []
    real = getattr(os, publish)

    def sync(handle: int) -> None:
        calls.append("sync folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "sync data")

    def name(*args: Any) -> None:
        calls.append("name")
        real(*args)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, publish, name)
    write(tmp_path / "file", b"data")
    assert calls == ["sync data", "name", "sync folder"]
    calls.clear()
    make_folder(tmp_path / "a" / "b")
    assert calls == ["sync folder", "sync folder"]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:3]))
    write_atomic(tmp_path / "file", b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_needs_no_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere")
    write_atomic(tmp_path / "file", b"data")
    assert (tmp_path / "file").read_bytes() == b"data"


def test_respects_the_mask_of_permissions(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "file", b"data")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "results").write_bytes(b"")
    with pytest.raises(StorageError, match=r"results: .* \(received Not a directory\)"):
        make_folder(tmp_path / "results" / "trials")
    with pytest.raises(StorageError, match="Not a directory"):
        make_folder(tmp_path / "results")


def test_the_error_says_what_to_do(tmp_path: Path, failing_disk: Any) -> None:
    with failing_disk.fail(1, errno.ENOSPC, lasting=False), pytest.raises(StorageError) as caught:
        write_atomic(tmp_path / "file", b"data")
    assert str(caught.value) == (
        f"{tmp_path / 'file'}: the results folder must be writable and have space (received No space left on device); "
        "no record is lost: free space or fix the permissions and run the same command again"
    )
    assert isinstance(caught.value, UserError)
    assert isinstance(caught.value, OSError)


def test_the_error_travels_between_processes(tmp_path: Path) -> None:
    error = StorageError(tmp_path, OSError(errno.EIO, "broken"))
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.errno) == (str(error), errno.EIO)


def test_sweeps_what_dead_writers_left(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    mine = f"{machine()}-{os.getpid()}--0123abcd"
    names = {
        f".0001.json.{machine()}-{dead.pid}-1-0123abcd.tmp": False,
        f".0001.json.{machine()}-{os.getpid()}-1-0123abcd.tmp": False,  # a process id used again
        ".0001.json.0123456789ab-1-1-0123abcd.tmp": True,  # of another machine, young
        ".0002.json.0123456789ab-1-1-0123abcd.tmp": False,  # of another machine, old
        f".0001.json.{mine}.tmp": True,
        ".somebody-elses.tmp": True,
        "0001.json": True,
    }
    for name in names:
        (tmp_path / name).write_bytes(b"half")
    long_ago = time.time() - 7 * 24 * 3600
    os.utime(tmp_path / ".0002.json.0123456789ab-1-1-0123abcd.tmp", (long_ago, long_ago))
    sweep(tmp_path)
    assert {name: (tmp_path / name).exists() for name in names} == names
    sweep(tmp_path / "absent")


def test_leftovers_never_block_the_next_write(tmp_path: Path) -> None:
    killed = "import os; from unroll.ledger import files; files.os.fsync = lambda _: os._exit(9); "
    killed += f"files.write_atomic(files.Path({str(tmp_path / 'file')!r}), b'half')"
    subprocess.run([sys.executable, "-c", killed], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert len(os.listdir(tmp_path)) == 1
    write_atomic(tmp_path / "file", b"whole")
    sweep(tmp_path)
    assert os.listdir(tmp_path) == ["file"]
