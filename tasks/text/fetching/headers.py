"""What the headers of an answer say about a file (RFC 9110, sections 8 and 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping


def version(headers: Mapping[str, str]) -> str:
    """What names this version of the file for ``If-Range``; a weak ETag says only that it means the same."""
    tag = headers.get("ETag", "")
    return tag if tag.startswith('"') else headers.get("Last-Modified", "")


def content_length(headers: Mapping[str, str]) -> int | None:
    """Bytes that are to come; None where that is not told."""
    text = headers.get("Content-Length", "")
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def content_range(headers: Mapping[str, str]) -> tuple[int, int | None]:
    """Place of the first byte that is to come (-1: that is not told), and bytes of the whole file, if told."""
    found = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)", headers.get("Content-Range", "").strip())
    if found is None:
        return -1, None
    return int(found[1]), None if found[2] == "*" else int(found[2])
