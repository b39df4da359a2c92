"""A treebank in CoNLL-U; its labels are one of the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tasks.text.conllu import parse_conllu
from tasks.text.inspection.item import Item

ENDING: Final = ".conllu"
BETWEEN: Final = True
IN_ORDER: Final = True


def read(lines: Sequence[str], where: str, options: Mapping[str, Any]) -> list[Item]:
    """Sentences of forms and, as labels, the chosen column.

    Raises:
        UserError: a line breaks the format.
    """
    column = options.get("column", "upos")
    sentences = parse_conllu(lines, columns=("form", column), where=where)
    return [Item(*zip(*rows, strict=True)) for rows in sentences]
