"""The file of a known corpus, checked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from tasks.text.fetching.shipment import File, Shipment, Text, Url
from unroll.contract import UserError


class CorpusFile(File):
    """A file of a corpus, and which split it holds; None: what is yet to be split."""

    split: Literal["train", "validation", "test"] | None = None


class Entry(Shipment):
    """A known corpus."""

    title: Text
    homepage: Url
    task: Text
    settings: tuple[str, ...]
    """Overrides that make the task read it, ``data.path`` aside."""
    licence: Text
    languages: tuple[Text, ...] = ()
    """In English."""
    note: str = ""
    """Where addresses and hashes are from."""
    format: Text
    """How ``inspect`` reads it: a module of ``tasks/text/formats``."""
    encoding: str = "utf-8"
    sides: tuple[str, ...] = ()
    """Last parts of the files' names, ``.gz`` aside, where text is parallel: ``de``, ``en``."""
    files: tuple[CorpusFile, ...] = Field(min_length=1)


def names(folder: Path) -> list[str]:
    """Names of the corpora whose entries lie in a folder, sorted."""
    return sorted(file.stem for file in folder.glob("*.toml"))


def load_entry(folder: Path, name: str) -> Entry:
    """Read and check the entry of a corpus.

    Raises:
        UserError: it is malformed.
    """
    file = folder / f"{name}.toml"
    try:
        return Entry(name=name, **tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError) as error:
        raise UserError("an entry must be TOML", where=str(file), received=str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError("an entry must be complete", where=f"{file}: {place}", received=first["msg"]) from error
