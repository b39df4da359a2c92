"""Check a declaration against its task: factors, arms, what refers to them, and the settings of every arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from unroll.contract import VALIDATION, Task, UserError
from unroll.study._arms import draft_arms
from unroll.study._check_claims import check_claims
from unroll.study._check_settings import check_settings
from unroll.study._check_tune import check_tune
from unroll.study._document import KeyPath
from unroll.study._error_collector import ErrorCollector
from unroll.study._factors import (
    MOST_ARMS,
    Factor,
    arm_name,
    combine,
    count_arms,
    level_keys,
    level_name,
    read_factors,
    with_levels,
)
from unroll.study._settings import get, has, setting_fields
from unroll.study._size import counts_flops
from unroll.study.declaration import LEVEL, Declaration, is_safe
from unroll.study.project import AnyTask, suggestion


def check_study(draft: Declaration, broken: set[str], task: AnyTask | None, errors: ErrorCollector) -> None:
    """Note every mistake; ``broken`` names the keys that were noted already and hold stand-ins."""
    if task and draft.metric is not None and draft.metric not in task.metrics:
        advice = suggestion(draft.metric, sorted(task.metrics, key=lambda name: not name.startswith(VALIDATION)))
        errors.add(("metric",), "the task has no such metric", received=draft.metric, advice=advice)
    factors = read_factors(draft.compare) if "compare" not in broken else []
    sound = _sound_factors(factors, task, errors)
    if draft.match and task:
        _check_match(draft, factors, task, errors)
    if factors and sound == factors:
        for index, rule in enumerate(draft.exclude):
            _check_rule(("exclude", index), rule, factors, errors)
        _check_arms(draft, factors, task, errors)
        if task:
            check_claims(draft, factors, task, errors)
    if task:
        check_settings(draft, sound, task, errors)
    if draft.tune and not broken & {"settings", "compare", "seeds"}:
        check_tune(draft, draft.tune, sound, task, errors)


def _sound_factors(factors: Sequence[Factor], task: AnyTask | None, errors: ErrorCollector) -> list[Factor]:
    """Check each factor by itself (name, levels, the settings that they name); those that arms can be built from."""
    sound = []
    owner: dict[str, str] = {}
    known = setting_fields(task.settings) if task else None
    for factor in factors:
        before = len(errors.found)
        _check_levels(factor, errors)
        for path in dict.fromkeys(path for level in factor.levels for path in level.sets):
            if known is not None and path not in known:
                first = next(level.name for level in factor.levels if path in level.sets)
                keys = ("compare", factor.name, first, path) if factor.named else ("compare", factor.name)
                errors.add(keys, f"'{path}' is no setting of this task", advice=suggestion(path, known))
            if (other := owner.setdefault(path, factor.name)) != factor.name:
                errors.add(("compare", factor.name), f"'{path}' is varied by the factor '{other}' too")
        if len(errors.found) == before:
            sound.append(factor)
    return sound


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


def _check_match(draft: Declaration, factors: Sequence[Factor], task: AnyTask, errors: ErrorCollector) -> None:
    """Whether the task has a size to solve, can count what is asked for, and nothing else sets that size."""
    size = task.size_setting
    if size not in setting_fields(task.settings):
        errors.add(("match",), f"the task has no setting '{size}' that could be solved", advice="leave match out")
    if draft.match and draft.match.flops_per_token and not counts_flops(task):
        advice = f"match parameters, or define flops_per_token in tasks/{draft.task}/task.py (docs/add-a-task.md)"
        errors.add(("match", "flops_per_token"), "the task does not count its operations per token", advice=advice)
    rule = f"match solves '{size}', so it must not be set"
    if has(draft.settings, size):
        keys: KeyPath = ("settings", *size.split("."))
        errors.add(keys, rule, received=get(draft.settings, size), advice="leave one of them out (match=null)")
    for factor in factors:
        if any(size in level.sets for level in factor.levels):
            errors.add(("compare", factor.name), rule, advice="leave one of them out (match=null)")


def _check_arms(draft: Declaration, factors: Sequence[Factor], task: AnyTask | None, errors: ErrorCollector) -> None:
    number = count_arms(factors)
    if number > MOST_ARMS:
        errors.add(("compare",), f"must come to at most {MOST_ARMS} arms", received=number)
        return
    arms = {arm_name(factors, levels): levels for levels in combine(factors, draft.exclude)}
    named, baseline = dict(arms), draft.baseline
    if task and type(task).control is not Task.control and baseline is not None:
        with suppress(ValidationError, UserError):  # mistakes in settings are told elsewhere
            factors, drafted = draft_arms(draft, task)
            arms |= {arm.name: arm.levels for arm in drafted}
    if not named:
        errors.add(("exclude",), "leaves no arm")
    elif isinstance(baseline, str) and baseline not in arms:
        of = [factor.name for factor in factors if baseline in [level.name for level in factor.levels]]
        as_level = f"a level is written {{{of[0]}: {baseline}}}" if len(of) == 1 else ""
        advice = as_level or suggestion(baseline, arms)
        errors.add(("baseline",), "must be the name of an arm", received=baseline, advice=advice)
    elif isinstance(baseline, dict) and _check_rule(("baseline",), baseline, factors, errors):
        needed = {name: arm_name(factors, with_levels(factors, levels, baseline)) for name, levels in named.items()}
        if alone := next((name for name, other in needed.items() if other not in arms), None):
            rule = f"exclude leaves out what an arm is to be compared with, '{needed[alone]}'"
            errors.add(("baseline",), rule, received=alone, advice="exclude this arm too, or choose other levels")


def _check_rule(keys: KeyPath, rule: Mapping[str, Any], factors: Sequence[Factor], errors: ErrorCollector) -> bool:
    """Note a choice of levels that names none, or a factor or level that there is not; whether it is sound."""
    levels = {factor.name: [level.name for level in factor.levels] for factor in factors}
    before = len(errors.found)
    if not rule:
        errors.add(keys, "must name at least one level")
    for factor, value in rule.items():
        if factor not in levels:
            errors.add((*keys, factor), "is no factor of compare", advice=suggestion(factor, levels))
        elif (name := level_name(value)) not in levels[factor]:
            unknown, advice = "matches no arm: it is no level of this factor", suggestion(name, levels[factor])
            errors.add((*keys, factor), unknown, received=value, advice=advice)
    return len(errors.found) == before
