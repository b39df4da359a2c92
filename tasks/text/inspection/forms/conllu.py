"""A treebank in CoNLL-U; its labels are one of the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from tasks.text.formats.conllu import parse_conllu
from tasks.text.inspection.item import Item

ENDING: Final = ".conllu"
BETWEEN: Final = True
IN_ORDER: Final = True
ENTITIES: Final = False


def read(lines: Sequence[str], where: str, options: Mapping[str, Any]) -> list[Item]:
    """Sentences of forms and, as labels, the chosen column.

    Raises:
        UserError: a line breaks the format.
    """
    column = options.get("column", "upos")
    sentences = parse_conllu(lines, columns=("form", column), where=where)
    begins = [number for number, (before, line) in enumerate(pairwise(["", *lines]), start=1) if line and not before]
    return [
        Item(tuple(form for form, _ in rows), tuple(label for _, label in rows), line)
        for rows, line in zip(sentences, begins, strict=True)
    ]
