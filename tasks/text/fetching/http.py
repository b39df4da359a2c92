"""One HTTP answer into a partial file."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from threading import Thread
from typing import Final, final

import requests
from requests import Response, Session
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, RequestException, TooManyRedirects
from urllib3.exceptions import HTTPError, LocationParseError

from tasks.text.fetching.headers import content_length, content_range, version
from tasks.text.fetching.partial import Partial
from unroll.contract import UserError

_TIMEOUT: Final = (10.0, 30.0)
"""Seconds to connect, and between two arrivals of bytes."""
_WINDOW: Final = 60.0
"""Seconds over which speed is measured, and in which an answer must begin: bytes that drip never time out."""
_SLOWEST: Final = 1024
"""Bytes a second; a telephone line brings seven times as many."""
_CHUNK: Final = 1 << 16
_MOST_REDIRECTS: Final = 5
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that may be another one in a moment."""


class Broken(Exception):
    """The transfer ended early for a reason that may pass."""


class TooSlow(Broken):
    """It was cut off, for it would never have ended."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Args:
        session: for the connection.
        part: what is here of the file.
        limit: most bytes that the file may have.
        exact: whether it must have just these.
    """

    session: Session
    part: Partial
    limit: int
    exact: bool


def open_session() -> Session:
    """A session for http and https alone, through the proxies of the environment, without a word about who asks."""
    session = requests.Session()
    session.max_redirects = _MOST_REDIRECTS
    session.auth = lambda request: request  # or passwords of ~/.netrc would be sent
    session.headers.update({"Accept-Encoding": "identity", "User-Agent": "unroll"})
    return session


def transfer(request: Request, watch: Callable[[], None]) -> None:
    """Get the rest of the file, or all of it where the server has another version or knows no ranges.

    Raises:
        Broken: it ended early, or was too slow.
        UserError: the server refuses, or has something else.
        OSError: the disk refuses.
    """
    part = request.part
    if part.is_whole:
        return
    have = part.size if part.validator else 0
    headers = {"Range": f"bytes={have}-", "If-Range": part.validator} if have else {}
    with _answer(request, headers) as answer:
        _begin(request, answer, have)
        _receive(request, answer, watch)
    if part.whole is not None and part.size != part.whole:
        raise Broken(f"{part.size:,} of {part.whole:,} bytes")


def _answer(request: Request, headers: dict[str, str]) -> Response:
    url = request.part.url
    try:
        return _within_window(lambda: request.session.get(url, headers=headers, stream=True, timeout=_TIMEOUT))
    except (InvalidSchema, InvalidURL, MissingSchema, TooManyRedirects, LocationParseError) as error:
        rule = "a download must stay with http and https, without many redirects"
        raise UserError(rule, where=url, received=_reason(error)) from error
    except (RequestException, HTTPError) as error:
        raise Broken(_reason(error)) from error


def _within_window(ask: Callable[[], Response]) -> Response:
    """The answer to a request, unless its head takes for ever; then the thread that waits ends with the process."""
    future: Future[Response] = Future()

    def wait() -> None:
        try:
            future.set_result(ask())
        except BaseException as error:  # raised where the answer is waited for
            future.set_exception(error)

    Thread(target=wait, daemon=True).start()
    try:
        return future.result(_WINDOW)
    except TimeoutError:
        raise TooSlow(f"no answer within {_WINDOW:g} seconds") from None


def _begin(request: Request, answer: Response, have: int) -> None:
    """Make ready for what comes: the rest, or all of it."""
    part, status = request.part, answer.status_code
    if status == HTTPStatus.PARTIAL_CONTENT and have:
        begin, whole = content_range(answer.headers)
        if begin != have or (whole is not None and part.whole is not None and whole != part.whole):
            part.discard()
            raise Broken("another range than was asked for")
        return
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
        part.discard()
        raise Broken("the file has become shorter")
    if status != HTTPStatus.OK:
        _refuse(part, answer)
    whole = content_length(answer.headers)
    _check_length(request, whole)
    part.begin(version(answer.headers), whole)


def _refuse(part: Partial, answer: Response) -> None:
    told = f"{answer.status_code} {answer.reason or ''}".strip()
    if answer.status_code in _PASSING:
        raise Broken(told)
    raise UserError("the server must give the file", where=part.url, received=told)


def _receive(request: Request, answer: Response, watch: Callable[[], None]) -> None:
    """Write bytes as they come over the wire: a ``Content-Encoding`` is part of what was hashed."""
    speed = Speed()
    with request.part.path.open("ab") as file:
        while chunk := _next(answer):
            speed.count(len(chunk))
            file.write(chunk)
            file.flush()
            if file.tell() > request.limit:
                request.part.discard()
                _refuse_length(request, f"more than {request.limit:,}")
            watch()


@final
class Speed:
    """How fast bytes come, over the last :data:`_WINDOW` seconds."""

    def __init__(self) -> None:
        self._begin, self._bytes = time.monotonic(), 0
        self._arrivals: deque[tuple[float, int]] = deque()

    def count(self, more: int) -> None:
        """Count an arrival.

        Raises:
            TooSlow: a window is full and holds too little.
        """
        now = time.monotonic()
        self._arrivals.append((now, more))
        self._bytes += more
        while self._arrivals[0][0] < now - _WINDOW:
            self._bytes -= self._arrivals.popleft()[1]
        if now - self._begin >= _WINDOW and self._bytes < _SLOWEST * _WINDOW:
            raise TooSlow(f"{self._bytes:,} bytes in {_WINDOW:g} seconds, less than {_SLOWEST:,} a second")


def _next(answer: Response) -> bytes:
    """What is there by now, at most a chunk; empty at the end."""
    try:
        return answer.raw.read1(_CHUNK, decode_content=False) or b""
    except (RequestException, HTTPError, OSError) as error:
        raise Broken(_reason(error)) from error


def _check_length(request: Request, whole: int | None) -> None:
    if whole is not None and (whole > request.limit or (request.exact and whole != request.limit)):
        _refuse_length(request, f"{whole:,}")


def _refuse_length(request: Request, received: str) -> None:
    rule = f"the file must have {'' if request.exact else 'at most '}{request.limit:,} bytes"
    raise UserError(rule, where=request.part.url, received=received)


def _reason(error: Exception) -> str:
    """The innermost cause, which is what a person can do something about."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    return str(getattr(cause, "strerror", None) or cause)[:200] or type(cause).__name__
