"""Check each factor by itself: its name, its levels, the settings that they name."""

from __future__ import annotations

from collections.abc import Sequence

from unroll.study._document import KeyPath
from unroll.study._error_collector import ErrorCollector
from unroll.study._factors import Factor
from unroll.study._settings import setting_fields
from unroll.study.declaration import LEVEL, is_safe
from unroll.study.project import AnyTask, suggestion


def sound_factors(factors: Sequence[Factor], task: AnyTask | None, errors: ErrorCollector) -> list[Factor]:
    """Check each factor by itself and return those that arms can be built from."""
    sound = []
    owner: dict[str, str] = {}
    for factor in factors:
        before = len(errors.found)
        _check_levels(factor, errors)
        for path in dict.fromkeys(path for level in factor.levels for path in level.sets):
            _check_path(factor, path, task, errors)
            if (other := owner.setdefault(path, factor.name)) != factor.name:
                errors.add(("compare", factor.name), f"'{path}' is varied by the factor '{other}' too")
        if len(errors.found) == before:
            sound.append(factor)
    return sound


def level_keys(factor: Factor, index: int, path: str = "") -> KeyPath:
    if not factor.named:
        return ("compare", factor.name, index)
    keys: KeyPath = ("compare", factor.name, factor.levels[index].name)
    return (*keys, path) if path else keys


def _check_levels(factor: Factor, errors: ErrorCollector) -> None:
    keys = ("compare", factor.name)
    if not factor.levels:
        errors.add(keys, "a factor must have at least one level")
    if factor.named and not is_safe(LEVEL, factor.name):
        errors.add(keys, "a factor's name must be letters, digits, '_', '-', '+' or '.'", received=factor.name)
    seen: set[str] = set()
    for index, level in enumerate(factor.levels):
        if not is_safe(LEVEL, level.name):
            rule = "a level's name must be letters, digits, '_', '-', '+' or '.'"
            advice = "" if factor.named else "name the factor and its levels: name: {level: {path: value}}"
            errors.add(level_keys(factor, index), rule, received=level.name, advice=advice)
        if level.name in seen:
            errors.add(level_keys(factor, index), "a level may stand only once", received=level.written)
        seen.add(level.name)


def _check_path(factor: Factor, path: str, task: AnyTask | None, errors: ErrorCollector) -> None:
    if task and path not in (known := setting_fields(task.settings)):
        places = [
            ("compare", factor.name, level.name, path) if factor.named else ("compare", factor.name)
            for level in factor.levels
            if path in level.sets
        ]
        errors.add(places[0], f"'{path}' is no setting of this task", advice=suggestion(path, known))
