"""Columns with a comma between each two, quoted as in RFC 4180; the first line names them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

from tasks.text.format import Format, Sentence
from tasks.text.formats._labelled import table_sentences
from unroll.contract import UserError

_LONGEST: Final = 2**31 - 1
"""Characters of a cell: Python's own limit of 131,072 is less than many a document has."""


@final
@dataclass(frozen=True, kw_only=True)
class Csv(Format):
    """Named columns, of which one is the text and one the label of a sentence."""

    labels = "sentence"
    ending = ".csv"
    text_field: str = "text"
    label_field: str = "label"

    def parse(self, lines: Sequence[str], where: str) -> list[Sentence]:
        """See :meth:`tasks.text.format.Format.parse`."""
        return table_sentences(_rows(lines, where), text=self.text_field, label=self.label_field, where=where)


def _rows(lines: Sequence[str], where: str) -> Iterator[tuple[int, list[str]]]:
    """Last line and cells of each row; a quoted cell may go on over several lines.

    Raises:
        UserError: a quote is not closed, or something follows it that is no comma.
    """
    csv.field_size_limit(_LONGEST)  # of the whole process; there is no other place for it
    # Each line with its end, for a quoted cell may hold several; strict: what follows a closing quote is an error.
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
