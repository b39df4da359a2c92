"""What is unusual in a file, though no error: what readers skip, and what makes equal words differ."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tasks.text.doubts import find_doubts
from tasks.text.format import Sentence
from tasks.text.lines import read_bytes
from tasks.text.splits import only_line

_LONG: Final = 1000
"""Characters of a text's only line from which on it can hardly be one sentence."""
_INVISIBLE: Final = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
"""Characters without a shape, which make another word."""


def odd_things(file: Path, encoding: str, lines: Sequence[str], *, between: bool) -> list[Mapping[str, int | str]]:
    """A row for each kind of oddity: how many lines, and the first of them.

    Args:
        file: one that :func:`~tasks.text.lines.read_lines` could read.
        encoding: of the file.
        lines: what it read.
        between: whether blank lines stand between sentences.
    """
    tests: dict[str, Callable[[str], bool]] = {
        "blank lines": lambda line: not line and not between,
        "lines of white space alone": str.isspace,
        "replacement characters (text was lost before)": lambda line: "\ufffd" in line,
        "characters not in Unicode's composed form (NFC)": lambda line: not unicodedata.is_normalized("NFC", line),
        "invisible characters": lambda line: not line.isascii() and not _INVISIBLE.isdisjoint(line),
        "control characters": lambda line: (
            not line.isprintable() and any(unicodedata.category(each) == "Cc" and each != "\t" for each in line)
        ),
    }
    found = {what: [n for n, line in enumerate(lines, start=1) if test(line)] for what, test in tests.items()}
    line = None if between else only_line(lines)
    found["one line, which holds all"] = [lines.index(line) + 1] if line is not None and len(line) >= _LONG else []
    rows = [*_marks(file, encoding), *(_row(file, what, places) for what, places in found.items())]
    return [row for row in rows if row["lines"]]


def doubtful_things(file: Path, items: Sequence[Sentence], *, labelled: bool) -> list[Mapping[str, int | str]]:
    """A row for each property of the sentences that can hardly be meant.

    Args:
        file: what they come from.
        items: the sentences.
        labelled: whether a label is one of the whole sentence.
    """
    labels = [item.labels[0] for item in items if item.labels] if labelled else []
    return [
        {"file": file.name, "what": f"sentences that {what}", "lines": times, "first": items[first].line}
        for what, times, first in find_doubts([item.words for item in items], labels)
    ]


def _marks(file: Path, encoding: str) -> list[Mapping[str, int | str]]:
    """What reading takes away: the byte-order mark, Windows line ends."""
    content = read_bytes(file)
    mark = content.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    # Decoded once more: read_lines takes away both, and says nothing of it.
    text = content.decode(encoding).split("\n")
    ends = [number for number, line in enumerate(text, start=1) if line.endswith("\r")]
    return [_row(file, "byte-order mark", [1] if mark else []), _row(file, "Windows line ends (CRLF)", ends)]


def _row(file: Path, what: str, places: Sequence[int]) -> Mapping[str, int | str]:
    return {"file": file.name, "what": what, "lines": len(places), "first": places[0] if places else 0}
