"""How a file of word vectors is written: recognised by its beginning."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO, Final

from unroll.contract import UserError

LONGEST: Final = 2**22
"""Bytes of a line that are read at once; a line of vectors is shorter."""
END: Final = b" \r\n"
"""What may follow the last value of a line: some programs write a space there."""
_HEADER: Final = re.compile(rb"(\d{1,12}) (\d{1,12})")
_LOOKED_AT: Final = 4096
_SHOWN: Final = 40
_PACKED: Final = {b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "gzip data"}
"""First bytes of packed files. One that is named ``.gz`` is unpacked before anybody looks."""


@dataclass(frozen=True, slots=True)
class VectorFormat:
    """What the beginning of a file determines.

    Args:
        size: values of a vector.
        promised: vectors of the whole file; None where it has no header.
        first: the first line, unless it is a header.
    """

    size: int
    promised: int | None
    first: bytes | None


def detect_format(file: BinaryIO, beginning: bytes, where: str) -> VectorFormat:
    """Read the first line of a file.

    GloVe's files have no header, those of word2vec begin with a line of two whole numbers: words and values of each.

    Args:
        file: at its first byte.
        beginning: its first bytes, which are still to be read.
        where: what errors call it.

    Raises:
        UserError: the file holds no word vectors as text.
    """
    _refuse_packed(beginning, where)
    first = file.readline(LONGEST).removeprefix(codecs.BOM_UTF8).rstrip(END)
    # A word that is a number looks like this, too, if it has one value, a whole number: vectors have more.
    header = _HEADER.fullmatch(first)
    if header and not int(header[2]):
        raise UserError("a vector must have at least one value", where=f"{where}, line 1", received=show(first))
    if header:
        _refuse_binary(beginning.partition(b"\n")[2], where)
        return VectorFormat(size=int(header[2]), promised=int(header[1]), first=None)
    if b"\0" in beginning[:_LOOKED_AT]:
        raise UserError("word vectors must be text", where=where, received="NUL", advice="is it binary, or UTF-16?")
    return VectorFormat(size=_count_values(first, where), promised=None, first=first)


def show(text: bytes) -> str:
    """The beginning of a line as an error shows it."""
    shown = text[:_SHOWN].decode(errors="replace")
    return repr(shown if len(text) <= _SHOWN else f"{shown}...")


def is_number(text: bytes) -> bool:
    """Whether this is a value of a vector, finite or not."""
    try:
        float(text)
    except ValueError:
        return False
    return b"_" not in text  # Python reads 1_000


def _count_values(line: bytes, where: str) -> int:
    """Numbers at the end of a line, of which the first may be a word."""
    parts = line.split(b" ")
    # Counted from the end: the word itself may hold spaces, and be a number. At least one part is the word.
    others = [place for place, part in enumerate(parts, start=1) if not is_number(part)]
    size = len(parts) - max(others, default=1)
    if size < 1:
        raise UserError(
            "a line must hold a word and its values, with one space before each value",
            where=f"{where}, line 1",
            received=show(line),
            advice="word vectors are read as GloVe and word2vec write them as text",
        )
    return size


def _refuse_packed(beginning: bytes, where: str) -> None:
    for mark, what in _PACKED.items():
        if beginning.startswith(mark):
            raise UserError(
                "a file of word vectors must be text, or packed by gzip and named .gz",
                where=where,
                received=what,
                advice="unpack it",
            )


def _refuse_binary(vector: bytes, where: str) -> None:
    """In text, what stands between the first word and the end of its line is printable."""
    values = vector[:_LOOKED_AT].partition(b"\n")[0].partition(b" ")[2].rstrip(END)
    if any(byte < 0x20 or byte > 0x7E for byte in values):
        raise UserError(
            "word vectors must be text",
            where=where,
            received="word2vec's binary form",
            advice="write it as text: gensim's KeyedVectors.load_word2vec_format(FILE, binary=True)"
            ".save_word2vec_format(TEXT)",
        )
