"""Which known corpus files are, wherever they lie and whatever their folder is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tasks.text.catalogue.entry import Entry
from tasks.text.fetching import recorded_hashes
from tasks.text.store import hash_file


def recognise(entries: Sequence[Entry], places: Iterable[Path]) -> Entry | None:
    """The corpus of which every file lies at one of these places, byte by byte; None where there is none.

    Args:
        entries: known corpora.
        places: files, and folders that hold them.
    """
    files = {file for place in places for file in _files(place)}
    sizes = {file: file.stat().st_size for file in files}
    return next((entry for entry in entries if _holds(entry, sizes)), None)


def _holds(entry: Entry, sizes: dict[Path, int]) -> bool:
    for wanted in entry.files:
        # By size first: what cannot be it is not read.
        alike = (file for file, size in sizes.items() if wanted.bytes in (None, size))
        if wanted.sha256 is None:  # only the archive's hash is known: fetching wrote down those of its files
            alike = (file for file in alike if file.name == wanted.name)
            if not any(hash_file(file) == recorded_hashes(entry.name, file.parent).get(file.name) for file in alike):
                return False
        elif not any(hash_file(file) == wanted.sha256 for file in alike):
            return False
    return True


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    elif place.is_dir():
        yield from (file for file in place.iterdir() if file.is_file())
