"""From servers to a folder that is there whole or not at all."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tasks.text.fetching.archive import extract
from tasks.text.fetching.download import download
from tasks.text.fetching.shipment import Archive, Item, Shipment
from unroll.contract import Fetching, UserError

RECORD: Final = ".fetched.json"
"""In a fetched folder: the hash of each file, and where it came from."""


def is_complete(shipment: Shipment, root: Path) -> bool:
    """Whether every file is in its place; their content is not looked at."""
    return all((root / shipment.name / item.name).is_file() for item in shipment.items)


def fetch(shipment: Shipment, root: Path, watch: Callable[[Fetching], None]) -> Path:
    """Make the folder ``root/NAME``; do nothing if it is there, whole and unchanged.

    Raises:
        UserError: it cannot be downloaded or stored, or something else lies there.
    """
    place = root / shipment.name
    with _refusing_disk(root):
        if _lies_there(shipment, place):
            return place
        with _alone(root / f".{shipment.name}.partial") as bench:
            if not _lies_there(shipment, place):  # somebody may have fetched it before we were alone
                ready = _prepare(shipment, bench, watch)
                ready.rename(place)
                _flush(root)
            shutil.rmtree(bench)
    return place


def _lies_there(shipment: Shipment, place: Path) -> bool:
    if not place.is_dir() or not any(place.iterdir()):
        return False
    recorded = _recorded(place)
    for item in shipment.items:
        file = place / item.name
        wanted, found = item.sha256 or recorded.get(item.name), _hash(file) if file.is_file() else None
        if found is None or wanted not in (None, found):
            raise UserError(
                f"a fetched file must {f'have the sha256 {wanted}' if wanted and found else 'be there'}",
                where=str(file),
                received=found or "",
                advice="it is no longer what was fetched, or never was: move its folder away and fetch again",
            )
    return True


def _prepare(shipment: Shipment, bench: Path, watch: Callable[[Fetching], None]) -> Path:
    """All files, verified, in a folder that only has to be renamed."""
    ready = bench / "ready"
    shutil.rmtree(ready, ignore_errors=True)
    ready.mkdir()
    for archive in shipment.archives:
        _unpack(archive, download(archive.download, bench, watch), ready, shipment)
    for item in shipment.items:
        if item.download is not None:
            shutil.copyfile(download(item.download, bench, watch), ready / item.name)
    hashes = {item.name: _verified(item, ready / item.name) for item in shipment.items}
    (ready / RECORD).write_text(json.dumps({"name": shipment.name, "sha256": hashes}, indent=1), encoding="utf-8")
    for path in (*ready.iterdir(), ready):
        _flush(path)
    return ready


def _unpack(archive: Archive, packed: Path, ready: Path, shipment: Shipment) -> None:
    """Take files out of an archive; if they are not what they should be, forget it, or it would be met again."""
    try:
        extract(packed, archive.kind, archive.members, ready, where=archive.download.name)
        for item in shipment.items:
            if item.name in archive.members:
                _verified(item, ready / item.name)
    except UserError:
        packed.unlink()
        raise


def _verified(item: Item, file: Path) -> str:
    found = _hash(file)
    if item.sha256 not in (None, found):
        raise UserError(f"the file must have the sha256 {item.sha256}", where=item.name, received=found)
    return found


def _recorded(place: Path) -> dict[str, str]:
    try:
        hashes = json.loads((place / RECORD).read_text(encoding="utf-8"))["sha256"]
        return {str(name): str(value) for name, value in hashes.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


@contextmanager
def _alone(bench: Path) -> Iterator[Path]:
    """A folder for unfinished things that no other process works in; the system frees it if we are killed."""
    bench.mkdir(parents=True, exist_ok=True)
    handle = os.open(bench, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            rule = "a corpus must be fetched by one process at a time"
            raise UserError(rule, where=str(bench), advice="wait for the other one") from None
        bench.mkdir(exist_ok=True)  # whoever was alone before us took it away
        yield bench
    finally:
        os.close(handle)


@contextmanager
def _refusing_disk(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            "the folder must take the files",
            where=str(error.filename or root),
            received=error.strerror or str(error),
            advice="what was downloaded is kept: make room, or choose another folder, and run the command again",
        ) from error


def _hash(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _flush(path: Path) -> None:
    """Make sure that a file or a folder is on the disk, not only on its way there."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
