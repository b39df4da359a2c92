"""Settings of a trial that was trained elsewhere, perhaps long ago: what its records hold, without its locations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from unroll.contract import Settings, UserError, find_locations
from unroll.study._settings import get, put, validated, without
from unroll.study.project import AnyTask

NOWHERE = "/nowhere"
"""Stands for a location that was set: some settings mean something only beside one."""


def set_locations(task: AnyTask, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Dotted paths of the settings that say where something lies, as far as they are set."""
    return tuple(path for path in sorted(find_locations(task.settings)) if get(settings, path))


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
