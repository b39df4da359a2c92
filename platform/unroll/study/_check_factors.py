"""Check each factor by itself: its name, its levels, the settings that they name."""

from __future__ import annotations

from collections.abc import Sequence

from unroll.study._document import Trail
from unroll.study._factors import Factor
from unroll.study._mistakes import Mistakes
from unroll.study._settings import setting_fields
from unroll.study.declaration import LEVEL, is_safe
from unroll.study.project import AnyTask, suggestion


def sound_factors(factors: Sequence[Factor], task: AnyTask | None, mistakes: Mistakes) -> list[Factor]:
    """Check each factor by itself and return those that arms can be built from."""
    sound = []
    owner: dict[str, str] = {}
    for factor in factors:
        before = len(mistakes.errors)
        _check_levels(factor, mistakes)
        for path in dict.fromkeys(path for level in factor.levels for path in level.sets):
            _check_path(factor, path, task, mistakes)
            if (other := owner.setdefault(path, factor.name)) != factor.name:
                mistakes.add(("compare", factor.name), f"'{path}' is varied by the factor '{other}' too")
        if len(mistakes.errors) == before:
            sound.append(factor)
    return sound


def level_trail(factor: Factor, index: int, path: str = "") -> Trail:
    if not factor.named:
        return ("compare", factor.name, index)
    trail: Trail = ("compare", factor.name, factor.levels[index].name)
    return (*trail, path) if path else trail


def _check_levels(factor: Factor, mistakes: Mistakes) -> None:
    trail = ("compare", factor.name)
    if not factor.levels:
        mistakes.add(trail, "a factor must have at least one level")
    if factor.named and not is_safe(LEVEL, factor.name):
        mistakes.add(trail, "a factor's name must be letters, digits, '_', '-', '+' or '.'", received=factor.name)
    seen: set[str] = set()
    for index, level in enumerate(factor.levels):
        if not is_safe(LEVEL, level.name):
            rule = "a level's name must be letters, digits, '_', '-', '+' or '.'"
            advice = "" if factor.named else "name the factor and its levels: name: {level: {path: value}}"
            mistakes.add(level_trail(factor, index), rule, received=level.name, advice=advice)
        if level.name in seen:
            mistakes.add(level_trail(factor, index), "a level may stand only once", received=level.written)
        seen.add(level.name)


def _check_path(factor: Factor, path: str, task: AnyTask | None, mistakes: Mistakes) -> None:
    if task and path not in (known := setting_fields(task.settings)):
        trails = [
            ("compare", factor.name, level.name, path) if factor.named else ("compare", factor.name)
            for level in factor.levels
            if path in level.sets
        ]
        mistakes.add(trails[0], f"'{path}' is no setting of this task", advice=suggestion(path, known))
