"""Which arms are compared with each other, and what they are called among themselves."""

from __future__ import annotations

from dataclasses import dataclass

from unroll.study._factors import level_name, name_levels, short_names, spell_levels
from unroll.study.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A baseline and the arms that are compared with it.

    Args:
        baseline: its arm.
        shared: the levels that set these arms apart from those of other groups (``length=20``); empty where there is no
            other group.
        labels: arm -> what it is called within the group (``lstm``), baseline first, the others as planned.
    """

    baseline: str
    shared: str
    labels: dict[str, str]


def find_groups(plan: Plan) -> list[Group]:
    """The groups of a plan in the order in which it first names an arm of each; every arm is in one."""
    members = {baseline: [baseline] for baseline in plan.baselines.values()}
    for arm, baseline in plan.baselines.items():
        if arm != baseline:
            members[baseline].append(arm)
    if len(members) > 1:
        return [_group(plan, baseline, arms) for baseline, arms in members.items()]
    return [
        Group(baseline=baseline, shared="", labels={arm: arm for arm in arms}) for baseline, arms in members.items()
    ]


def _group(plan: Plan, baseline: str, arms: list[str]) -> Group:
    """One of several groups: its name is what all share, names within it are what they do not."""
    levels = {arm.name: arm.levels for arm in plan.arms}
    shared = {factor: levels[baseline][factor] for factor in kept_factors(plan)}
    own = {arm: {factor: levels[arm][factor] for factor in varied_factors(plan)} for arm in arms}
    labels = {arm: name_levels(own[arm], plan.factors) for arm in arms}
    return Group(baseline=baseline, shared=spell_levels(shared, plan.factors), labels=labels)


def short_factors(plan: Plan, factors: list[str]) -> list[str]:
    """What these factors are called beside all of the plan: ``length``, ``depth``."""
    names = short_names(plan.factors)
    return [names[factor] for factor in factors]


def kept_factors(plan: Plan) -> list[str]:
    """Factors of several levels in which every arm agrees with its baseline: what sets groups apart."""
    several = {f for f in plan.factors if len({level_name(arm.levels.get(f)) for arm in plan.arms}) > 1}
    differing = _differing(plan)
    return [factor for factor in plan.factors if factor in several and factor not in differing]


def varied_factors(plan: Plan) -> list[str]:
    """Factors in which arms differ from their baselines; where none does, those that do not set groups apart."""
    kept = kept_factors(plan)
    return _differing(plan) or [factor for factor in plan.factors if factor not in kept]


def _differing(plan: Plan) -> list[str]:
    levels = {arm.name: arm.levels for arm in plan.arms}
    pairs = [(levels[arm], levels[other]) for arm, other in plan.baselines.items()]
    return [f for f in plan.factors if any(mine.get(f) != other.get(f) for mine, other in pairs)]


def level_names(plan: Plan) -> dict[str, dict[str, str]]:
    """Arm -> the name of its level of each factor."""
    return {arm.name: {factor: level_name(level) for factor, level in arm.levels.items()} for arm in plan.arms}
