"""From a study to what is to be run: arms with their sizes and data, trials, jobs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unroll.contract import (
    Settings,
    UserError,
    find_locations,
    find_measurements,
)
from unroll.study._arms import DraftedArm, draft_arms
from unroll.study._check_parts import check_warm_start
from unroll.study._factors import Factor, arm_name, with_levels
from unroll.study._parts import count_arm, make_trial, monitored, placed, refuse_absent
from unroll.study._settings import Nested, dumped, get, put, validated, without
from unroll.study._size import Weights, solve_size, weight_sizes
from unroll.study._tuned_arms import Tuned, plan_tuning
from unroll.study._twins import merge_twins
from unroll.study._warm_starts import Sized, find_warm_starts, in_order
from unroll.study.claims import Claim, read_claim, without_twins
from unroll.study.declaration import Keep, Study
from unroll.study.job import Awaited, Job
from unroll.study.plan import Arm, MetricSpec, Plan
from unroll.study.project import AnyTask, load_task
from unroll.study.sources import digest_sources, find_sources
from unroll.study.trial import Trial

_HOW = frozenset({"seeds", "resources", "limits", "wandb", "log_every_steps", "keep"})
"""Keys of a study that decide how much of it is run and how, not what is asked."""


def make_plan(study: Study, *, cache: Path) -> Plan:
    """Prepare the data on this node, size every arm, and list all trials.

    Args:
        study: as :func:`load_study` returns it.
        cache: folder for prepared data on this node.

    Raises:
        UserError: data are missing or malformed, the task's module or data lack what the platform calls, a size cannot
            be matched, two arms are the same or measured differently, one never logs the study's metric, or one cannot
            begin with what its task says.
    """
    task = load_task(study.task)
    factors, drafted = draft_arms(study, task)
    weights: dict[str, Weights] = {}
    every = [_sized(study, task, arm, factors, drafted, cache, weights) for arm in drafted]
    _refuse_twins(every, task, study)
    found = find_warm_starts(
        merge_twins(every, task), task, lambda name, settings: _prepared(study, task, name, settings, cache)
    )
    sized = {arm.name: (arm, settings) for arm, settings in (*found.prepared, *found.arms)}
    _check_warm_starts(sized, task, study, cache)
    locations = find_locations(task.settings)
    sources = {
        name: find_sources(study.task, without(dumped(settings), locations)) for name, (_, settings) in sized.items()
    }
    arms, prepared = (
        [arm.model_copy(update={"sources": digest_sources(sources[arm.name])}) for arm, _ in group]
        for group in (found.arms, found.prepared)
    )
    arms = _with_shared_weights(arms, weights)
    tuned = plan_tuning(study, task, [(arm, sized[arm.name][1]) for arm in arms], cache)
    arms, sized = tuned.arms, sized | {arm.name: (arm, sized[arm.name][1]) for arm in tuned.arms}
    seeded = [_seeded(study, task, sized, seed) for seed in study.seeds]
    begun = {arm.warm_start for arm in (*arms, *prepared)}
    alone = {arm.name for arm in arms if arm.seed_varies == () and arm.name not in begun}
    trials, preparations = (
        [of[arm.name] for of in seeded for arm in group if of is seeded[0] or arm.name not in alone]
        for group in (arms, prepared)
    )
    trials, preparations, reserve = _first_look(study, trials, preparations)
    _refuse_unlogged(study, task, arms, trials)
    _refuse_unlike_measures(trials, find_measurements(task.settings))
    return Plan(
        study=study.name,
        question=study.question,
        task=study.task,
        task_version=task.version,
        item=task.item,
        size_setting=task.size_setting,
        metric=study.metric,
        metrics={
            name: MetricSpec(
                direction=metric.direction, unit=metric.unit, description=metric.description, scale=metric.scale
            )
            for name, metric in task.metrics.items()
            if not all(name in arm.absent for arm in arms)
        },
        baseline=arms[0].baseline or arms[0].name,
        factors={factor.name: [level.name for level in factor.levels] for factor in factors},
        arms=arms,
        trials=trials,
        declaration=_declaration(study, task),
        overrides=_changes(study, task),
        fallen=study.fallen,
        sources={digest_sources(files): files for files in (*sources.values(), *tuned.sources.values())},
        prepared=prepared,
        preparations=preparations,
        tuning=study.tune,
        tune_trials=tuned.trials,
        other_sources=_other_sources(tuned),
        claims=_read_claims(study, task, factors, drafted, arms),
        looks=study.looks,
        reserve=reserve,
    )


def _first_look(
    study: Study, trials: list[Trial], preparations: list[Trial]
) -> tuple[list[Trial], list[Trial], list[Trial]]:
    """Trials and preparations of the first look, and all that later ones may ask for; all at once without looks."""
    if study.looks is None:
        return trials, preparations, []
    first = set(study.looks.seeds[: study.looks.start])
    reserve = [trial for trial in (*preparations, *trials) if trial.seed not in first]
    now, before = ([trial for trial in group if trial.seed in first] for group in (trials, preparations))
    return now, before, reserve


def _other_sources(tuned: Tuned) -> dict[str, str]:
    arms = {arm.name: arm.sources for arm in tuned.arms}
    digests = {trial.id: digest_sources(tuned.sources[trial.id]) for trial in tuned.trials}
    return {trial.id: digests[trial.id] for trial in tuned.trials if digests[trial.id] != arms[trial.arm]}


def make_jobs(plan: Plan, study: Study, *, cache: Path) -> list[Job]:
    """Give every trial, preparations first, what a worker needs beside it: locations, resources, limits.

    Args:
        plan: made from ``study``.
        study: where the locations are.
        cache: folder for prepared data on whatever node a job runs.
    """
    task = load_task(study.task)
    locations = find_locations(task.settings)
    shared = {arm.name: arm.settings for arm in draft_arms(study, task)[1]}
    begun = {arm.name: arm.warm_start for arm in plan.every_arm}
    for name in reversed([*in_order(begun)]):
        if (start := begun[name]) is not None and (settings := task.warm_start(shared[name])) is not None:
            shared.setdefault(start, settings)
    sources, arms = plan.sources_of, {arm.name: arm for arm in plan.arms}
    needed = {trial.warm_start for trial in plan.every_trial}
    keep: dict[str, Keep] = {trial.id: "last" if trial.id in needed else study.keep for trial in plan.every_trial}
    if study.keep == "best":  # what trains nothing has no best weights
        idle = {arm.name for arm in plan.every_arm if arm.steps == 0}
        keep |= {trial.id: "last" for trial in plan.every_trial if trial.arm in idle}
    keep |= {trial.id: "none" for trial in plan.tune_trials}
    return [
        Job(
            trial=trial,
            settings=_located(trial.settings, shared[trial.arm], locations),
            resources=study.resources,
            limits=study.limits,
            wandb=study.wandb,
            metric=(plan.tuning.metric if plan.tuning and trial.phase == "tune" else study.metric)
            if trial.arm in arms
            else None,
            log_every_steps=study.log_every_steps,
            keep=keep[trial.id],
            keep_by=monitored(study, task) if keep[trial.id] == "best" else None,
            sources=sources[trial.id],
            awaits=_awaited(plan, arms[trial.arm]) if trial.pending else None,
            cache=os.path.abspath(cache),
        )
        for trial in plan.every_trial
    ]


def _awaited(plan: Plan, arm: Arm) -> Awaited | None:
    """What pending trials of an arm wait for."""
    if plan.tuning is None or plan.tuning.metric is None or arm.tuning is None:
        return None
    return Awaited(
        tuning=arm.tuning,
        draws=arm.draws,
        searched=tuple(plan.tuning.search),
        metric=plan.tuning.metric,
        direction=plan.metrics[plan.tuning.metric].direction,
    )


def _sized(
    study: Study,
    task: AnyTask,
    drafted: DraftedArm,
    factors: list[Factor],
    every: list[DraftedArm],
    cache: Path,
    weights: dict[str, Weights],
) -> Sized:
    """Prepare an arm's data, solve its size if asked to, and count it; its weights are added to ``weights``."""
    settings = drafted.settings
    with placed(study.locations):
        dataset = task.prepare(settings, cache)
    if match := study.match:
        settings = validated(task.settings, solve_size(task, dumped(settings), dataset, match, drafted.name))
    arm = count_arm(study, task, drafted.name, settings, dataset)
    weights[arm.name] = weight_sizes(task, settings, dataset)
    update = {
        "levels": {factor.name: level.written for factor, level in zip(factors, drafted.levels, strict=True)},
        "baseline": _baseline(study, factors, drafted, every),
        "control": drafted.control,
        "copy_number": drafted.copy,
    }
    return arm.model_copy(update=update), settings


def _prepared(study: Study, task: AnyTask, name: str, settings: Settings, cache: Path) -> Arm:
    """The same for what arms begin with: its size is theirs."""
    with placed(study.locations):
        return count_arm(study, task, name, settings, task.prepare(settings, cache))


def _with_shared_weights(arms: list[Arm], weights: Mapping[str, Weights]) -> list[Arm]:
    """The arms with the share of their weights that their baselines have under the same name in the same shape.

    Arms that begin with other trials are left as they are, but for those that begin with the same one.
    """
    starts = {arm.name: arm.warm_start for arm in arms}
    found = []
    for arm in arms:
        share, baseline = None, arm.baseline or arms[0].name
        if arm.name != baseline and starts[arm.name] is starts[baseline] is None:
            mine, other = weights[arm.name], weights[baseline]
            if mine:
                share = sum(number for weight, number in mine.items() if weight in other) / sum(mine.values())
        elif arm.name != baseline and starts[arm.name] == starts[baseline]:
            share = 1.0
        found.append(arm.model_copy(update={"shared_weights": share}))
    return found


def _baseline(study: Study, factors: list[Factor], arm: DraftedArm, every: list[DraftedArm]) -> str:
    """Name of the arm that one is compared to: an added control to itself where its own baseline is excluded."""
    if isinstance(study.baseline, str):
        return study.baseline
    name = arm_name(factors, with_levels(factors, arm.levels, study.baseline))
    return name if any(name == other.name for other in every) else arm.name


def _check_warm_starts(sized: Mapping[str, Sized], task: AnyTask, study: Study, cache: Path) -> None:
    for arm, settings in sized.values():
        if arm.warm_start is not None:
            with placed(study.locations):
                dataset = task.prepare(settings, cache)
            check_warm_start(task, settings, sized[arm.warm_start][1], dataset, arm.name)


def _seeded(study: Study, task: AnyTask, sized: Mapping[str, Sized], seed: int) -> dict[str, Trial]:
    """The trials of one seed by their arms, each begun with another one of these."""
    trials: dict[str, Trial] = {}
    for name in in_order({name: arm.warm_start for name, (arm, _) in sized.items()}):
        arm, settings = sized[name]
        start = trials[arm.warm_start].id if arm.warm_start is not None else None
        trials[name] = make_trial(study, task, arm, settings, seed, warm_start=start, tuning=arm.tuning)
    return trials


def _refuse_unlogged(study: Study, task: AnyTask, arms: list[Arm], trials: list[Trial]) -> None:
    """What decides, what selects a state and what keeps weights must be metrics that the arms log."""
    refuse_absent("the metric that decides a study must be one that every arm logs", study.metric, arms, task)
    if monitoring := {trial.arm: trial.monitor for trial in trials if trial.monitor is not None}:
        rule = "the metric that selects a state or ends training early must be one that every such arm logs"
        selecting = [arm for arm in arms if arm.name in monitoring]
        refuse_absent(rule, next(iter(monitoring.values())), selecting, task)
    if study.keep == "best":
        rule = "the metric by which the best weights are kept must be one that every arm logs"
        refuse_absent(rule, monitored(study, task), [arm for arm in arms if arm.steps != 0], task)


def _refuse_twins(every: list[Sized], task: AnyTask, study: Study) -> None:
    """Two arms with the same content would be one arm with two names."""
    seen: dict[str, str] = {}
    for arm, settings in every:
        content = make_trial(study, task, arm, settings, study.seeds[0]).id
        if (other := seen.setdefault(content, arm.name)) != arm.name:
            raise UserError("two arms are the same run", where="compare", received=f"'{other}' and '{arm.name}'")


def _read_claims(
    study: Study, task: AnyTask, factors: list[Factor], drafted: list[DraftedArm], arms: list[Arm]
) -> list[Claim]:
    """The claims of a study, of the arms that are trained."""
    levels = {arm.name: arm.levels for arm in drafted}
    added = [arm.name for arm in drafted if arm.control]
    trained = {name: arm.name for arm in arms for name in (arm.name, *arm.twins)}
    read = [
        read_claim(text, factors, levels, added=added, metrics=task.metrics, metric=study.metric)
        for text in study.claims
    ]
    claims = [without_twins(claim, trained) for claim in read]
    for claim in claims:
        rule = f"a claim's metric must be one that its arms log: '{claim.text}'"
        refuse_absent(rule, claim.metric, [arm for arm in arms if arm.name in claim.arms], task, where="claims")
    return claims


def _refuse_unlike_measures(trials: list[Trial], measurements: frozenset[str]) -> None:
    """Arms that are measured differently cannot be compared."""
    first = trials[0]
    for path in sorted(measurements):
        for trial in trials:
            if (value := get(trial.settings, path)) != (other := get(first.settings, path)):
                raise UserError(
                    f"all arms must agree in {path}: it says how a result is measured, not what is learned",
                    where="compare",
                    received=f"{other} in '{first.arm}', {value} in '{trial.arm}'",
                    advice="set it under settings, once for all arms",
                )


def _located(settings: Nested, shared: Settings, locations: frozenset[str]) -> Nested:
    """Settings of a record with the locations of this machine."""
    located, here = without(settings, ()), dumped(shared)
    for path in sorted(locations):
        put(located, path, get(here, path))
    return located


def _changes(study: Study, task: AnyTask) -> tuple[str, ...]:
    locations = find_locations(task.settings)
    keys = {each: each.partition("=")[0] for each in study.overrides}
    return tuple(each for each, key in keys.items() if key not in locations and key.partition(".")[0] not in _HOW)


def _declaration(study: Study, task: AnyTask) -> dict[str, Any]:
    """The study as declared, after overrides and defaults, without locations and without where it lies."""
    locations = find_locations(task.settings)
    declared = study.model_dump(mode="json", exclude={"name", "file", "overrides", "fallen", "locations"})
    declared["settings"] = without(declared["settings"], locations)
    declared["compare"] = {
        factor: levels
        if isinstance(levels, list)
        else {name: without(sets, locations) for name, sets in levels.items()}
        for factor, levels in declared["compare"].items()
    }
    return declared
