"""A JSON object on each line; two of its fields are text and label."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tasks.text.inspection.item import Item, labelled_items
from unroll.contract import UserError

ENDING: Final = ".jsonl"
BETWEEN: Final = False
IN_ORDER: Final = False
ENTITIES: Final = False


def read(lines: Sequence[str], where: str, options: Mapping[str, Any]) -> list[Item]:
    """Sentences of white-space separated words with one label.

    Raises:
        UserError: a line is no such object.
    """
    text, label = options.get("text_field", "text"), options.get("label_field", "label")
    return labelled_items(_rows(lines, where, text, label), where, options)


def _rows(lines: Sequence[str], where: str, text: str, label: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(lines, start=1):
        try:
            found = json.loads(line)
            said, kind = found[text], found[label]
        except (ValueError, KeyError, TypeError, RecursionError):
            said = kind = None
        if not isinstance(said, str) or not isinstance(kind, str | int):
            rule = f"each line must be a JSON object with the text {text!r} and the label {label!r}"
            raise UserError(rule, where=f"{where}, line {number}", received=repr(line[:40]))
        yield number, kind if isinstance(kind, str) else json.dumps(kind), said
