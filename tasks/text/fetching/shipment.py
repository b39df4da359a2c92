"""What makes one folder: files, and archives that files come out of."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Url = Annotated[str, StringConstraints(pattern="^https?://[^/]+/.+$")]
Name = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
Text = Annotated[str, StringConstraints(min_length=1)]
Urls = Annotated[tuple[Url, ...], Field(min_length=1)]
Kind = Literal["zip", "tar.gz"]


class Part(BaseModel):
    """A part of a declaration: no key that is not listed, nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Known(Part):
    """What a download is verified by: its hash, None where nobody published it, and its size, if that is known."""

    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = None
    bytes: int | None = Field(None, gt=0)


class File(_Known):
    """A file of the folder; with addresses of the same bytes, the best first, unless it comes out of an archive."""

    name: Name
    urls: Urls | None = None


class Archive(_Known):
    """An archive, and what is taken from it: name of the file in the folder -> name of the member."""

    kind: Kind
    urls: Urls
    members: dict[Name, Text] = Field(min_length=1)

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.urls[0].rpartition("/")[2]


class Shipment(Part):
    """All that makes one folder, which has its name."""

    name: Name
    files: tuple[File, ...] = Field(min_length=1)
    archives: tuple[Archive, ...] = ()

    @model_validator(mode="after")
    def _come_from_one_place(self) -> Self:
        members = [name for archive in self.archives for name in archive.members]
        if sorted(members + [file.name for file in self.files if file.urls]) != sorted(
            file.name for file in self.files
        ):
            raise ValueError("each file must have urls or be a member of one archive")
        return self

    @model_validator(mode="after")
    def _are_verified(self) -> Self:
        verified = {name for archive in self.archives if archive.sha256 for name in archive.members}
        for file in self.files:
            # One hash is enough: that of the archive covers all that comes out of it.
            if file.sha256 is None and file.name not in verified:
                raise ValueError(f"{file.name} must have a sha256, or its archive")
        return self
