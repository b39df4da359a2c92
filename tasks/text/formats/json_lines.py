"""A JSON object on each line; two of its fields are text and label."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from tasks.text.format import Format, Sentence
from tasks.text.formats._labelled import labelled_sentences
from unroll.contract import UserError

_RULE: Final = "each line must be a JSON object"
_TWICE: Final = "the same field twice"
_EXPECTED: Final = {
    "Expecting value": "{} where a value must stand",
    "Expecting property name": "{} where a name in double quotes must stand",
    "Illegal trailing comma": "a comma behind the last field or value",
    "Expecting ':'": "{} where a colon must stand",
    "Expecting ','": "{} where a comma or a closing bracket must stand",
    "Unterminated string": "a string without its closing quote",
    "Invalid control character": "{}, which a string must write as an escape",
    "Invalid \\": "an escape that JSON does not have",
    "Extra data": "{} behind the end of the object",
}
"""Beginnings of the errors of Python's json, and what is said in their place."""


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
    if not line.strip():
        raise UserError(_RULE, where=place, received="an empty line")
    try:
        found = json.loads(line, object_pairs_hook=_distinct)
    except json.JSONDecodeError as error:
        where = f"{place}, character {error.pos + 1}"
        raise UserError(_RULE, where=where, received=_describe(error, line)) from error
    except RecursionError as error:
        raise UserError(_RULE, where=place, received="brackets within brackets, too deep") from error
    except ValueError as error:  # ours, or Python's own limit
        received = str(error) if str(error) == _TWICE else "a number of too many digits"
        raise UserError(_RULE, where=place, received=received) from error
    if not isinstance(found, dict):
        raise UserError(_RULE, where=place, received=repr(line[:40]))
    return found


def _describe(error: json.JSONDecodeError, line: str) -> str:
    """What stands at the place of an error, and what should."""
    here = repr(line[error.pos]) if error.pos < len(line) else "the end of the line"
    for beginning, expected in _EXPECTED.items():
        if error.msg.startswith(beginning):
            return expected.format(here)
    return f"{here}, which JSON does not have here"


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(_TWICE)
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
