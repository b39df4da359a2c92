"""Tags of entities that break the scheme in which all others are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.text.format import Sentence
from tasks.text.tagged.entity_tags import choose_reading, unknown_tags


def odd_tags(items: Mapping[Path, Sequence[Sentence]], options: Mapping[str, Any]) -> list[Mapping[str, int | str]]:
    """A row for each file and kind of breach: how many lines, and the first of them.

    Args:
        items: the sentences of each file, each word on a line of its own.
        options: settings of the ``data`` section, perhaps none.
    """
    texts = [item.labels for sentences in items.values() for item in sentences]
    reading = choose_reading(texts, options.get("scheme", "auto"))
    if reading is None:
        return []
    treated = "refused" if options.get("repair") == "refuse" else "read as conlleval reads them"
    rows: list[Mapping[str, int | str]] = []
    for file, sentences in items.items():
        foreign = [item.line + place for item in sentences for place in unknown_tags(item, reading)]
        broken = [item.line + place for item in sentences for place, _ in reading.convert(item.labels).breaches]
        for what, lines in (
            (f"tags that scheme {reading.scheme} lacks (refused)", foreign),
            (f"entity tags that break scheme {reading.scheme} ({treated})", broken),
        ):
            rows += [{"file": file.name, "what": what, "lines": len(lines), "first": lines[0]}] if lines else []
    return rows
