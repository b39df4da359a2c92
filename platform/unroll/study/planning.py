"""From a study to what is to be run: arms with their sizes and data, trials, jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unroll.contract import (
    TRAINING,
    VALIDATION,
    Dataset,
    Settings,
    UserError,
    UserErrors,
    find_locations,
    find_measurements,
    first_validation_metric,
)
from unroll.study._arms import DraftedArm, draft_arms
from unroll.study._check_parts import check_parts, check_warm_start
from unroll.study._factors import Factor, arm_name, with_levels
from unroll.study._origin import find_origin
from unroll.study._settings import Nested, dumped, get, put, validated, without
from unroll.study._size import count_parameters, count_tested, count_trained, solve_size, weight_sizes
from unroll.study._twins import merge_twins
from unroll.study._warm_starts import Sized, find_warm_starts, in_order
from unroll.study.declaration import Keep, Study
from unroll.study.identity import former_values, trial_id
from unroll.study.job import Job
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
    every = [_sized(study, task, arm, factors, drafted, cache) for arm in drafted]
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
    arms = _with_shared_weights(study, task, arms, sized, cache)
    seeded = [_seeded(study, task, sized, seed) for seed in study.seeds]
    begun = {arm.warm_start for arm in (*arms, *prepared)}
    alone = {arm.name for arm in arms if arm.seed_varies == () and arm.name not in begun}
    trials, preparations = (
        [of[arm.name] for of in seeded for arm in group if of is seeded[0] or arm.name not in alone]
        for group in (arms, prepared)
    )
    _refuse_absent("the metric that decides a study must be one that every arm logs", study.metric, arms, task)
    if monitoring := {trial.arm: trial.monitor for trial in trials if trial.monitor is not None}:
        rule = "the metric that selects a state or ends training early must be one that every such arm logs"
        selecting = [arm for arm in arms if arm.name in monitoring]
        _refuse_absent(rule, next(iter(monitoring.values())), selecting, task)
    if study.keep == "best":
        rule = "the metric by which the best weights are kept must be one that every arm logs"
        _refuse_absent(rule, _monitored(study, task), [arm for arm in arms if arm.steps != 0], task)
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
        sources={digest_sources(files): files for files in sources.values()},
        prepared=prepared,
        preparations=preparations,
    )


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
    sources, arms = {arm.name: arm.sources for arm in plan.every_arm}, {arm.name for arm in plan.arms}
    needed = {trial.warm_start for trial in plan.every_trial}
    keep: dict[str, Keep] = {trial.id: "last" if trial.id in needed else study.keep for trial in plan.every_trial}
    if study.keep == "best":  # what trains nothing has no best weights
        idle = {arm.name for arm in plan.every_arm if arm.steps == 0}
        keep |= {trial.id: "last" for trial in plan.every_trial if trial.arm in idle}
    return [
        Job(
            trial=trial,
            settings=_located(trial.settings, shared[trial.arm], locations),
            resources=study.resources,
            limits=study.limits,
            wandb=study.wandb,
            metric=study.metric if trial.arm in arms else None,
            log_every_steps=study.log_every_steps,
            keep=keep[trial.id],
            keep_by=_monitored(study, task) if keep[trial.id] == "best" else None,
            sources=sources[trial.arm],
            cache=os.path.abspath(cache),
        )
        for trial in plan.every_trial
    ]


def _sized(
    study: Study, task: AnyTask, drafted: DraftedArm, factors: list[Factor], every: list[DraftedArm], cache: Path
) -> Sized:
    """Prepare an arm's data, solve its size if asked to, and count it."""
    settings = drafted.settings
    with _placed(study.locations):
        dataset = task.prepare(settings, cache)
    if match := study.match:
        settings = validated(task.settings, solve_size(task, dumped(settings), dataset, match, drafted.name))
    arm = _counted(study, task, drafted.name, settings, dataset)
    update = {
        "levels": {factor.name: level.written for factor, level in zip(factors, drafted.levels, strict=True)},
        "baseline": _baseline(study, factors, drafted, every),
        "control": drafted.control,
    }
    return arm.model_copy(update=update), settings


def _prepared(study: Study, task: AnyTask, name: str, settings: Settings, cache: Path) -> Arm:
    """The same for what arms begin with: its size is theirs."""
    with _placed(study.locations):
        return _counted(study, task, name, settings, task.prepare(settings, cache))


def _counted(study: Study, task: AnyTask, name: str, settings: Settings, dataset: Dataset) -> Arm:
    check_parts(task, settings, dataset, keeps=study.keep != "none")
    match, idle = study.match, task.epochs(settings) == 0
    parameters, tested = (count(task, settings, dataset) for count in (count_parameters, count_tested))
    logged_in_training = (metric for metric in task.metrics if metric.startswith((TRAINING, VALIDATION)))
    return Arm(
        name=name,
        levels={},
        parameters=parameters,
        tested_parameters=None if tested == parameters else tested,
        trained_parameters=count_trained(task, settings, dataset),
        target_parameters=match.parameters if match else None,
        flops_per_token=task.flops_per_token(settings, dataset),
        target_flops_per_token=match.flops_per_token if match else None,
        bounds=dict(dataset.bounds),
        chance=dict(task.chance(settings, dataset)),
        facts={**dataset.facts, **find_origin(task, dumped(settings))},
        warnings=tuple(task.warnings(settings, dataset)),
        absent={
            **(dict.fromkeys(logged_in_training, "it trains nothing and is only tested") if idle else {}),
            **task.absent(settings, dataset),
        },
        fingerprint=dataset.fingerprint,
        steps=0 if idle else task.steps(settings, dataset),
        selects=not idle and task.selection(settings).best,
        seed_varies=None if (varies := task.seed_varies(settings)) is None else tuple(varies),
    )


def _with_shared_weights(
    study: Study, task: AnyTask, arms: list[Arm], sized: Mapping[str, Sized], cache: Path
) -> list[Arm]:
    """The arms with the share of their weights that their baselines have under the same name in the same shape.

    Arms that begin with other trials are left as they are, but for those that begin with the same one.
    """

    def sizes(name: str) -> dict[tuple[str, tuple[int, ...]], int]:
        if name not in known:
            settings = sized[name][1]
            with _placed(study.locations):
                known[name] = weight_sizes(task, settings, task.prepare(settings, cache))
        return known[name]

    known: dict[str, dict[tuple[str, tuple[int, ...]], int]] = {}
    starts = {arm.name: arm.warm_start for arm in arms}
    found = []
    for arm in arms:
        share, baseline = None, arm.baseline or arms[0].name
        if arm.name != baseline and starts[arm.name] is starts[baseline] is None:
            mine, other = sizes(arm.name), sizes(baseline)
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
            with _placed(study.locations):
                dataset = task.prepare(settings, cache)
            check_warm_start(task, settings, sized[arm.warm_start][1], dataset, arm.name)


@contextmanager
def _placed(locations: Mapping[str, str]) -> Iterator[None]:
    """Say of a mistake in the data where the study's file names their location."""
    try:
        yield
    except UserError as error:
        for each in error.errors if isinstance(error, UserErrors) else (error,):
            place = next((place for location, place in locations.items() if each.where.startswith(location)), None)
            if place:
                each.where = f"{place}: {each.where}"
        raise


def _seeded(study: Study, task: AnyTask, sized: Mapping[str, Sized], seed: int) -> dict[str, Trial]:
    """The trials of one seed by their arms, each begun with another one of these."""
    trials: dict[str, Trial] = {}
    for name in in_order({name: arm.warm_start for name, (arm, _) in sized.items()}):
        arm, settings = sized[name]
        start = trials[arm.warm_start].id if arm.warm_start is not None else None
        trials[name] = _trial(study, task, arm, settings, seed, start)
    return trials


def _trial(study: Study, task: AnyTask, arm: Arm, settings: Settings, seed: int, warm_start: str | None) -> Trial:
    monitors = task.selection(settings).monitors and task.epochs(settings) > 0
    monitor = _monitored(study, task) if monitors else None
    identity = trial_id(
        task=study.task,
        task_version=task.version,
        settings=settings,
        seed=seed,
        phase="confirm",
        fingerprint=arm.fingerprint,
        monitor=monitor,
        warm_start=warm_start,
    )
    return Trial(
        id=identity,
        study=study.name,
        task=study.task,
        task_version=task.version,
        arm=arm.name,
        seed=seed,
        phase="confirm",
        settings=without(dumped(settings), find_locations(task.settings)),
        former=former_values(settings),
        fingerprint=arm.fingerprint,
        parameters=arm.parameters,
        monitor=monitor,
        warm_start=warm_start,
    )


def _monitored(study: Study, task: AnyTask) -> str:
    """The validation metric by which states are selected: the study's own if it is one, else the task's first."""
    which, where = "that selects states or ends training early", f"tasks/{study.task}/task.py"
    first = first_validation_metric(task.metrics, task=which, where=where)
    return study.metric if study.metric.startswith(VALIDATION) else first


def _refuse_twins(every: list[Sized], task: AnyTask, study: Study) -> None:
    """Two arms with the same content would be one arm with two names."""
    seen: dict[str, str] = {}
    for arm, settings in every:
        content = _trial(study, task, arm, settings, study.seeds[0], None).id
        if (other := seen.setdefault(content, arm.name)) != arm.name:
            raise UserError("two arms are the same run", where="compare", received=f"'{other}' and '{arm.name}'")


def _refuse_absent(rule: str, metric: str, arms: list[Arm], task: AnyTask) -> None:
    """An arm that never logs what its study needs would train to its end for nothing."""
    reasons: dict[str, list[str]] = {}
    for arm in arms:
        if metric in arm.absent:
            reasons.setdefault(arm.absent[metric], []).append(arm.name)
    if not reasons:
        return
    whose = {reason: "" if len(names) == len(arms) else f" in {', '.join(names)}" for reason, names in reasons.items()}
    logged = [name for name in task.metrics if not any(name in arm.absent for arm in arms)]
    raise UserError(
        rule,
        where="metric",
        received=f"{metric}, but{'; '.join(f'{where} {reason}' for reason, where in whose.items())}",
        advice=f"choose among {', '.join(logged)}",
    )


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
