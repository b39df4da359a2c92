"""From a study to what is to be run: arms with their sizes and data, trials, jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unroll.contract import (
    VALIDATION,
    Settings,
    UserError,
    UserErrors,
    find_locations,
    find_measurements,
    first_validation_metric,
)
from unroll.study._check_parts import check_parts
from unroll.study._factors import Factor, Level, arm_name, arm_settings, combine, read_factors, with_levels
from unroll.study._settings import Nested, dumped, get, put, validated, without
from unroll.study._size import count_parameters, count_trained, solve_size, with_any_size
from unroll.study._twins import merge_twins
from unroll.study.declaration import Study
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
            be matched, two arms are the same or measured differently, or one never logs the study's metric.
    """
    task = load_task(study.task)
    every = [_sized(study, task, name, levels, cache) for name, levels in _arms(study)]
    _refuse_twins([_trial(study, task, arm, settings, study.seeds[0]) for arm, settings in every])
    sized = merge_twins(every, task)
    locations = find_locations(task.settings)
    sources = [find_sources(study.task, without(dumped(settings), locations)) for _, settings in sized]
    arms = [
        arm.model_copy(update={"sources": digest_sources(files)})
        for (arm, _), files in zip(sized, sources, strict=True)
    ]
    trials = [_trial(study, task, arm, settings, seed) for seed in study.seeds for arm, settings in sized]
    _refuse_absent("the metric that decides a study must be one that every arm logs", study.metric, arms, task)
    if monitoring := {trial.arm: trial.monitor for trial in trials if trial.monitor is not None}:
        rule = "the metric that selects a state or ends training early must be one that every such arm logs"
        selecting = [arm for arm in arms if arm.name in monitoring]
        _refuse_absent(rule, next(iter(monitoring.values())), selecting, task)
    if study.keep == "best":
        rule = "the metric by which the best weights are kept must be one that every arm logs"
        _refuse_absent(rule, _monitored(study, task), arms, task)
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
            name: MetricSpec(direction=metric.direction, unit=metric.unit, description=metric.description)
            for name, metric in task.metrics.items()
            if not all(name in arm.absent for arm in arms)
        },
        baseline=arms[0].baseline or arms[0].name,
        factors={factor.name: [level.name for level in factor.levels] for factor in read_factors(study.compare)},
        arms=arms,
        trials=trials,
        declaration=_declaration(study, task),
        overrides=_changes(study, task),
        fallen=study.fallen,
        sources={digest_sources(files): files for files in sources},
    )


def make_jobs(plan: Plan, study: Study, *, cache: Path) -> list[Job]:
    """Give every trial what a worker needs beside it: locations, resources, limits.

    Args:
        plan: made from ``study``.
        study: where the locations are.
        cache: folder for prepared data on whatever node a job runs.
    """
    task = load_task(study.task)
    locations = find_locations(task.settings)
    shared = {arm: _complete(study, task, levels) for arm, levels in _arms(study)}
    sources = {arm.name: arm.sources for arm in plan.arms}
    return [
        Job(
            trial=trial,
            settings=_located(trial.settings, shared[trial.arm], locations),
            resources=study.resources,
            limits=study.limits,
            wandb=study.wandb,
            metric=study.metric,
            log_every_steps=study.log_every_steps,
            keep=study.keep,
            keep_by=_monitored(study, task) if study.keep == "best" else None,
            sources=sources[trial.arm],
            cache=os.path.abspath(cache),
        )
        for trial in plan.trials
    ]


def _arms(study: Study) -> Iterator[tuple[str, tuple[Level, ...]]]:
    factors = read_factors(study.compare)
    for levels in combine(factors, study.exclude):
        yield arm_name(factors, levels), levels


def _complete(study: Study, task: AnyTask, levels: tuple[Level, ...]) -> Settings:
    """Validated settings of an arm; where ``match`` solves the size, with some size."""
    settings = arm_settings(study.settings, levels)
    return validated(task.settings, with_any_size(settings, task) if study.match else settings)


def _sized(study: Study, task: AnyTask, name: str, levels: tuple[Level, ...], cache: Path) -> tuple[Arm, Settings]:
    """Prepare an arm's data, solve its size if asked to, and count it."""
    settings = _complete(study, task, levels)
    with _placed(study.locations):
        dataset = task.prepare(settings, cache)
    if match := study.match:
        settings = validated(task.settings, solve_size(task, dumped(settings), dataset, match, name))
    check_parts(task, settings, dataset, keeps=study.keep != "none")
    factors = read_factors(study.compare)
    arm = Arm(
        name=name,
        levels={factor.name: level.written for factor, level in zip(factors, levels, strict=True)},
        baseline=_baseline(study, factors, levels),
        parameters=count_parameters(task, settings, dataset),
        trained_parameters=count_trained(task, settings, dataset),
        target_parameters=match.parameters if match else None,
        flops_per_token=task.flops_per_token(settings, dataset),
        target_flops_per_token=match.flops_per_token if match else None,
        bounds=dict(dataset.bounds),
        chance=dict(task.chance(settings, dataset)),
        facts=dict(dataset.facts),
        warnings=tuple(task.warnings(settings, dataset)),
        absent=dict(task.absent(settings, dataset)),
        fingerprint=dataset.fingerprint,
        steps=task.steps(settings, dataset),
        selects=task.selection(settings).best,
    )
    return arm, settings


def _baseline(study: Study, factors: list[Factor], levels: tuple[Level, ...]) -> str:
    """Name of the arm that the one of these levels is compared to."""
    if isinstance(study.baseline, str):
        return study.baseline
    return arm_name(factors, with_levels(factors, levels, study.baseline))


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


def _trial(study: Study, task: AnyTask, arm: Arm, settings: Settings, seed: int) -> Trial:
    monitor = _monitored(study, task) if task.selection(settings).monitors else None
    identity = trial_id(
        task=study.task,
        task_version=task.version,
        settings=settings,
        seed=seed,
        phase="confirm",
        fingerprint=arm.fingerprint,
        monitor=monitor,
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
    )


def _monitored(study: Study, task: AnyTask) -> str:
    """The validation metric by which states are selected: the study's own if it is one, else the task's first."""
    which, where = "that selects states or ends training early", f"tasks/{study.task}/task.py"
    first = first_validation_metric(task.metrics, task=which, where=where)
    return study.metric if study.metric.startswith(VALIDATION) else first


def _refuse_twins(trials: list[Trial]) -> None:
    """Two arms with the same content would be one arm with two names."""
    seen: dict[str, str] = {}
    for trial in trials:
        if (other := seen.setdefault(trial.id, trial.arm)) != trial.arm:
            raise UserError("two arms are the same run", where="compare", received=f"'{other}' and '{trial.arm}'")


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
