"""A web server on loopback that misbehaves as it is told."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Page:
    """What lies under one path.

    Args:
        content: the bytes.
        etag: names the version; empty: none is told.
        modified: the same, as a date.
        ranges: whether the server knows ranges.
        breaks: after so many bytes each answer breaks off, one entry for each answer.
        drips: after so many bytes each answer comes byte by byte, one entry for each answer.
        head: seconds between the bytes of the head of an answer.
        length: what ``Content-Length`` claims; None: the truth, -1: nothing.
        statuses: first answers, instead of the content.
        location: where to go instead.
        stalls: seconds before an answer.
        skew: added to the place where a partial answer begins.
    """

    content: bytes = b""
    etag: str = '"v1"'
    modified: str = ""
    ranges: bool = True
    breaks: list[int] = field(default_factory=list)
    drips: list[int] = field(default_factory=list)
    head: float = 0.0
    length: int | None = None
    statuses: list[int] = field(default_factory=list)
    location: str = ""
    stalls: float = 0.0
    skew: int = 0


@dataclass
class Shelf:
    """Pages by path, and what was asked for."""

    address: str
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def put(self, path: str, content: bytes = b"", **options: Any) -> str:
        self.pages[path] = Page(content, **options)
        return f"{self.address}{path}"

    def ranges(self) -> list[str | None]:
        return [headers.get("range") for _, headers in self.asked]


@contextmanager
def serving() -> Iterator[Shelf]:
    """Run the server until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            shelf.asked.append((self.path, headers))
            self.close_connection = True
            page = shelf.pages.get(self.path)
            time.sleep(page.stalls if page else 0.0)
            if page and page.head:
                self.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 60_000, page.head)
            elif page is None or page.statuses:
                self.answer(page.statuses.pop(0) if page else 404, b"sorry")
            elif page.location:
                self.answer(302, b"", {"Location": page.location})
            else:
                self.give(page, headers)

        def give(self, page: Page, headers: dict[str, str]) -> None:
            version = {"ETag": page.etag} if page.etag else {}
            version |= {"Last-Modified": page.modified} if page.modified else {}
            asked = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
            begin = int(asked[1]) if asked and page.ranges else 0
            if begin and headers.get("if-range") not in (None, page.etag, page.modified):
                begin = 0
            whole = len(page.content)
            if begin and begin >= whole:
                self.answer(416, b"", {"Content-Range": f"bytes */{whole}"})
            elif begin:
                place = f"bytes {begin + page.skew}-{whole - 1}/{whole}"
                self.answer(206, page.content[begin:], version | {"Content-Range": place}, page)
            else:
                self.answer(200, page.content, version, page)

        def answer(
            self, status: int, content: bytes, headers: dict[str, str] | None = None, page: Page | None = None
        ) -> None:
            self.send_response(status)
            length = len(content) if page is None or page.length is None else page.length
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if length >= 0:
                self.send_header("Content-Length", str(length))
            self.send_header("Connection", "close")
            self.end_headers()
            content = content[: page.breaks.pop(0)] if page and page.breaks else content
            at_once = page.drips.pop(0) if page and page.drips else len(content)
            self.wfile.write(content[:at_once])
            self.drip(content[at_once:], 0.005)

        def drip(self, content: bytes, pause: float) -> None:
            with suppress(OSError):  # whoever asked has gone
                for byte in content:
                    self.wfile.write(bytes([byte]))
                    time.sleep(pause)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shelf = Shelf(f"http://127.0.0.1:{server.server_address[1]}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield shelf
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
