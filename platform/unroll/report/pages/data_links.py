"""The data of tables, inside the page: who is sent the page alone has them too."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import final

EMBEDDED_UP_TO = 150_000
"""Bytes up to which a file stands in the page too; a larger one is only beside it."""
KINDS = {
    "csv": ("CSV", "text/csv"),
    "parquet": ("Parquet", "application/vnd.apache.parquet"),
    "tex": ("LaTeX", "application/x-tex"),
}
"""Ending of a file -> its name for people, its media type."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DataLink:
    """A link to one file of a table.

    Args:
        kind: what the link is called.
        file: name of the file.
        href: where it leads: a ``data:`` address, or a path from the page's folder.
        inside: whether it is inside the page.
    """

    kind: str
    file: str
    href: str
    inside: bool


def link_data(file: str, data: bytes) -> DataLink:
    """The link to ``tables/FILE`` of a page, or to its copy inside the page."""
    kind, media = KINDS[file.rpartition(".")[2]]
    inside = len(data) <= EMBEDDED_UP_TO
    href = f"data:{media};base64,{b64encode(data).decode()}" if inside else f"tables/{file}"
    return DataLink(kind=kind, file=file, href=href, inside=inside)
