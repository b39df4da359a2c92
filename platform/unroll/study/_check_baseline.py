"""Check what chooses arms by their levels: baselines and rules of ``exclude``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unroll.study._document import KeyPath
from unroll.study._error_collector import ErrorCollector
from unroll.study._factors import Factor, arm_name, combine, level_name, with_levels
from unroll.study.project import suggestion


def check_baseline(
    baseline: str | dict[str, Any],
    factors: Sequence[Factor],
    exclude: Sequence[Mapping[str, Any]],
    errors: ErrorCollector,
) -> None:
    """Note a baseline that is no arm, and arms whose baseline was left out."""
    arms = {arm_name(factors, levels): levels for levels in combine(factors, exclude)}
    if isinstance(baseline, str):
        if baseline not in arms:
            advice = _level_advice(baseline, factors) or suggestion(baseline, arms)
            errors.add(("baseline",), "must be the name of an arm", received=baseline, advice=advice)
    elif check_rule(("baseline",), baseline, factors, errors):
        needed = {name: arm_name(factors, with_levels(factors, levels, baseline)) for name, levels in arms.items()}
        alone = next((name for name, other in needed.items() if other not in arms), None)
        if alone:
            rule = f"exclude leaves out what an arm is to be compared with, '{needed[alone]}'"
            errors.add(("baseline",), rule, received=alone, advice="exclude this arm too, or choose other levels")


def check_rule(keys: KeyPath, rule: Mapping[str, Any], factors: Sequence[Factor], errors: ErrorCollector) -> bool:
    """Note a rule that names no level, or a factor or level that there is not; whether it is sound."""
    levels = {factor.name: [level.name for level in factor.levels] for factor in factors}
    before = len(errors.found)
    if not rule:
        errors.add(keys, "must name at least one level")
    for factor, value in rule.items():
        if factor not in levels:
            errors.add((*keys, factor), "is no factor of compare", advice=suggestion(factor, levels))
        elif (name := level_name(value)) not in levels[factor]:
            told, advice = "matches no arm: it is no level of this factor", suggestion(name, levels[factor])
            errors.add((*keys, factor), told, received=value, advice=advice)
    return len(errors.found) == before


def _level_advice(name: str, factors: Sequence[Factor]) -> str:
    """Of a level that was taken for an arm, how it is written."""
    of = [factor.name for factor in factors if name in [level.name for level in factor.levels]]
    return f"a level is written {{{of[0]}: {name}}}" if len(of) == 1 else ""
