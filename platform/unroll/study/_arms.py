"""The arms that a study asks for, and the controls that they must be compared with, before any data are prepared."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from unroll.contract import Settings, UserError
from unroll.study._error_collector import details
from unroll.study._factors import Factor, Level, arm_name, arm_settings, combine, level_name, number_copy, read_factors
from unroll.study._settings import dumped, put, validated
from unroll.study._size import with_any_size
from unroll.study._twins import what_runs
from unroll.study.declaration import Declaration
from unroll.study.project import AnyTask

CONTROL = "control"
"""The level of an added control that no value of the factor stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftedArm:
    """An arm of which nothing is known but its settings.

    Args:
        name: see :func:`unroll.study._factors.arm_name`.
        levels: one of each factor.
        settings: complete; where ``match`` solves the size, with some size.
        control: whether it was added, see :meth:`unroll.contract.Task.control`.
        copy: which of several arms with the same settings it is, that differ in their names alone.
    """

    name: str
    levels: tuple[Level, ...]
    settings: Settings
    control: bool = False
    copy: int = 0


def draft_arms(study: Declaration, task: AnyTask) -> tuple[list[Factor], list[DraftedArm]]:
    """The factors of a study with the levels of added controls, and its arms: those that it names, then these.

    Raises:
        UserError: the task's ``control`` gives what are no settings of it.
    """
    factors = read_factors(study.compare)
    arms = [
        DraftedArm(
            name=arm_name(factors, levels),
            levels=levels,
            settings=_complete(study, task, levels),
            copy=number_copy(factors, levels),
        )
        for levels in combine(factors, study.exclude)
    ]
    for arm, changes in [(arm, task.control(arm.settings)) for arm in arms]:
        varied = [_is_varied(factor, changes) for factor in factors]
        if changes is None or not any(varied):
            continue
        settings = _with_changes(task, arm, changes)
        if what_runs(settings, task, located=True) in {what_runs(each.settings, task, located=True) for each in arms}:
            continue
        names = {each.name for each in arms}
        candidates = _control_levels(study, task, arm, settings, changes, varied, factors)
        levels = next(levels for levels in candidates if arm_name(factors, levels) not in names)
        arms.append(DraftedArm(name=arm_name(factors, levels), levels=levels, settings=settings, control=True))
        factors = [_with_level(factor, level) for factor, level in zip(factors, levels, strict=True)]
    return factors, arms


def _complete(study: Declaration, task: AnyTask, levels: Sequence[Level]) -> Settings:
    settings = arm_settings(study.settings, levels)
    return validated(task.settings, with_any_size(settings, task) if study.match else settings)


def _is_varied(factor: Factor, changes: Mapping[str, Any] | None) -> bool:
    return any(path in (changes or ()) for level in factor.levels for path in level.sets)


def _with_changes(task: AnyTask, arm: DraftedArm, changes: Mapping[str, Any]) -> Settings:
    nested = dumped(arm.settings)
    for path, value in changes.items():
        put(nested, path, value)
    try:
        return validated(task.settings, nested)
    except ValidationError as error:
        rule = f"the control of the arm '{arm.name}' must have settings that the task accepts"
        received = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in details(error))
        raise UserError(
            rule, where=f"{type(task).__module__.replace('.', '/')}.py: control", received=received
        ) from None


def _control_levels(
    study: Declaration,
    task: AnyTask,
    arm: DraftedArm,
    settings: Settings,
    changes: Mapping[str, Any],
    varied: Sequence[bool],
    factors: Sequence[Factor],
) -> Iterator[tuple[Level, ...]]:
    """Levels for the control of an arm, the best first.

    Where the varied settings alone make the control of the arm, it has their values for its levels. Else a level of its
    own stands for all that is changed.
    """

    def replaced(level: Level, name: str, written: Any, sets: dict[str, Any]) -> Level:
        return level.model_copy(update={"name": name, "written": written, "sets": sets})

    values = tuple(
        replaced(level, level_name(value := changes[factor.name]), value, {factor.name: value})
        if is_varied and factor.name in changes and not factor.named
        else level
        for factor, level, is_varied in zip(factors, arm.levels, varied, strict=True)
    )
    try:
        alone = _complete(study, task, values)
    except ValidationError:
        pass
    else:
        if what_runs(alone, task) == what_runs(settings, task):
            yield values
    for number in itertools.count(1):
        name = CONTROL if number == 1 else f"{CONTROL}_{number}"
        yield tuple(
            replaced(level, name, name, {**level.sets, **changes}) if is_varied else level
            for level, is_varied in zip(arm.levels, varied, strict=True)
        )


def _with_level(factor: Factor, level: Level) -> Factor:
    if any(level.name == other.name for other in factor.levels):
        return factor
    return factor.model_copy(update={"levels": [*factor.levels, level]})
