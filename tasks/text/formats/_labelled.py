"""Rows that are a label and a text each: what is checked of them in every format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from tasks.text.errors import ErrorCollector
from tasks.text.format import Sentence
from unroll.contract import UserError

RowT = TypeVar("RowT")


def labelled_sentences(
    rows: Iterable[tuple[int, RowT]], split: Callable[[RowT, str], Sequence[str]], where: str
) -> list[Sentence]:
    """A sentence of each row.

    Args:
        rows: line of each, from 1, and what stands there.
        split: label and text of a row, whose place comes second; raises a UserError where there are none.
        where: what errors call the file.

    Raises:
        UserError: rows are none, or lack a label or a word; names the first of each kind.
    """
    sentences, errors = [], ErrorCollector()
    with errors:  # what is wrong between rows, a quote that is never closed
        for line, row in rows:
            place = f"{where}, line {line}"
            with errors:
                label, text = split(row, place)
                words, name = tuple(text.split()), label.strip()  # at any white space of Unicode, as in running text
                _check(words, name, label + text, place)
                sentences.append(Sentence(words, (name,), line))  # not reached by a row with an error
    errors.refuse()
    return sentences


def table_sentences(rows: Iterable[tuple[int, Sequence[str]]], *, text: str, label: str, where: str) -> list[Sentence]:
    """A sentence of each row but the first, which names the columns.

    Args:
        rows: line and cells of each row.
        text: name of the column of texts.
        label: name of the column of labels.
        where: what errors call the file.

    Raises:
        UserError: a column is missing or is there twice, or rows have another number of cells than the first.
    """
    table = iter(rows)
    _, header = next(table)
    columns = [_find(name, header, f"{where}, line 1") for name in (label, text)]

    def split(cells: Sequence[str], place: str) -> Sequence[str]:
        if len(cells) != len(header):
            rule = f"each row must have {len(header)} columns, as the first one has"
            raise UserError(rule, where=place, received=str(len(cells)))
        return [cells[column] for column in columns]

    return labelled_sentences(table, split, where)


def _find(name: str, header: Sequence[str], where: str) -> int:
    if (count := header.count(name)) == 1:
        return header.index(name)
    raise UserError(
        f"the first line must name a column {name!r}" + (" once" if count else ""),
        where=where,
        received=", ".join(map(repr, header)),
        advice="set data.text_field and data.label_field",
    )


def _check(words: Sequence[str], label: str, raw: str, place: str) -> None:
    if not words:
        raise UserError("a text must have at least one word", where=place, advice="remove the line, or fill it")
    if not label:
        raise UserError("a label must not be empty", where=place, advice="remove the line, or fill it")
    if "\n" in label:
        raise UserError("a label must stand on one line", where=place, received=repr(label[:40]))
    if "\0" in raw:  # JSON can write NUL, and half of a character, which no file can hold
        raise UserError("NUL is no text", where=place, received=ascii("\0"))
    try:
        raw.encode()
    except UnicodeEncodeError as error:
        raise UserError("a text must be whole characters", where=place, received=ascii(raw[error.start])) from error
