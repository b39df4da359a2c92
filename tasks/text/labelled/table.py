"""Rows of a table whose first line names the columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tasks.text.labelled.sources import Row
from tasks.text.mistakes import Mistakes
from unroll.contract import UserError


def pick_columns(rows: Iterable[tuple[int, Sequence[str]]], *, text: str, label: str, where: str) -> Iterator[Row]:
    """Label and text of each row but the first, which names the columns.

    Args:
        rows: line and cells of each row.
        text: name of the column of texts.
        label: name of the column of labels.
        where: what errors call the file.

    Raises:
        UserError: a column is missing or is there twice, or rows have another number of cells than the first, which is
            told behind the last row.
    """
    table = iter(rows)
    _, header = next(table)
    place_of_text, place_of_label = (_find(name, header, f"{where}, line 1") for name in (text, label))
    mistakes = Mistakes()
    for line, cells in table:
        if len(cells) == len(header):
            yield line, cells[place_of_label], cells[place_of_text]
            continue
        mistakes.add(
            UserError(
                f"each row must have {len(header)} columns, as the first one has",
                where=f"{where}, line {line}",
                received=str(len(cells)),
            )
        )
    mistakes.refuse()


def _find(name: str, header: Sequence[str], where: str) -> int:
    if (count := header.count(name)) == 1:
        return header.index(name)
    raise UserError(
        f"the first line must name a column {name!r}" + (" once" if count else ""),
        where=where,
        received=", ".join(map(repr, header)),
        advice="set data.text_field and data.label_field",
    )
