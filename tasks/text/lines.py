"""From a path to lines of text, strictly: what is not clearly text is refused with its place."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Final

from tasks.text.errors import format_places
from tasks.text.unpacking import unpacking
from unroll.contract import UserError

DEFAULT_ENCODING: Final = "utf-8"
_WIDE_MARKS: Final = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""First bytes of files in other encodings; the longer ones first, for one begins like a shorter one."""
_NO_FILE_ENCODINGS: Final = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"}
)
"""Codecs of Python that are no encodings of whole text files."""
_SPECIAL: Final = (
    (Path.is_fifo, "a named pipe"),
    (Path.is_socket, "a socket"),
    (Path.is_char_device, "a device"),
    (Path.is_block_device, "a device"),
)


def absolute(path: Path | None) -> Path | None:
    """A worker's process stands in another folder than the command's; an unknown user's ``~`` stays as it is."""
    return None if path is None else Path(os.path.expanduser(path)).absolute()


def canonical_encoding(name: str) -> str:
    """Python's one name for a text encoding; ``utf-8-sig`` is ``utf-8``, for a byte-order mark never is text.

    Raises:
        ValueError: Python knows no text encoding of this name.
    """
    try:
        known = codecs.lookup(name).name
        with suppress(UnicodeError):  # "text" need not be text in it: UTF-32
            b"text".decode(name)
    except (LookupError, ValueError):  # ValueError: NUL in the name
        known = ""
    # Codecs that are no encodings of text (base64, rot13) are refused by Python's decode itself, see above.
    if not known or known in _NO_FILE_ENCODINGS:
        raise ValueError("must be a text encoding that Python knows, such as utf-8, utf-16 or latin-1")
    return "utf-8" if known == "utf-8-sig" else known


def is_packed(path: Path) -> bool:
    """Whether the file is gzip data, by its name."""
    return path.suffix == ".gz"


def read_lines(path: Path, encoding: str) -> list[str]:
    r"""Lines of a text file, without line ends.

    A line ends with ``\n`` or ``\r\n``; nothing else that Unicode calls a line break does. A byte-order mark is no
    part of the text. A file whose name ends in ``.gz`` is unpacked.

    Raises:
        UserError: the file cannot be read or unpacked, is empty, is not text in this encoding, or holds NUL or a lone
            ``\r``.
    """
    text = _decode(read_bytes(path), encoding, path)
    if not text:
        raise UserError("a text must not be empty", where=str(path))
    _refuse(text, "\0", "NUL is no text", path, "is it a binary file, or UTF-16 (data.encoding=utf-16)?")
    # Not str.splitlines, which also cuts at U+2028 and form feeds: these are characters of a sentence.
    text = text.replace("\r\n", "\n")
    _refuse(text, "\r", r"lines must end with \n or \r\n", path, r"replace each lone \r")
    return text.removesuffix("\n").split("\n")


def read_bytes(path: Path) -> bytes:
    """Content of a file, unpacked where its name ends in ``.gz``.

    Raises:
        UserError: the file cannot be read, is no gzip data, or unpacks to more than any text.
    """
    with refusing_unreadable(path), path.open("rb") as file:
        if not is_packed(path):
            return file.read()
        with unpacking(path, file) as unpacked:
            return unpacked.read()


@contextmanager
def refusing_unreadable(path: Path, what: str = "corpus") -> Iterator[None]:
    """Turn an error of the operating system into one that names the path and what is expected there.

    Raises:
        UserError: the file or folder cannot be read.
    """
    try:
        yield
    except OSError as error:
        raise UserError(
            f"the {what} must be readable", where=str(path), received=error.strerror or str(error)
        ) from error


def refuse_special(path: Path, rule: str) -> None:
    """Refuse pipes and devices: data are read twice, to be hashed and to be parsed, and a pipe may never end.

    Raises:
        UserError: something lies there that is neither a file nor a folder.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        kind = next((kind for is_kind, kind in _SPECIAL if is_kind(path)), "no regular file")
        advice = "write what it gives into a file"
        raise UserError(rule, where=str(path), received=kind, advice=advice)


def _decode(content: bytes, encoding: str, path: Path) -> str:
    wide = next((name for mark, name in _WIDE_MARKS.items() if content.startswith(mark)), None)
    if wide and not encoding.startswith(("utf-16", "utf-32")):
        raise UserError(
            f"the text must be {encoding}",
            where=f"{path}, byte 0",
            received=f"the byte-order mark of {wide}",
            advice=f"set data.encoding={wide}",
        )
    try:
        return content.decode(encoding).removeprefix("\ufeff")  # utf-8 keeps the mark, utf-16 takes it away
    except UnicodeDecodeError as error:
        raise _undecodable(content, encoding, path, error) from error


def _undecodable(content: bytes, encoding: str, path: Path, error: UnicodeDecodeError) -> UserError:
    # Decoded, not counted in bytes: in UTF-16 a line end is no single byte.
    line = content[: error.start].decode(encoding, errors="ignore").count("\n") + 1
    others = _lines_that_fail(content, encoding) - 1
    more = f", and {others:,} more line{'s' if others > 1 else ''}" if others > 0 else ""
    return UserError(
        f"the text must be {encoding}",
        where=f"{path}, line {line}, byte {error.start}{more}",
        received=f"byte 0x{content[error.start]:02X}",
        advice="set data.encoding to the file's encoding, for instance latin-1",
    )


def _lines_that_fail(content: bytes, encoding: str) -> int:
    """Lines that are no text in an encoding; 0 where a line end is no single byte."""
    if "\n".encode(encoding) != b"\n":
        return 0
    failed = 0
    for line in content.split(b"\n"):
        try:
            line.decode(encoding)
        except UnicodeDecodeError:
            failed += 1
    return failed


def _refuse(text: str, character: str, rule: str, path: Path, advice: str) -> None:
    count = text.count(character)
    if count:
        places = []
        for found in islice(re.finditer(character, text), 3):  # each place costs a count of all lines before it
            begin = found.start()
            line, column = text.count("\n", 0, begin) + 1, begin - text.rfind("\n", 0, begin)
            places.append(f"{path}, line {line}, character {column}")
        raise UserError(rule, where=format_places(places, count), received=repr(character), advice=advice)
