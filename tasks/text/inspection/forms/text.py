"""Plain text: each line that is not blank is a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tasks.text.inspection.item import Item

ENDING: Final = ""
BETWEEN: Final = False
IN_ORDER: Final = True
ENTITIES: Final = False


def read(lines: Sequence[str], where: str, options: Mapping[str, Any]) -> list[Item]:  # noqa: ARG001
    """Sentences of white-space separated words."""
    return [Item(words, line=number) for number, line in enumerate(lines, start=1) if (words := tuple(line.split()))]
