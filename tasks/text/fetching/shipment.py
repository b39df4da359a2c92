"""What makes one folder: files, and archives that files come out of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.text.fetching.archive import Kind
from tasks.text.fetching.download import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An archive and what is taken from it: name of the file -> name of the member."""

    download: Wanted
    kind: Kind
    members: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file as it is to lie in the folder; with a download unless it comes out of an archive."""

    name: str
    sha256: str | None
    download: Wanted | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """All that makes one folder."""

    name: str
    items: tuple[Item, ...]
    archives: tuple[Archive, ...]
