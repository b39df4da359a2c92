"""Lines of a label, white space and a text, as TREC's questions and many a copy of SST-2 come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tasks.text.labelled.corpus import LabelledCorpus
from tasks.text.labelled.sources import FILE_SETTINGS, Row, read_files
from tasks.text.mistakes import Mistakes
from unroll.contract import UserError

if TYPE_CHECKING:
    from tasks.text.labelled.settings import LabelledData

SETTINGS: Final = FILE_SETTINGS


def read(settings: LabelledData, cache: Path) -> LabelledCorpus:
    """Read the file or folder at ``settings.path``.

    Raises:
        UserError: there is no path, or what lies there is missing or malformed (names file and line).
    """
    return read_files(settings, cache, kind="label_text", ending="", parse=parse)


def parse(lines: Sequence[str], where: str) -> Iterator[Row]:
    """Label and text of each line.

    Raises:
        UserError: lines lack one of them; told behind the last line.
    """
    mistakes = Mistakes()
    for number, line in enumerate(lines, start=1):
        parts = line.split(maxsplit=1)
        if len(parts) == 2:
            yield number, parts[0], parts[1]
            continue
        mistakes.add(
            UserError(
                "each line must be a label, white space and a text",
                where=f"{where}, line {number}",
                received=repr(line[:40]),
                advice="remove the line, or fill it",
            )
        )
    mistakes.refuse()
