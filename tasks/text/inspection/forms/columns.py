"""A column file: a word and its tags on a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tasks.text.formats.columns import parse_columns
from tasks.text.inspection.item import Item

ENDING: Final = ""
BETWEEN: Final = True
IN_ORDER: Final = True
ENTITIES: Final = True


def read(lines: Sequence[str], where: str, options: Mapping[str, Any]) -> list[Item]:
    """Sentences of words and, as labels, the tags as the file writes them.

    Raises:
        UserError: a line breaks the format.
    """
    word, tag = options.get("word_column", 0), options.get("tag_column", -1)
    sentences = parse_columns(lines, word=word, tag=tag, where=where)
    return [
        Item(tuple(cell.word for cell in rows), tuple(cell.tag for cell in rows), int(rows[0].place.rpartition(" ")[2]))
        for rows in sentences
    ]
