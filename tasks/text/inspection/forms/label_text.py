"""A label, white space and a text on each line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tasks.text.inspection.item import Item
from tasks.text.labelled.corpora.label_text import parse

ENDING: Final = ""
BETWEEN: Final = False


def read(lines: Sequence[str], where: str, options: Mapping[str, Any]) -> list[Item]:
    """Sentences of white-space separated words with one label.

    Raises:
        UserError: a line lacks label or text.
    """
    lower = options.get("lowercase", False)
    rows = parse(lines, where)
    return [Item(tuple((text.lower() if lower else text).split()), (label,)) for _, label, text in rows]
