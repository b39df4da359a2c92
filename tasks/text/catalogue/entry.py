"""What the file of a known corpus says, checked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from tasks.text.fetching import Archive, Item, Shipment, Wanted
from unroll.contract import UserError

Hash = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Url = Annotated[str, StringConstraints(pattern="^https?://[^/]+/.+$")]
Name = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
Urls = Annotated[tuple[Url, ...], Field(min_length=1)]
Text = Annotated[str, StringConstraints(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class File(_Part):
    """A file as it is to lie in the folder; with addresses unless it comes out of an archive."""

    name: Name
    split: Literal["train", "validation", "test"] | None = None
    bytes: int | None = Field(None, gt=0)
    sha256: Hash | None = None
    urls: Urls | None = None


class Packed(_Part):
    """An archive, and what is taken from it: name of the file -> name of the member."""

    kind: Literal["zip", "tar.gz"]
    urls: Urls
    bytes: int | None = Field(None, gt=0)
    sha256: Hash | None = None
    members: dict[Name, Text] = Field(min_length=1)


class Entry(_Part):
    """A known corpus."""

    name: Name
    title: Text
    homepage: Url
    task: Text
    settings: tuple[str, ...]
    """Overrides that make the task read it, ``data.path`` aside."""
    licence: Text
    note: str = ""
    """Where addresses and hashes are from."""
    form: Text
    """How ``inspect`` reads it: a module of ``tasks/text/inspection/forms``."""
    encoding: str = "utf-8"
    sides: tuple[str, ...] = ()
    """Last parts of the files' names, ``.gz`` aside, where text is parallel: ``de``, ``en``."""
    files: tuple[File, ...] = Field(min_length=1)
    archives: tuple[Packed, ...] = ()

    @model_validator(mode="after")
    def _come_from_one_place(self) -> Self:
        members = [name for archive in self.archives for name in archive.members]
        sources = sorted(members + [file.name for file in self.files if file.urls])
        if sources != sorted(file.name for file in self.files):
            raise ValueError("each file must have urls or be a member of one archive")
        return self

    @model_validator(mode="after")
    def _are_verified(self) -> Self:
        vouched = {name for archive in self.archives if archive.sha256 for name in archive.members}
        for file in self.files:
            if file.sha256 is None and file.name not in vouched:
                raise ValueError(f"{file.name} must have a sha256, or its archive")
        return self

    def shipment(self) -> Shipment:
        """What is to be downloaded, and what is to lie there in the end."""
        return Shipment(
            name=self.name,
            items=tuple(
                Item(name=file.name, sha256=file.sha256, download=_wanted(file.name, file.urls, file))
                for file in self.files
            ),
            archives=tuple(_archive(archive) for archive in self.archives),
        )


def _wanted(name: str, urls: tuple[str, ...] | None, part: File | Packed) -> Wanted | None:
    return Wanted(name=name, urls=urls, sha256=part.sha256, size=part.bytes) if urls else None


def _archive(packed: Packed) -> Archive:
    name = packed.urls[0].rpartition("/")[2]
    wanted = Wanted(name=name, urls=packed.urls, sha256=packed.sha256, size=packed.bytes)
    return Archive(download=wanted, kind=packed.kind, members=packed.members)


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
