"""The library of texts: what ``unroll data`` lists, fetches and inspects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, final

from tasks.text.catalogue import Entry, load_entry, names
from unroll.contract import Fetching, Inspection, KnownCorpus, Library, Settings, UserError

ENTRIES: Final = Path(__file__).with_name("catalogue")


@final
class TextLibrary(Library):
    """The corpora of a folder of entries.

    Args:
        entries: the folder; by default ``tasks/text/catalogue``.
    """

    def __init__(self, entries: Path = ENTRIES) -> None:
        self._entries = entries

    def known(self) -> Sequence[KnownCorpus]:
        """Every corpus with an entry, sorted by name."""
        return [self._shown(load_entry(self._entries, name)) for name in names(self._entries)]

    @staticmethod
    def _shown(entry: Entry) -> KnownCorpus:
        """An entry knows more than a list shows; the fields of both have the same names."""
        return KnownCorpus(**entry.model_dump(include={field.name for field in fields(KnownCorpus)}))

    def recognise(self, places: Sequence[Path]) -> KnownCorpus | None:
        """The corpus of which every file lies at one of these places, unchanged."""
        from tasks.text.catalogue.recognise import recognise

        # A plan of many arms asks for each of them.
        entry = recognise(_load_entries(self._entries, self._entries.stat().st_mtime_ns), places)
        return None if entry is None else self._shown(entry)

    def locate(self, name: str, root: Path) -> Path | None:
        """The folder of a corpus that was fetched to ``root``; None where it was not."""
        from tasks.text.fetching import is_complete

        return root / name if is_complete(self._entry(name), root) else None

    def fetch(self, name: str, root: Path, watch: Callable[[Fetching], None]) -> Path:
        """Download a corpus to a folder of its own in ``root``, unless it is there.

        Raises:
            UserError: it cannot be had, is not what it should be, or cannot be stored.
        """
        from tasks.text.fetching import fetch

        return fetch(self._entry(name), root, watch)

    def inspect(self, name: str, folder: Path) -> Inspection:
        """Look at the files of a corpus; each may be packed (``.gz``) though the entry's is not.

        Raises:
            UserError: a file is missing or malformed.
        """
        from tasks.text.inspection import inspect_files

        entry = self._entry(name)
        sides = {side: _files(entry, side, folder) for side in entry.sides or ("",)}
        return inspect_files(sides, entry.format, {"encoding": entry.encoding})

    def inspect_settings(self, settings: Settings) -> Inspection | None:
        """Look at the files of ``settings.data``, if its kind of corpus is a file format or two parallel texts.

        Raises:
            UserError: a file is missing or malformed.
        """
        from tasks.text.formats import FORMATS
        from tasks.text.inspection import inspect_files
        from tasks.text.parallel import ParallelData
        from tasks.text.parallel.readers.parallel_files import ParallelFiles
        from tasks.text.splits import find_files

        section = getattr(settings, "data", None)
        data: Mapping[str, Any] = dict(section) if isinstance(section, Settings) else {}
        name, path = data.get("corpus"), data.get("path")
        if isinstance(section, ParallelData) and isinstance(reader := section.readers.build(section), ParallelFiles):
            return None if path is None else inspect_files(reader.languages(path), "text", data)
        if name not in FORMATS.names() or path is None:
            return None
        files = find_files(path, ending=FORMATS.find(name).ending, optional=("validation", "test"))
        return inspect_files({"": files}, name, data)

    def _entry(self, name: str) -> Entry:
        if name not in names(self._entries):
            raise UserError("there is no such corpus", received=repr(name))
        return load_entry(self._entries, name)


@lru_cache(maxsize=4)
def _load_entries(folder: Path, _changed: int) -> Sequence[Entry]:
    return [load_entry(folder, name) for name in names(folder)]


def _files(entry: Entry, side: str, folder: Path) -> dict[str, Path]:
    """Split -> file of one side."""
    return {
        file.split or "all": _existing(folder / file.name)
        for file in entry.files
        if not side or file.name.removesuffix(".gz").endswith(f".{side}")
    }


def _existing(file: Path) -> Path:
    packed = file.with_name(f"{file.name}.gz")
    return packed if packed.is_file() and not file.is_file() else file
