"""Name a trial by its content: the same run has the same name in every process, on every machine, in every year.

The format is frozen by a literal in the tests. Changing it orphans every ledger that was ever written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from unroll.contract import Renamed, Settings, find_locations
from unroll.study._settings import dumped, get, setting_fields
from unroll.study.trial import Phase


def trial_id(
    *,
    task: str,
    task_version: int,
    settings: Settings,
    seed: int,
    phase: Phase,
    fingerprint: str,
    monitor: str | None = None,
    warm_start: str | None = None,
    scheduler: str | None = None,
    tuning: str | None = None,
    copy_number: int = 0,
) -> str:
    """Hash everything that decides a trial's numbers to 16 hexadecimal characters.

    Settings enter as far as they differ from their defaults, so that a new setting of a task does not rename the
    trials that leave it alone; locations do not enter, so data may be moved; the study's name does not enter either.

    Args:
        task: name of the task.
        task_version: its version, raised when behaviour changes behind the same settings.
        settings: complete and validated: values have the type of their field, so that ``1`` and ``1.0`` agree.
        seed: the block that the trial belongs to.
        phase: ``tune`` or ``confirm``.
        fingerprint: hash of the data's content.
        monitor: metric that selects the tested state or ends training early; None, where nothing does, does not enter.
        warm_start: id of the trial whose final weights it begins with; None, where it draws its own, does not enter.
        scheduler: what may end it early; None, where nothing does, does not enter.
        tuning: id of the tuning that will choose its settings (``Trial.pending``); None, where they are known, does not
            enter.
        copy_number: which copy of the same trial it is; 0, the only one or the first, does not enter.
    """
    content: dict[str, Any] = {
        "task": task,
        "task_version": task_version,
        "settings": changed_settings(settings),
        "seed": seed,
        "phase": phase,
        "fingerprint": fingerprint,
    }
    if monitor is not None:
        content["monitor"] = monitor
    if warm_start is not None:
        content["warm_start"] = warm_start
    if scheduler is not None:
        content["scheduler"] = scheduler
    if tuning is not None:
        content["tuning"] = tuning
    if copy_number:
        content["copy"] = copy_number
    return name_content(content)


def name_content(content: Mapping[str, Any]) -> str:
    """Hash a content to 16 hexadecimal characters."""
    return hashlib.sha256(_canonical(content).encode()).hexdigest()[:16]


def changed_settings(settings: Settings) -> dict[str, Any]:
    """Dotted path -> value of the settings that differ from their defaults, without locations.

    A setting that has no default always counts as changed. A renamed value stands under its former name.
    """
    locations, former = find_locations(type(settings)), former_values(settings)
    return {
        path: former.get(path, value)
        for path, value, default in _leaves(type(settings), settings.model_dump(mode="json"), None, "")
        if path not in locations and default != _loose(value)
    }


def former_values(settings: Settings) -> dict[str, str]:
    """Dotted path -> former name of each value that is called otherwise now (see :class:`unroll.contract.Renamed`)."""
    values = dumped(settings)
    return {
        path: mark.former[value]
        for path, field in setting_fields(type(settings)).items()
        for mark in field.metadata
        if isinstance(mark, Renamed) and (value := get(values, path)) in mark.former
    }


def _leaves(
    model: type[BaseModel], values: Mapping[str, Any], defaults: Mapping[str, Any] | None, prefix: str
) -> Iterator[tuple[str, Any, str | None]]:
    """Yield path, value, and the default in loose spelling (None where there is no default)."""
    for name, field in model.model_fields.items():
        required = defaults is None and field.is_required()
        default = None
        if not required:
            default = defaults[name] if defaults else field.get_default(call_default_factory=True, validated_data={})
            default = to_jsonable_python(default)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _leaves(field.annotation, values[name], default, f"{prefix}{name}.")
        else:
            yield prefix + name, values[name], None if required else _loose(default)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _loose(value: Any) -> str:
    """Spell a value so that a default of ``1`` on a float field equals the validated ``1.0``."""
    return _canonical(json.loads(json.dumps(value), parse_int=float))
