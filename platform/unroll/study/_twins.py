"""Arms that run the same: their settings differ in what a task has no use for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeVar

from pydantic_core import to_jsonable_python

from unroll.contract import Settings, find_locations
from unroll.study._settings import dumped, put, setting_fields, without
from unroll.study.plan import Arm
from unroll.study.project import AnyTask

_T = TypeVar("_T")


def merge_twins(sized: Sequence[tuple[Arm, Settings]], task: AnyTask) -> list[tuple[Arm, Settings]]:
    """One arm for all that run the same, named by a baseline among them, or else by the first.

    The adjusted p-values would pay for the others, and their trials would be run twice. Copies of one setting, which a
    study asks for by a factor that only names, are to be run twice.
    """
    groups: dict[tuple[str, str, int], list[tuple[Arm, Settings]]] = {}
    for arm, settings in sized:
        groups.setdefault((arm.fingerprint, what_runs(settings, task), arm.copy_number), []).append((arm, settings))
    kept = [next((each for each in group if each[0].baseline == each[0].name), group[0]) for group in groups.values()]
    names = {arm.name: one.name for (one, _), group in zip(kept, groups.values(), strict=True) for arm, _ in group}
    twins = {one.name: tuple(name for name, to in names.items() if to == one.name != name) for one, _ in kept}
    return [
        (arm.model_copy(update={"baseline": names.get(arm.baseline or ""), "twins": twins[arm.name]}), settings)
        for arm, settings in kept
    ]


def what_runs(settings: Settings, task: AnyTask, *, located: bool = False) -> str:
    """What runs: settings without what changes nothing, and without locations, unless these are asked for."""
    nested, fields = dumped(settings), setting_fields(task.settings)
    for path in task.unused(settings):
        put(nested, path, to_jsonable_python(fields[path].get_default(call_default_factory=True, validated_data={})))
    return json.dumps(without(nested, () if located else find_locations(task.settings)), sort_keys=True)
