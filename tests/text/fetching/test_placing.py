"""A folder is there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tasks.text.fetching import Archive, File, Shipment, fetch, is_complete
from tests.text.fetching.shelf import Shelf
from unroll.contract import Fetching, UserError

TRAIN, TEST = b"a b c\n" * 20_000, b"a c\n"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def zipped(**members: bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as file:
        for name, content in members.items():
            file.writestr(f"inside/{name}", content)
    return memory.getvalue()


def loose(shelf: Shelf, **options: Any) -> Shipment:
    urls = {"train": shelf.put("/train", TRAIN, **options), "test": shelf.put("/test", TEST)}
    contents = {"train": TRAIN, "test": TEST}
    items = [File(name=name, urls=(url,), sha256=sha(contents[name])) for name, url in urls.items()]
    return Shipment(name="tiny", files=tuple(items))


def packed(shelf: Shelf, content: bytes, *, files: bool, whole: bool) -> Shipment:
    members = {"train": "inside/train", "test": "inside/test"}
    urls = (shelf.put("/a.zip", content),)
    archive = Archive(kind="zip", urls=urls, sha256=sha(content) if whole else None, members=members)
    hashes = {"train": sha(TRAIN), "test": sha(TEST)}
    items = tuple(File(name=name, sha256=value if files else None) for name, value in hashes.items())
    return Shipment(name="tiny", files=items, archives=(archive,))


def nobody(fetching: Fetching) -> None:
    pass


def refused(shipment: Shipment, root: Path) -> str:
    with pytest.raises(UserError) as raised:
        fetch(shipment, root, nobody)
    return str(raised.value)


def lying(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "tiny").iterdir() if not path.name.startswith(".")}


def test_files_come_into_one_folder_and_nothing_else_is_left(shelf: Shelf, tmp_path: Path) -> None:
    shipment = loose(shelf)
    assert not is_complete(shipment, tmp_path)
    assert fetch(shipment, tmp_path / "deep" / "root", nobody) == tmp_path / "deep" / "root" / "tiny"
    assert lying(tmp_path / "deep" / "root") == {"train": TRAIN, "test": TEST}
    assert [path.name for path in (tmp_path / "deep" / "root").iterdir()] == ["tiny"]
    assert is_complete(shipment, tmp_path / "deep" / "root")
    record = json.loads((tmp_path / "deep" / "root" / "tiny" / ".fetched.json").read_text())
    assert record == {"name": "tiny", "sha256": {"train": sha(TRAIN), "test": sha(TEST)}}


@pytest.mark.parametrize(("files", "whole"), [(True, True), (True, False), (False, True)])
def test_files_come_out_of_an_archive(shelf: Shelf, tmp_path: Path, files: bool, whole: bool) -> None:
    shipment = packed(shelf, zipped(train=TRAIN, test=TEST, more=b"x"), files=files, whole=whole)
    fetch(shipment, tmp_path, nobody)
    assert lying(tmp_path) == {"train": TRAIN, "test": TEST}


def test_a_second_fetch_asks_nobody(shelf: Shelf, tmp_path: Path) -> None:
    shipment = loose(shelf)
    fetch(shipment, tmp_path, nobody)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    shelf.asked.clear()
    fetch(shipment, tmp_path, nobody)
    assert not shelf.asked
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == times


def test_right_files_of_another_origin_are_as_good(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "train").write_bytes(TRAIN)
    (tmp_path / "tiny" / "test").write_bytes(TEST)
    fetch(loose(shelf), tmp_path, nobody)
    assert not shelf.asked


@pytest.mark.parametrize("files", [True, False])
def test_changed_files_are_not_overwritten(shelf: Shelf, tmp_path: Path, files: bool) -> None:
    shipment = packed(shelf, zipped(train=TRAIN, test=TEST), files=files, whole=True)
    fetch(shipment, tmp_path, nobody)
    (tmp_path / "tiny" / "test").write_bytes(b"mine")
    message = refused(shipment, tmp_path)
    assert f"must have the sha256 {sha(TEST)} (received {sha(b'mine')})" in message
    (tmp_path / "tiny" / "test").unlink()
    assert "a fetched file must be there" in refused(shipment, tmp_path)
    assert lying(tmp_path) == {"train": TRAIN}


def test_an_archive_with_wrong_files_is_forgotten(shelf: Shelf, tmp_path: Path) -> None:
    bad = packed(shelf, zipped(train=TRAIN, test=b"other"), files=True, whole=False)
    message = refused(bad, tmp_path)
    assert message == f"test: the file must have the sha256 {sha(TEST)} (received {sha(b'other')})"
    assert not (tmp_path / "tiny").exists()
    fetch(packed(shelf, zipped(train=TRAIN, test=TEST), files=True, whole=False), tmp_path, nobody)
    assert lying(tmp_path) == {"train": TRAIN, "test": TEST}


def test_a_hostile_archive_leaves_nothing_in_place(shelf: Shelf, tmp_path: Path) -> None:
    memory = io.BytesIO(zipped(train=TRAIN, test=TEST))
    with zipfile.ZipFile(memory, "a") as file:
        file.writestr("../../evil", b"x")
    assert "inside itself" in refused(packed(shelf, memory.getvalue(), files=True, whole=False), tmp_path / "root")
    assert [path.name for path in tmp_path.iterdir()] == ["root"]
    assert [path.name for path in (tmp_path / "root").iterdir()] == [".tiny.partial"]


def test_a_broken_download_goes_on_another_time(shelf: Shelf, tmp_path: Path) -> None:
    shipment = loose(shelf, breaks=[70_000, 0, 0, 0])
    assert "run the command again to go on" in refused(shipment, tmp_path)
    assert not (tmp_path / "tiny").exists()
    shelf.asked.clear()
    fetch(shipment, tmp_path, nobody)
    assert shelf.ranges() == ["bytes=70000-", None]
    assert lying(tmp_path) == {"train": TRAIN, "test": TEST}


def test_a_full_disk_is_one_line_and_leaves_nothing_in_place(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    shipment = loose(shelf)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", full)
        message = refused(shipment, tmp_path)
    assert "the folder must take the files (received No space left on device); what was downloaded is kept" in message
    assert not (tmp_path / "tiny").exists()
    fetch(shipment, tmp_path, nobody)
    assert lying(tmp_path) == {"train": TRAIN, "test": TEST}


def run(script: str, *words: str, root: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "platform"), str(root)])}
    command = [sys.executable, "-c", script, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


LIMITED = """
import resource, sys
from tasks.text.fetching import File, Shipment, fetch
from unroll.contract import UserError
from pathlib import Path
url, sha, root = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
item = File(name="train", urls=(url,), sha256=sha)
try:
    fetch(Shipment(name="tiny", files=(item,)), Path(root), lambda fetching: None)
except UserError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_bytes_is_told(shelf: Shelf, tmp_path: Path, root: Path) -> None:
    url = shelf.put("/train", TRAIN)
    done = run(LIMITED, url, sha(TRAIN), str(tmp_path), root=root)
    assert "the folder must take the files (received File too large); what was downloaded is kept" in done.stdout
    assert not (tmp_path / "tiny").exists()


def test_a_folder_that_cannot_be_made_is_told(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "the folder must take the files" in refused(loose(shelf), tmp_path / "file")


def test_one_process_fetches_at_a_time(shelf: Shelf, tmp_path: Path) -> None:
    shipment, inner = loose(shelf), list[str]()

    def meddle(fetching: Fetching) -> None:
        inner.append(refused(shipment, tmp_path))

    fetch(shipment, tmp_path, meddle)
    assert "one process at a time" in inner[0]
    assert lying(tmp_path) == {"train": TRAIN, "test": TEST}


KILLED = """
import os, signal, sys
from tasks.text.fetching import File, Shipment, fetch
from pathlib import Path
url, sha, root, at = sys.argv[1:]
item = File(name="train", urls=(url,), sha256=sha)
def watch(fetching):
    if fetching.here >= int(at):
        os.kill(os.getpid(), signal.SIGKILL)
fetch(Shipment(name="tiny", files=(item,)), Path(root), watch)
"""


@pytest.mark.parametrize("at", [1, len(TRAIN)])
def test_a_killed_fetch_leaves_nothing_half_and_is_gone_on_with(
    shelf: Shelf, tmp_path: Path, root: Path, at: int
) -> None:
    url = shelf.put("/train", TRAIN)
    assert run(KILLED, url, sha(TRAIN), str(tmp_path), str(at), root=root).returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == [".tiny.partial"]
    parts = [file for file in (tmp_path / ".tiny.partial").iterdir() if file.is_file() and not file.suffix]
    (kept,) = (part.stat().st_size for part in parts)
    shelf.asked.clear()
    item = File(name="train", urls=(url,), sha256=sha(TRAIN))
    fetch(Shipment(name="tiny", files=(item,)), tmp_path, nobody)
    assert lying(tmp_path) == {"train": TRAIN}
    assert shelf.ranges() == ([f"bytes={kept}-"] if kept < len(TRAIN) else [])
    assert at <= kept
