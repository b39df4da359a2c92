"""A sentence as an inspection sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from unroll.contract import UserError


class Item(NamedTuple):
    """Words of a sentence, its labels (none, one for the sentence, or one for each word), and its line, from 1."""

    words: tuple[str, ...]
    labels: tuple[str, ...] = ()
    line: int = 0


def labelled_items(rows: Iterable[tuple[int, str, str]], where: str, options: Mapping[str, Any]) -> list[Item]:
    """Sentences with one label each, of rows of (line, label, text).

    Raises:
        UserError: a text has no word.
    """
    lower = options.get("lowercase", False)
    items = []
    for line, label, text in rows:
        words = tuple((text.lower() if lower else text).split())
        if not words:
            raise UserError("a text must have at least one word", where=f"{where}, line {line}")
        items.append(Item(words, (label.strip(),), line))
    return items
