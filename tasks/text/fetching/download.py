"""One file over HTTP: resumed where it broke off, of the promised length, with the promised hash."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from concurrent.futures import Future
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from typing import Final, final

import requests
from pydantic import BaseModel, ValidationError
from requests import Response, Session
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, RequestException, TooManyRedirects
from urllib3.exceptions import HTTPError, LocationParseError

from tasks.text.fetching.shipment import Archive, File
from tasks.text.store import hash_file
from unroll.contract import Fetching, UserError, UserErrors

_TIMEOUT: Final = (10.0, 30.0)
"""Seconds to connect, and between two arrivals of bytes."""
_WINDOW: Final = 60.0
"""Seconds over which speed is measured, and in which an answer must begin: bytes that drip never time out."""
_SLOWEST: Final = 1024
"""Bytes a second; a telephone line brings seven times as many."""
_PAUSES: Final = (0.5, 2.0, 4.0)
"""Seconds before another attempt; attempts that brought something forward are not counted, unless by drips."""
_MOST_ATTEMPTS: Final = 50
_MOST_BYTES: Final = 2**30
"""Of a file whose size is not declared: no corpus of text in a catalogue is larger."""
_MOST_REDIRECTS: Final = 5
_CHUNK: Final = 1 << 16
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that may be another one in a moment."""


def download(wanted: File | Archive, folder: Path, watch: Callable[[Fetching], None]) -> Path:
    """Get a file from the first server that gives the right one.

    Args:
        wanted: the file; with addresses.
        folder: where parts are kept until the whole is used.
        watch: called with the progress.

    Raises:
        UserError: no server gave it (one line for each).
        OSError: the folder cannot take it.
    """
    errors: list[UserError] = []
    with requests.Session() as session:
        session.max_redirects = _MOST_REDIRECTS
        session.auth = lambda request: request  # or passwords of ~/.netrc would be sent
        session.headers.update({"Accept-Encoding": "identity", "User-Agent": "unroll"})
        for url in wanted.urls or ():
            try:
                return _Download(wanted, url, folder, watch).get(session)
            except UserError as error:
                errors.append(error)
    raise errors[0] if len(errors) == 1 else UserErrors(errors)


class _Broken(Exception):
    """The transfer ended early for a reason that may pass."""


class _TooSlow(_Broken):
    """It was cut off, for it would never have ended."""


class _Note(BaseModel):
    """Which file it is that was downloaded in part.

    Args:
        url: where it comes from.
        validator: what ``If-Range`` takes (``ETag`` or ``Last-Modified``); empty where the server named no version.
        whole: bytes of the whole file, if the server sent it.
    """

    url: str
    validator: str = ""
    whole: int | None = None


@final
class _Download:
    """A file that grows, beside a note on where it comes from.

    It is resumed only if the server named its version: otherwise nothing shows whether the rest belongs to the same
    file. Arguments as those of :func:`download`.
    """

    def __init__(self, wanted: File | Archive, url: str, folder: Path, watch: Callable[[Fetching], None]) -> None:
        self._wanted, self._url, self._watch = wanted, url, watch
        self._limit = wanted.bytes or _MOST_BYTES
        # By address, so that two servers' parts of one file are never joined.
        self._path = folder / hashlib.sha256(url.encode()).hexdigest()[:16]
        self._note_path = self._path.with_suffix(".json")
        self._note = self._read_note()
        # Without a version nothing shows that the rest will be of the same file: what is there is worthless.
        if not self._note.validator:
            self._path.unlink(missing_ok=True)

    def get(self, session: Session) -> Path:
        """Transfer it in as many attempts as it takes, and verify it.

        Raises:
            UserError: the server has something else, or attempts no longer bring it forward.
            OSError: the disk refuses.
        """
        failures, reason = 0, _Broken()
        for _ in range(_MOST_ATTEMPTS):
            before = self._size()
            try:
                if self._note.whole is None or before != self._note.whole:
                    self._transfer(session)
                return self._verified()
            except _Broken as error:
                forward, reason = self._size() > before and not isinstance(error, _TooSlow), error
                # A line that breaks again and again and still brings something is not given up, up to _MOST_ATTEMPTS.
                failures = 0 if forward else failures + 1
                if failures >= len(_PAUSES):
                    break
            time.sleep(_PAUSES[failures])
        advice = "is there a network, or a proxy to be named in HTTPS_PROXY?"
        if self._size() and self._note.validator:
            advice += f"; {self._size():,} bytes are kept, run the command again to go on"
        rule = "the server must give the file"
        raise UserError(rule, where=self._url, received=str(reason), advice=advice) from reason

    def _transfer(self, session: Session) -> None:
        """Get the rest, or all of it where the server has another version or knows no ranges."""
        have = self._size() if self._note.validator else 0
        wanted = {"Range": f"bytes={have}-", "If-Range": self._note.validator} if have else {}
        with self._ask(session, wanted) as answer:
            self._begin(answer, have)
            self._receive(answer)
        if self._note.whole not in (None, self._size()):
            raise _Broken(f"{self._size():,} of {self._note.whole:,} bytes")

    def _ask(self, session: Session, headers: dict[str, str]) -> Response:
        """The head of the answer; if it takes for ever, the thread that waits for it ends with the process."""
        # requests' time-out begins anew with every byte, so a head that drips would be waited for without end.
        future: Future[Response] = Future()

        def ask() -> None:
            try:
                future.set_result(session.get(self._url, headers=headers, stream=True, timeout=_TIMEOUT))
            except BaseException as error:  # raised where the answer is waited for
                future.set_exception(error)

        Thread(target=ask, daemon=True).start()
        try:
            return future.result(_WINDOW)
        except TimeoutError:
            raise _TooSlow(f"no answer within {_WINDOW:g} seconds") from None
        except (InvalidSchema, InvalidURL, MissingSchema, TooManyRedirects, LocationParseError) as error:
            rule = "a download must stay with http and https, without many redirects"
            raise UserError(rule, where=self._url, received=_reason(error)) from error
        except (RequestException, HTTPError) as error:
            raise _Broken(_reason(error)) from error

    def _begin(self, answer: Response, have: int) -> None:
        """Make ready for what comes: the rest, or all of it (RFC 9110, sections 8 and 14)."""
        status, headers = answer.status_code, answer.headers
        # If-Range: a server that has another version by now answers 200 with the whole file, not 206.
        if have and status == HTTPStatus.PARTIAL_CONTENT:
            place = re.fullmatch(rf"bytes {have}-[0-9]+/([0-9]{{1,18}}|\*)", headers.get("Content-Range", "").strip())
            if place is None or not (place[1] == "*" or self._note.whole in (None, int(place[1]))):
                self._discard()
                raise _Broken("another range than was asked for")
            return
        if have and status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            self._discard()
            raise _Broken("the file has become shorter")
        if status != HTTPStatus.OK:
            received = f"{status} {answer.reason or ''}".strip()
            if status in _PASSING:
                raise _Broken(received)
            raise UserError("the server must give the file", where=self._url, received=received)
        whole = answer.raw.length_remaining
        if whole is not None and (whole > self._limit or self._wanted.bytes not in (None, whole)):
            raise self._wrong_length(f"{whole:,}")
        self._discard()
        tag = headers.get("ETag", "")  # a weak one says only that it means the same
        validator = tag if tag.startswith('"') else headers.get("Last-Modified", "")
        self._note = _Note(url=self._url, validator=validator, whole=whole)
        self._note_path.write_text(self._note.model_dump_json(), encoding="utf-8")

    def _receive(self, answer: Response) -> None:
        """Write bytes as they come over the wire: a ``Content-Encoding`` is part of what was hashed."""
        begin, arrived = time.monotonic(), 0
        with self._path.open("ab") as file:
            while chunk := _next(answer):
                file.write(chunk)
                file.flush()  # what a killed process had is resumed from
                if file.tell() > self._limit:
                    self._discard()
                    raise self._wrong_length(f"more than {self._limit:,}")
                self._watch(Fetching(file=self._wanted.name, here=file.tell(), whole=self._note.whole))
                arrived += len(chunk)
                if time.monotonic() - begin >= _WINDOW:
                    if arrived < _SLOWEST * _WINDOW:
                        found = f"{arrived:,} bytes in {_WINDOW:g} seconds, less than {_SLOWEST:,} a second"
                        raise _TooSlow(found)
                    begin, arrived = time.monotonic(), 0

    def _verified(self) -> Path:
        """The whole file; a wrong one is forgotten, for resuming it could never end well."""
        if self._wanted.bytes not in (None, self._size()):
            error = self._wrong_length(f"{self._size():,}")
        elif self._wanted.sha256 and self._wanted.sha256 != (found := hash_file(self._path)):
            error = UserError(f"the file must have the sha256 {self._wanted.sha256}", where=self._url, received=found)
        else:
            return self._path
        self._discard()
        raise error

    def _wrong_length(self, received: str) -> UserError:
        rule = f"the file must have {'' if self._wanted.bytes else 'at most '}{self._limit:,} bytes"
        return UserError(rule, where=self._url, received=received)

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def _read_note(self) -> _Note:
        try:
            note = _Note.model_validate_json(self._note_path.read_bytes())
        except (OSError, ValidationError):  # absent, or torn by whatever ended the process
            note = None
        return note if note is not None and note.url == self._url else _Note(url=self._url)

    def _discard(self) -> None:
        self._path.unlink(missing_ok=True)
        self._note_path.unlink(missing_ok=True)
        self._note = _Note(url=self._url)


def _next(answer: Response) -> bytes:
    """What is there by now, at most a chunk; empty at the end."""
    try:
        return answer.raw.read1(_CHUNK, decode_content=False) or b""
    except (RequestException, HTTPError, OSError) as error:
        raise _Broken(_reason(error)) from error


def _reason(error: BaseException) -> str:
    """The innermost cause, which is what a person can do something about."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(getattr(error, "strerror", None) or error)[:200] or type(error).__name__
