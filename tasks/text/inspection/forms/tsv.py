"""Columns with a tab between each two; the first line names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tasks.text.inspection.item import Item, labelled_items
from tasks.text.labelled.table import pick_columns

ENDING: Final = ".tsv"
BETWEEN: Final = False
IN_ORDER: Final = False
ENTITIES: Final = False


def read(lines: Sequence[str], where: str, options: Mapping[str, Any]) -> list[Item]:
    """Sentences of white-space separated words with one label.

    Raises:
        UserError: a column is missing, or a row has too few or too many.
    """
    text, label = options.get("text_field", "text"), options.get("label_field", "label")
    rows = ((number, line.split("\t")) for number, line in enumerate(lines, start=1))
    return labelled_items(pick_columns(rows, text=text, label=label, where=where), where, options)
