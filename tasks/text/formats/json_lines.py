"""A JSON object on each line; two of its fields are text and label."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from tasks.text.format import Format, Sentence
from tasks.text.formats._labelled import labelled_sentences
from unroll.contract import UserError


@final
@dataclass(frozen=True, kw_only=True)
class JsonLines(Format):
    """Objects, of whose fields one is the text and one the label of a sentence."""

    labels = "sentence"
    ending = ".jsonl"
    text_field: str = "text"
    label_field: str = "label"

    def parse(self, lines: Sequence[str], where: str) -> list[Sentence]:
        """See :meth:`tasks.text.format.Format.parse`."""
        return labelled_sentences(enumerate(lines, start=1), self._split, where)

    def _split(self, line: str, place: str) -> Sequence[str]:
        found = _object(line, place)
        label, text = (_field(found, name, place) for name in (self.label_field, self.text_field))
        return _label(label, place), _text(text, place)


def _object(line: str, place: str) -> dict[str, Any]:
    try:
        found = json.loads(line, object_pairs_hook=_distinct)
    except (ValueError, RecursionError) as error:
        raise UserError("each line must be a JSON object", where=place, received=str(error)) from error
    if not isinstance(found, dict):
        raise UserError("each line must be a JSON object", where=place, received=repr(line[:40]))
    return found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("the same field twice")
    return found


def _field(found: dict[str, Any], name: str, place: str) -> Any:
    if name in found:
        return found[name]
    raise UserError(
        f"each object must have a field {name!r}",
        where=place,
        received=", ".join(map(repr, found)) or "none",
        advice="set data.text_field and data.label_field",
    )


def _text(text: Any, place: str) -> str:
    if isinstance(text, str):
        return text
    raise UserError("a text must be a JSON string", where=place, received=json.dumps(text)[:40])


def _label(label: Any, place: str) -> str:
    """A label as text; ``1`` and ``"1"`` are the same one."""
    if isinstance(label, str):
        return label
    if isinstance(label, int):  # booleans too; a fraction has several spellings of one value
        return json.dumps(label)
    raise UserError(
        "a label must be a JSON string, a whole number or a boolean", where=place, received=json.dumps(label)[:40]
    )
