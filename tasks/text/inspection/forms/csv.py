"""Cells with commas between them, quoted where need be; the first row names the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tasks.text.inspection.item import Item, labelled_items
from tasks.text.labelled.readers.csv import rows_of
from tasks.text.labelled.table import pick_columns

ENDING: Final = ".csv"
BETWEEN: Final = False
IN_ORDER: Final = False
ENTITIES: Final = False


def read(lines: Sequence[str], where: str, options: Mapping[str, Any]) -> list[Item]:
    """Sentences of white-space separated words with one label.

    Raises:
        UserError: a column is missing, a row has too few or too many, or a quote is wrong.
    """
    text, label = options.get("text_field", "text"), options.get("label_field", "label")
    rows = pick_columns(rows_of(lines, where), text=text, label=label, where=where)
    return labelled_items(rows, where, options)
