"""Columns with a comma between each two, quoted as RFC 4180 says; the first line names them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tasks.text.labelled.corpus import LabelledCorpus
from tasks.text.labelled.sources import FIELD_SETTINGS, FILE_SETTINGS, Row, read_files
from tasks.text.labelled.table import pick_columns
from unroll.contract import UserError

if TYPE_CHECKING:
    from tasks.text.labelled.settings import LabelledData

SETTINGS: Final = FILE_SETTINGS + FIELD_SETTINGS
_LONGEST: Final = 2**31 - 1
"""Characters of a cell: Python's own limit of 131,072 is less than many a document has."""


def read(settings: LabelledData, cache: Path) -> LabelledCorpus:
    """Read the file or folder at ``settings.path``; of a folder, the files whose names end in ``.csv``.

    Raises:
        UserError: there is no path, or what lies there is missing or malformed (names file and line).
    """

    def parse(lines: Sequence[str], where: str) -> Iterable[Row]:
        return pick_columns(rows_of(lines, where), text=settings.text_field, label=settings.label_field, where=where)

    return read_files(settings, cache, kind="csv", ending=".csv", parse=parse, fields=FIELD_SETTINGS)


def rows_of(lines: Sequence[str], where: str) -> Iterator[tuple[int, list[str]]]:
    """Last line and cells of each row; a quoted cell may go on over several lines.

    Raises:
        UserError: a quote is not closed, or something follows it that is no comma.
    """
    csv.field_size_limit(_LONGEST)
    reader = csv.reader((f"{line}\n" for line in lines), strict=True)
    while True:
        begin = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UserError(
                "a row must be cells with commas between them, quoted wholly or not at all",
                where=f"{where}, line {begin}",
                received=str(error),
                advice='inside quotes, write a quote as ""',
            ) from error
        yield reader.line_num, cells
