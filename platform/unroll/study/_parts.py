"""What a study's parts come to: an arm with its size and facts, a trial with its id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from unroll.contract import (
    TRAINING,
    VALIDATION,
    Dataset,
    Settings,
    UserError,
    UserErrors,
    find_locations,
    first_validation_metric,
)
from unroll.study._check_parts import check_parts
from unroll.study._origin import find_origin
from unroll.study._settings import dumped, without
from unroll.study._size import count_parameters, count_tested, count_trained
from unroll.study.declaration import Study
from unroll.study.identity import former_values, trial_id
from unroll.study.plan import Arm
from unroll.study.project import AnyTask
from unroll.study.trial import Phase, Trial


def count_arm(study: Study, task: AnyTask, name: str, settings: Settings, dataset: Dataset) -> Arm:
    """An arm with its size, which is counted, and what its task says of its data."""
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
        score_bytes=task.example_score_bytes(settings, dataset),
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


@contextmanager
def placed(locations: Mapping[str, str]) -> Iterator[None]:
    """Say of a mistake in the data where the study's file names their location."""
    try:
        yield
    except UserError as error:
        for each in error.errors if isinstance(error, UserErrors) else (error,):
            place = next((place for location, place in locations.items() if each.where.startswith(location)), None)
            if place:
                each.where = f"{place}: {each.where}"
        raise


def make_trial(
    study: Study,
    task: AnyTask,
    arm: Arm,
    settings: Settings,
    seed: int,
    *,
    warm_start: str | None = None,
    phase: Phase = "confirm",
    draw: int | None = None,
    tuning: str | None = None,
) -> Trial:
    """A trial of an arm.

    Args:
        study: the arm's.
        task: the study's.
        arm: whose parameters and data the trial has.
        settings: the trial's own.
        seed: likewise.
        warm_start: id of the trial whose final weights it begins with.
        phase: ``tune`` or ``confirm``.
        draw: number of the draw that it tries.
        tuning: id of the tuning that will choose its settings: it is pending.
    """
    tune = study.tune if phase == "tune" else None
    scheduler = tune.scheduler if tune and tune.scheduler != "none" else None
    monitors = task.selection(settings).monitors and task.epochs(settings) > 0
    monitor = monitored(study, task) if monitors else None
    identity = trial_id(
        task=study.task,
        task_version=task.version,
        settings=settings,
        seed=seed,
        phase=phase,
        fingerprint=arm.fingerprint,
        monitor=monitor,
        warm_start=warm_start,
        scheduler=scheduler,
        tuning=tuning,
        copy_number=arm.copy_number,
    )
    return Trial(
        id=identity,
        study=study.name,
        task=study.task,
        task_version=task.version,
        arm=arm.name,
        seed=seed,
        phase=phase,
        settings=without(dumped(settings), find_locations(task.settings)),
        former=former_values(settings),
        fingerprint=arm.fingerprint,
        parameters=arm.parameters,
        monitor=monitor,
        warm_start=warm_start,
        scheduler=scheduler,
        draw=draw,
        copy_number=arm.copy_number,
        pending=tuning is not None,
    )


def monitored(study: Study, task: AnyTask) -> str:
    """The validation metric by which states are selected: the study's own if it is one, else the task's first."""
    which, where = "that selects states or ends training early", f"tasks/{study.task}/task.py"
    first = first_validation_metric(task.metrics, task=which, where=where)
    return study.metric if study.metric.startswith(VALIDATION) else first


def refuse_absent(rule: str, metric: str, arms: Sequence[Arm], task: AnyTask, *, where: str = "metric") -> None:
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
        where=where,
        received=f"{metric}, but{'; '.join(f'{of} {reason}' for reason, of in whose.items())}",
        advice=f"choose among {', '.join(logged)}",
    )
