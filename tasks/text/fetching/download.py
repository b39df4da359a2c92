"""One file over HTTP: gone on with where it broke off, of the promised length, with the promised hash."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from requests import Session

from tasks.text.fetching.http import Broken, Request, TooSlow, open_session, transfer
from tasks.text.fetching.partial import Partial
from unroll.contract import Fetching, UserError, UserErrors

_PAUSES: Final = (0.5, 2.0, 4.0)
"""Seconds before another attempt; attempts that brought something forward are not counted, unless by drips."""
_MOST_ATTEMPTS: Final = 50
_MOST_BYTES: Final = 2**30
"""Of a file whose length nobody told: no corpus of text that is known by name is larger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file as it lies on servers.

    Args:
        name: what people call it.
        urls: where it lies, the best first; all serve the same bytes.
        sha256: its hash in hexadecimal; None where nobody published it, and what it holds is verified instead.
        size: its bytes; None where that is unknown.
    """

    name: str
    urls: tuple[str, ...]
    sha256: str | None = None
    size: int | None = None


def download(wanted: Wanted, folder: Path, watch: Callable[[Fetching], None]) -> Path:
    """Get a file from the first server that gives the right one.

    Args:
        wanted: the file.
        folder: where parts are kept until the whole is used.
        watch: told how far it is.

    Raises:
        UserError: no server gave it (one line for each).
        OSError: the folder cannot take it.
    """
    errors: list[UserError] = []
    with open_session() as session:
        for url in wanted.urls:
            part = Partial(folder / hashlib.sha256(url.encode()).hexdigest()[:16], url)
            try:
                return _download(session, wanted, part, watch)
            except UserError as error:
                errors.append(error)
    raise errors[0] if len(errors) == 1 else UserErrors(errors)


def _download(session: Session, wanted: Wanted, part: Partial, watch: Callable[[Fetching], None]) -> Path:
    request = Request(session, part, limit=wanted.size or _MOST_BYTES, exact=wanted.size is not None)
    failures = attempts = 0
    while True:
        before, attempts = part.size, attempts + 1
        try:
            transfer(request, lambda: watch(Fetching(file=wanted.name, here=part.size, whole=part.whole)))
            return _verified(wanted, part)
        except Broken as error:
            forward = part.size > before and not isinstance(error, TooSlow)
            failures = 0 if forward else failures + 1
            if failures >= len(_PAUSES) or attempts >= _MOST_ATTEMPTS:
                raise _gave_up(part, error) from error
            time.sleep(_PAUSES[failures])


def _gave_up(part: Partial, error: Broken) -> UserError:
    kept = f"; {part.size:,} bytes are kept, run the command again to go on" if part.size and part.validator else ""
    advice = f"is there a network, or a proxy to be named in HTTPS_PROXY?{kept}"
    return UserError("the server must give the file", where=part.url, received=str(error), advice=advice)


def _verified(wanted: Wanted, part: Partial) -> Path:
    """Refuse a wrong file, and forget it: going on with it could never end well."""
    rule, found = "", ""
    if wanted.size not in (None, part.size):
        rule, found = f"the file must have {wanted.size:,} bytes", f"{part.size:,}"
    elif wanted.sha256 is not None:
        with part.path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        rule = f"the file must have the sha256 {wanted.sha256}" if found != wanted.sha256 else ""
    if rule:
        part.discard()
        raise UserError(rule, where=part.url, received=found)
    return part.path
