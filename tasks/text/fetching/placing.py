"""From servers to a folder that is there whole or not at all."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError

from tasks.text.fetching.archive import extract
from tasks.text.fetching.download import download
from tasks.text.fetching.shipment import Archive, File, Shipment
from tasks.text.store import flush, hash_file
from unroll.contract import Fetching, UserError

RECORD: Final = ".fetched.json"
"""In a fetched folder: the hash of each file."""


class _Record(BaseModel):
    name: str = ""
    sha256: dict[str, str] = {}


def is_complete(shipment: Shipment, root: Path) -> bool:
    """Whether every file is in its place; their content is not looked at."""
    return all((root / shipment.name / file.name).is_file() for file in shipment.files)


def recorded_hashes(name: str, place: Path) -> dict[str, str]:
    """File -> hash as it was written down when a shipment of this name was fetched; empty where it was not."""
    try:
        record = _Record.model_validate_json((place / RECORD).read_bytes())
    except (OSError, ValidationError):
        return {}
    return record.sha256 if record.name == name else {}


def fetch(shipment: Shipment, root: Path, watch: Callable[[Fetching], None]) -> Path:
    """Make the folder ``root/NAME``; do nothing if it is there, whole and unchanged.

    Raises:
        UserError: it cannot be downloaded or stored, or something else is in its place.
    """
    place = root / shipment.name
    with _refusing_disk(root):
        if not _is_in_place(shipment, place):
            with _locked(root / f".{shipment.name}.partial") as bench:
                if not _is_in_place(shipment, place):  # another process may have fetched it before we had the lock
                    _prepare(shipment, bench, watch).rename(place)  # one step: there wholly or not at all
                    flush(root)
                shutil.rmtree(bench)
    return place


def _is_in_place(shipment: Shipment, place: Path) -> bool:
    if not place.is_dir() or not any(place.iterdir()):
        return False
    recorded = recorded_hashes(shipment.name, place)
    for item in shipment.files:
        file = place / item.name
        wanted, found = item.sha256 or recorded.get(item.name), hash_file(file) if file.is_file() else None
        if found is None or wanted not in (None, found):
            raise UserError(
                f"a fetched file must {f'have the sha256 {wanted}' if wanted and found else 'be there'}",
                where=str(file),
                received=found or "",
                advice="it is no longer what was fetched, or never was: move its folder away and fetch again",
            )
    return True


def _prepare(shipment: Shipment, bench: Path, watch: Callable[[Fetching], None]) -> Path:
    """All files, verified and on the disk, in a folder that only has to be renamed."""
    ready = bench / "ready"
    shutil.rmtree(ready, ignore_errors=True)
    ready.mkdir()
    for archive in shipment.archives:
        _unpack(archive, download(archive, bench, watch), ready, shipment)
    for file in shipment.files:
        if file.urls:
            shutil.copyfile(download(file, bench, watch), ready / file.name)
    record = _Record(name=shipment.name, sha256={file.name: _verified(file, ready) for file in shipment.files})
    (ready / RECORD).write_text(record.model_dump_json(indent=1), encoding="utf-8")
    # Before the rename: after a power cut a name must not lead to files without their content.
    for path in (*ready.iterdir(), ready):
        flush(path)
    return ready


def _unpack(archive: Archive, packed: Path, ready: Path, shipment: Shipment) -> None:
    """Take files out of an archive; if they are not what they should be, forget it, or it would be met again."""
    try:
        extract(packed, archive.kind, archive.members, ready, where=archive.name)
        for file in shipment.files:
            if file.name in archive.members:
                _verified(file, ready)
    except UserError:
        packed.unlink()
        raise


def _verified(file: File, folder: Path) -> str:
    found = hash_file(folder / file.name)
    if file.sha256 not in (None, found):
        raise UserError(f"the file must have the sha256 {file.sha256}", where=file.name, received=found)
    return found


@contextmanager
def _locked(bench: Path) -> Iterator[Path]:
    """A folder for unfinished things that no other process works in; the system frees it if we are killed."""
    bench.mkdir(parents=True, exist_ok=True)
    # The lock is on the folder itself, so that no lock file is left behind.
    handle = os.open(bench, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            rule = "a corpus must be fetched by one process at a time"
            raise UserError(rule, where=str(bench), advice="wait for the other one") from None
        bench.mkdir(exist_ok=True)  # whoever had the lock before us took it away
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
