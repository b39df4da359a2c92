"""Check a declaration against its task: factors, settings of every arm, and what refers to them."""

from __future__ import annotations

from collections.abc import Sequence

from unroll.study._check_baseline import check_baseline, check_rule
from unroll.study._check_factors import sound_factors
from unroll.study._check_settings import check_settings
from unroll.study._document import KeyPath
from unroll.study._error_collector import ErrorCollector
from unroll.study._factors import MOST_ARMS, Factor, arm_name, combine, count_arms, read_factors
from unroll.study._settings import get, has, setting_fields
from unroll.study._size import tells_flops
from unroll.study.declaration import Declaration
from unroll.study.project import AnyTask, suggestion


def check_study(draft: Declaration, broken: set[str], task: AnyTask | None, errors: ErrorCollector) -> None:
    """Note every mistake; ``broken`` names the keys that were noted already and hold stand-ins."""
    if task and draft.metric and draft.metric not in task.metrics:
        advice = suggestion(draft.metric, sorted(task.metrics, key=lambda name: not name.startswith("validation/")))
        errors.add(("metric",), "the task has no such metric", received=draft.metric, advice=advice)
    factors = read_factors(draft.compare) if "compare" not in broken else []
    sound = sound_factors(factors, task, errors)
    _check_match(draft, factors, task, errors)
    if factors and sound == factors:
        _check_exclude(draft, factors, errors)
        _check_arms(draft, factors, errors)
    if task:
        check_settings(draft, sound, task, errors)


def _check_match(draft: Declaration, factors: Sequence[Factor], task: AnyTask | None, errors: ErrorCollector) -> None:
    if not (draft.match and task):
        return
    _check_measure(draft, task, errors)
    size = task.size_setting
    rule = f"match solves '{size}', so it must not be set"
    if has(draft.settings, size):
        keys: KeyPath = ("settings", *size.split("."))
        errors.add(keys, rule, received=get(draft.settings, size), advice="leave one of them out (match=null)")
    for factor in factors:
        if any(size in level.sets for level in factor.levels):
            errors.add(("compare", factor.name), rule, advice="leave one of them out (match=null)")


def _check_measure(draft: Declaration, task: AnyTask, errors: ErrorCollector) -> None:
    """Whether the task has a size to solve, and can count what is asked for."""
    size = task.size_setting
    if size not in setting_fields(task.settings):
        errors.add(("match",), f"the task has no setting '{size}' that could be solved", advice="leave match out")
    if draft.match and draft.match.flops_per_token and not tells_flops(task):
        advice = f"match parameters, or define flops_per_token in tasks/{draft.task}/task.py (docs/add-a-task.md)"
        errors.add(("match", "flops_per_token"), "the task does not tell its operations per token", advice=advice)


def _check_exclude(draft: Declaration, factors: Sequence[Factor], errors: ErrorCollector) -> None:
    for index, rule in enumerate(draft.exclude):
        check_rule(("exclude", index), rule, factors, errors)


def _check_arms(draft: Declaration, factors: Sequence[Factor], errors: ErrorCollector) -> None:
    number = count_arms(factors)
    if number > MOST_ARMS:
        errors.add(("compare",), f"must come to at most {MOST_ARMS} arms", received=number)
        return
    names = [arm_name(factors, levels) for levels in combine(factors, draft.exclude)]
    if not names:
        errors.add(("exclude",), "leaves no arm")
    elif draft.baseline is not None:
        check_baseline(draft.baseline, factors, draft.exclude, errors)
