"""Nested settings seen as dotted paths: ``network.cell`` names ``{"network": {"cell": ...}}``."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from unroll.contract import Settings, find_locations

Nested = dict[str, Any]


def setting_fields(model: type[BaseModel], prefix: str = "") -> dict[str, FieldInfo]:
    """Dotted path -> field of every setting below the sections."""
    found: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= setting_fields(field.annotation, f"{prefix}{name}.")
        else:
            found[prefix + name] = field
    return found


def validated(model: type[Settings], nested: Nested) -> Settings:
    """Check settings strictly: text is no number, a number no truth value; lists may stand for tuples.

    Raises:
        pydantic.ValidationError: all mistakes together.
    """
    return model.model_validate_json(json.dumps(nested), strict=True)


def dumped(settings: BaseModel) -> Nested:
    """Write validated settings out in full, as plain JSON values."""
    return settings.model_dump(mode="json")


def put(nested: Nested, path: str, value: Any) -> None:
    """Set a dotted path, making the sections on the way; what stands where a section belongs is left to be refused."""
    *sections, last = path.split(".")
    for section in sections:
        nested = nested.setdefault(section, {})
        if not isinstance(nested, dict):
            return
    nested[last] = value


def get(nested: Mapping[str, Any], path: str) -> Any:
    """Value at a dotted path, or None where nothing was written."""
    value: Any = nested
    for key in path.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return value


def has(nested: Mapping[str, Any], path: str) -> bool:
    """Whether a dotted path was written."""
    *sections, last = path.split(".")
    value: Any = get(nested, ".".join(sections)) if sections else nested
    return isinstance(value, Mapping) and last in value


def drop(nested: Any, path: str) -> None:
    """Remove a dotted path, if it was written."""
    *sections, last = path.split(".")
    inner = get(nested, ".".join(sections)) if isinstance(nested, dict) else None
    if isinstance(inner, dict):
        inner.pop(last, None)


def without(nested: Mapping[str, Any], paths: Collection[str], prefix: str = "") -> Nested:
    """Copy nested settings and leave some dotted paths out."""
    return {
        key: without(value, paths, f"{prefix}{key}.") if isinstance(value, Mapping) else copy.deepcopy(value)
        for key, value in nested.items()
        if prefix + key not in paths
    }


def anchored(value: Any, folder: Path) -> Any:
    """Make a location absolute: relative ones are relative to ``folder``, ``~`` is the home.

    The home of a user that is not known here stays as it is written, as in a shell.
    """
    if isinstance(value, list):
        return [anchored(item, folder) for item in value]
    return os.path.abspath(folder / os.path.expanduser(value)) if isinstance(value, str) else value


def anchor_locations(nested: Nested, model: type[Settings], folder: Path) -> None:
    """Make all locations in nested settings absolute, in place."""
    for path in find_locations(model):
        if has(nested, path):
            put(nested, path, anchored(get(nested, path), folder))
