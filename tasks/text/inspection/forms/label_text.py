"""A label, white space and a text on each line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tasks.text.inspection.item import Item, labelled_items
from tasks.text.labelled.readers.label_text import parse

ENDING: Final = ""
BETWEEN: Final = False
IN_ORDER: Final = False
ENTITIES: Final = False


def read(lines: Sequence[str], where: str, options: Mapping[str, Any]) -> list[Item]:
    """Sentences of white-space separated words with one label.

    Raises:
        UserError: a line lacks label or text.
    """
    return labelled_items(parse(lines, where), where, options)
