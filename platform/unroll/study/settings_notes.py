"""Every setting of a task described: its default, its allowed values, its meaning."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from unroll.study._settings import setting_fields
from unroll.study.project import load_task
from unroll.study.schema import Schema, setting_schemas

UNBOUNDED = 2**31
"""Bounds from here on merely keep numbers in a machine's range."""


@dataclass(frozen=True, slots=True)
class SettingNote:
    """One setting.

    Args:
        setting: its dotted path, as studies and the command line write it.
        default: its value when nobody sets it; ``none`` is YAML's null.
        values: what it may be.
        meaning: what it is.
    """

    setting: str
    default: str
    values: str
    meaning: str


def settings_notes(task: str) -> list[SettingNote]:
    """All settings of a task, in the order in which it declares them.

    Raises:
        UserError: there is no such task.
    """
    model = load_task(task).settings
    schemas = setting_schemas(task, model)
    return [
        SettingNote(
            setting=path,
            default="must be set" if field.is_required() else _default(field.get_default(call_default_factory=True)),
            values=_values(schemas[path]),
            meaning=" ".join((field.description or "").split()),
        )
        for path, field in setting_fields(model).items()
    ]


def _default(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _values(schema: Schema) -> str:
    """What a schema admits, as text: ``a, b``, ``integer, at least 1, at most 64``, ``number, above 0 or none``."""
    if "enum" in schema:
        return ", ".join(map(_default, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_values(each) for each in schema["anyOf"])
    if "const" in schema:
        return _default(schema["const"])
    kind = str(schema.get("type", "object"))
    kind = {"null": "none", "boolean": "true, false", "string": "text", "array": "list"}.get(kind, kind)
    return ", ".join([kind, *_bounds(schema)])


def _bounds(schema: Schema) -> list[str]:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    return [f"{word} {schema[key]:,}" for key, word in words.items() if abs(schema.get(key, UNBOUNDED)) < UNBOUNDED]
