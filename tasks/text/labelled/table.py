"""Rows of a table whose first line names the columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tasks.text.labelled.sources import Row
from unroll.contract import UserError


def pick_columns(rows: Iterable[tuple[int, Sequence[str]]], *, text: str, label: str, where: str) -> Iterator[Row]:
    """Label and text of each row but the first, which names the columns.

    Args:
        rows: line and cells of each row.
        text: name of the column of texts.
        label: name of the column of labels.
        where: what errors call the file.

    Raises:
        UserError: a column is missing or is there twice, or a row has another number of cells than the first.
    """
    table = iter(rows)
    _, header = next(table)
    place_of_text, place_of_label = (_find(name, header, f"{where}, line 1") for name in (text, label))
    for line, cells in table:
        if len(cells) != len(header):
            raise UserError(
                f"each row must have {len(header)} columns, as the first one has",
                where=f"{where}, line {line}",
                received=str(len(cells)),
            )
        yield line, cells[place_of_label], cells[place_of_text]


def _find(name: str, header: Sequence[str], where: str) -> int:
    if (count := header.count(name)) == 1:
        return header.index(name)
    raise UserError(
        f"the first line must name a column {name!r}" + (" once" if count else ""),
        where=where,
        received=", ".join(map(repr, header)),
        advice="set data.text_field and data.label_field",
    )
