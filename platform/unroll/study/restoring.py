"""Settings of a trial that was trained elsewhere, perhaps long ago: what its records hold, without its locations."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from unroll.contract import Settings, UserError, find_locations
from unroll.study._overrides import split_override
from unroll.study._settings import dumped, get, put, validated, without
from unroll.study.project import AnyTask

NOWHERE = "/nowhere"
"""Stands for a location that was set: some settings mean something only beside one."""


def told_locations(task: AnyTask, settings: Mapping[str, Any]) -> dict[str, str]:
    """Dotted path -> place of the settings that say where something lies, as far as they are set."""
    return {path: str(get(settings, path)) for path in set_locations(task, settings)}


def set_locations(task: AnyTask, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Dotted paths of the settings that say where something lies, as far as they are set."""
    return tuple(path for path in sorted(find_locations(task.settings)) if get(settings, path))


def read_locations(task: AnyTask, overrides: Iterable[str]) -> dict[str, str]:
    """Where data lie, as a command line tells: dotted path -> absolute place.

    Args:
        task: whose settings they are.
        overrides: ``KEY=VALUE``, each of a setting that says where something lies.

    Raises:
        UserError: one is of another setting, or has several values.
    """
    known, found = find_locations(task.settings), dict[str, str]()
    for override in overrides:
        key, values = split_override(override)
        if key not in known or len(values) != 1:
            rule = "of a recorded trial only the place of its data can be told, once"
            advice = f"known: {', '.join(sorted(known)) or 'no such setting'}"
            raise UserError(rule, where=f"command line: {key}", received=override, advice=advice)
        found[key] = os.path.abspath(os.path.expanduser(str(values[0])))
    return found


def locate(task: AnyTask, settings: Mapping[str, Any], locations: Mapping[str, str], *, where: str) -> dict[str, Any]:
    """Nested settings out of a record with the places of data, as a worker takes them.

    Args:
        task: whose they are.
        settings: nested, without locations.
        locations: dotted path -> place.
        where: what errors call the record.

    Raises:
        UserError: they are no settings of the task as it is now, or lack a place.
    """
    nested = without(settings, ())
    for path, place in locations.items():
        put(nested, path, place)
    try:
        return dumped(validated(task.settings, nested))
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(
            "the settings of a trial must still be settings of its task",
            where=where,
            received=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            advice="tell where its data lie (KEY=VALUE), or use the version of the task that trained it",
        ) from None


def restore_settings(task: AnyTask, settings: Mapping[str, Any], located: Iterable[str], *, where: str) -> Settings:
    """Validate settings out of a record; what was located lies :data:`NOWHERE`.

    Args:
        task: whose they are.
        settings: nested, without locations.
        located: what :func:`set_locations` told of them.
        where: what errors call the record.

    Raises:
        UserError: they are no settings of the task as it is now.
    """
    nested = without(settings, ())
    for path in located:
        put(nested, path, NOWHERE)
    try:
        return validated(task.settings, nested)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(
            "the settings of a trial must still be settings of its task",
            where=where,
            received=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            advice="use the version of Unroll and of the task that trained it",
        ) from None
