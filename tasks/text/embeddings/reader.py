"""Word vectors from a text file, as a stream: only what is looked for is turned into numbers and kept."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final, cast

import numpy as np
from numpy.typing import NDArray

from tasks.text.embeddings.format import END, LONGEST, VectorFormat, detect_format, is_number, show
from tasks.text.lines import is_packed, refusing_unreadable
from tasks.text.unpacking import unpacking
from unroll.contract import UserError

_BUFFER: Final = 2**20


@dataclass(slots=True)
class Found:
    """What a file has of the words that were looked for.

    Args:
        size: values of a vector.
        vectors: by word, each of shape (size,).
        lines: vectors of the whole file.
        repeated: lines with another vector for a word that was found before; the first one counts.
        undecodable: lines whose word is not UTF-8, so that no vocabulary can have it.
    """

    size: int
    vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    lines: int = 0
    repeated: int = 0
    undecodable: int = 0


def read_vectors(path: Path, wanted: Collection[str]) -> Found:
    """The vectors of some words.

    A line is a word and its values with a space before each; a word may hold spaces itself. Blank lines are skipped.
    The values of other words are counted and not looked at.

    Raises:
        UserError: the file cannot be read or is no text of word vectors; names the line.
    """
    with _opened(path) as file:
        written = detect_format(cast("BinaryIO", file), file.peek(), str(path))
        rest = iter(partial(file.readline, LONGEST), b"")
        found = _collect(chain([written.first or b""], rest), written, set(wanted), str(path))
    if written.promised not in (None, found.lines):
        raise UserError(
            "a file must have as many vectors as its first line says",
            where=str(path),
            received=f"{found.lines:,} of {written.promised:,}",
            advice="was it cut off? fetch it again",
        )
    return found


def _collect(lines: Iterable[bytes], written: VectorFormat, wanted: set[str], where: str) -> Found:
    """Look at every line; the first is counted as line 1 even if it was a header."""
    # Words are compared as bytes: one that is not UTF-8 is passed over like any other that is not wanted.
    found, words = Found(written.size), {word.encode(errors="surrogatepass"): word for word in wanted}
    for number, line in enumerate(lines, start=1):
        text = line.rstrip(END)
        if not text:
            continue
        word, _, values = text.partition(b" ")
        # Counting blanks is what nearly every line of millions needs; a word with spaces is cut with more care.
        if not values or values.count(b" ") != written.size - 1:
            word, values = _split(text, written.size, f"{where}, line {number}")
        found.lines += 1
        if word in words and words[word] in found.vectors:
            found.repeated += 1
        elif word in words:
            found.vectors[words[word]] = _numbers(values, f"{where}, line {number}")
        elif not word.isascii():
            found.undecodable += not _is_text(word)
    return found


def _split(text: bytes, size: int, where: str) -> tuple[bytes, bytes]:
    """Word and values of a line whose word holds spaces; what stands before the values is then no number."""
    parts = text.rsplit(b" ", size)
    values = len(parts) - 1
    if values == size and not is_number(parts[0].rpartition(b" ")[2]):
        return parts[0], b" ".join(parts[1:])
    raise UserError(
        f"a line must have {size} value{'s' if size > 1 else ''}, as many as the first one says",
        where=where,
        received=f"{text.count(b' ')} in {show(text)}",
        advice="this line or the first one is damaged: fetch the file again",
    )


def _numbers(values: bytes, where: str) -> NDArray[np.float32]:
    """The values of one vector.

    Raises:
        UserError: one is no number, or none that is finite as a float32.
    """
    parts = values.split(b" ")
    wrong = [part for part in parts if not is_number(part)] if b"_" in values else []
    with suppress(ValueError), np.errstate(over="ignore"):
        vector = np.array([float(part) for part in parts]).astype(np.float32)
        # A number beyond float32 has become infinite here, and is named as it stands in the file.
        if not wrong and np.isfinite(vector).all():
            return vector
        wrong += [part for part, value in zip(parts, vector, strict=True) if not np.isfinite(value)]
    wrong = wrong or [part for part in parts if not is_number(part)]
    raise UserError(
        "the values of a word vector must be finite numbers",
        where=where,
        received=show(wrong[0]),
        advice="is the file damaged?",
    )


def _is_text(word: bytes) -> bool:
    try:
        word.decode()
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    """A file, unpacked if its name ends in ``.gz``."""
    with refusing_unreadable(path, "file of word vectors"), path.open("rb", buffering=_BUFFER) as raw:
        if not is_packed(path):
            yield cast("io.BufferedReader", raw)
            return
        with unpacking(path, raw) as unpacked:
            yield unpacked
