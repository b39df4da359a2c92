"""A JSON object on each line; two of its fields are text and label."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tasks.text.labelled.corpus import LabelledCorpus
from tasks.text.labelled.sources import FIELD_SETTINGS, FILE_SETTINGS, Row, read_files
from tasks.text.mistakes import Mistakes
from unroll.contract import UserError

if TYPE_CHECKING:
    from tasks.text.labelled.settings import LabelledData

SETTINGS: Final = FILE_SETTINGS + FIELD_SETTINGS


def read(settings: LabelledData, cache: Path) -> LabelledCorpus:
    """Read the file or folder at ``settings.path``; of a folder, the files whose names end in ``.jsonl``.

    Raises:
        UserError: there is no path, or what lies there is missing or malformed (names file and line).
    """

    def parse(lines: Sequence[str], where: str) -> Iterator[Row]:
        mistakes = Mistakes()
        for number, line in enumerate(lines, start=1):
            place = f"{where}, line {number}"
            try:
                found = _object(line, place)
                row = number, _label(_field(found, settings.label_field, place), place), _text(found, settings, place)
            except UserError as error:
                mistakes.add(error)
            else:
                yield row
        mistakes.refuse()

    return read_files(settings, cache, kind="json_lines", ending=".jsonl", parse=parse, fields=FIELD_SETTINGS)


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


def _text(found: dict[str, Any], settings: LabelledData, place: str) -> str:
    text = _field(found, settings.text_field, place)
    if isinstance(text, str):
        return text
    raise UserError("a text must be a JSON string", where=place, received=json.dumps(text)[:40])


def _label(label: Any, place: str) -> str:
    """A label as text; ``1`` and ``"1"`` are the same one."""
    if isinstance(label, str):
        return label
    if isinstance(label, int):  # booleans too
        return json.dumps(label)
    raise UserError(
        "a label must be a JSON string, a whole number or a boolean", where=place, received=json.dumps(label)[:40]
    )
