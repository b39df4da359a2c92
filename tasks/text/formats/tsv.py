"""Columns with a tab between each two; the first line names them. There is no quoting: ``"`` is a character."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from tasks.text.format import Format, Sentence
from tasks.text.formats._labelled import table_sentences


@final
@dataclass(frozen=True, kw_only=True)
class Tsv(Format):
    """Named columns, of which one is the text and one the label of a sentence."""

    labels = "sentence"
    ending = ".tsv"
    text_field: str = "text"
    label_field: str = "label"

    def parse(self, lines: Sequence[str], where: str) -> list[Sentence]:
        """See :meth:`tasks.text.format.Format.parse`."""
        rows = ((number, line.split("\t")) for number, line in enumerate(lines, start=1))
        return table_sentences(rows, text=self.text_field, label=self.label_field, where=where)
