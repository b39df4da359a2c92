"""The search of settings before arms are compared: what is drawn, what a tuning is called, and what it has chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from unroll.contract import Settings, derive_seed, find_locations
from unroll.study._settings import Nested, dumped, get, put, validated, without
from unroll.study.declaration import Distribution, Tune
from unroll.study.identity import former_values, name_content, trial_id
from unroll.study.job import Job
from unroll.study.project import AnyTask, load_task
from unroll.study.sources import digest_sources, find_sources
from unroll.study.trial import TRIAL_ID, Count, Finite, Frozen, Trial

DIGITS = 4
"""Significant digits of a drawn number: enough to search by, few enough for every machine to agree on them."""


class Candidate(Frozen):
    """What came of one draw."""

    draw: Count
    values: dict[str, Any]
    """Searched setting -> what it was; of a setting that the arm has no use for, its own value."""
    trials: tuple[str, ...]
    """One per tuning seed."""
    statuses: tuple[str, ...]
    value: Finite | None
    """Mean of the metric over the tuning seeds; None unless every trial completed with a finite value."""


class Winner(Frozen):
    """The settings that the tuning of one arm has chosen: written once, and never changed by what comes later."""

    tuning: str = Field(pattern=TRIAL_ID)
    study: str
    arm: str
    metric: str
    draw: Count
    value: Finite
    """What chose it: the mean of ``metric`` over the tuning seeds."""
    settings: dict[str, Any]
    """Complete nested settings of the winner, without locations."""
    parameters: Count
    monitor: str | None
    candidates: list[Candidate]
    """All draws, in order: from what was chosen."""
    frozen: str
    """When, UTC."""

    @model_validator(mode="after")
    def _is_a_candidate(self) -> Self:
        """Readers take the winner's draw from the candidates by its number."""
        if not (self.draw < len(self.candidates) and self.candidates[self.draw].draw == self.draw):
            raise ValueError("the chosen draw must be one of the candidates, which stand in order")
        return self


BORDER = 0.1
"""Share of a search, at either end and on the scale that is drawn on, that counts as its border."""


Side = Literal["lower", "upper"]


class Border(Frozen):
    """A searched setting whose winner lies where the search ends."""

    arm: str
    path: str
    value: Any
    side: Side
    low: Any
    high: Any


def find_borders(winner: Winner, tune: Tune) -> list[Border]:
    """The settings whose chosen value lies in the outer tenth of their search, and no tried value is further out.

    Of choices those count that are numbers, from three on: the smallest and the largest. The study's own settings may
    lie beyond the search.
    """
    chosen, found = winner.candidates[winner.draw].values, []
    for path, where in tune.search.items():
        tried = [candidate.values[path] for candidate in winner.candidates]
        choices = where.bounds if where.kind == "choice" else []
        if not all(_is_number(value) for value in (*tried, *choices)) or len(set(tried)) == 1:
            continue
        if choices and len(set(choices)) <= 2:
            continue
        low, high = min(where.bounds), max(where.bounds)
        value, width = chosen[path], 0.0 if choices else BORDER
        share = _share(where, value)
        side: Side | None = None
        if value == min(tried) and share <= width:
            side = "lower"
        elif value == max(tried) and share >= 1 - width:
            side = "upper"
        if side:
            found.append(Border(arm=winner.arm, path=path, value=value, side=side, low=low, high=high))
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _share(where: Distribution, value: float) -> float:
    """How much of a search lies below a value."""
    low, high = float(min(where.bounds)), float(max(where.bounds))
    if where.log_uniform is not None:
        return math.log(value / low) / math.log(high / low) if value > 0 else 0.0
    return (value - low) / (high - low)


def draw_value(distribution: Distribution, *, seed: int, path: str, draw: int) -> Any:
    """The value of one setting in one draw: a function of these alone, so that arms have their draws in common.

    A uniform number from the hash of seed, path and draw goes through the inverse of the distribution function.

    Args:
        distribution: where it is drawn from.
        seed: the first tuning seed.
        path: the setting, dotted.
        draw: from 1; the draw 0 is not drawn, it is the study's own settings.
    """
    share = derive_seed(seed, "tune", path, draw) / 2**63
    if distribution.choice is not None:
        return distribution.choice[math.floor(share * len(distribution.choice))]
    low, high = distribution.bounds
    if distribution.integer is not None:
        return low + math.floor(share * (high - low + 1))
    if distribution.log_uniform is not None:
        value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    else:
        value = low + share * (high - low)
    return min(max(float(f"{value:.{DIGITS}g}"), float(low)), float(high))


def draw_values(tune: Tune, draw: int) -> dict[str, Any]:
    """Searched setting -> its value in one draw; nothing in the draw 0, which keeps the study's own settings."""
    if draw == 0:
        return {}
    return {path: draw_value(where, seed=tune.seeds[0], path=path, draw=draw) for path, where in tune.search.items()}


def with_values(settings: Settings, values: Mapping[str, Any], task: AnyTask) -> Settings:
    """Settings with drawn values; where these have no use for a setting, it keeps its own value.

    Raises:
        pydantic.ValidationError: the values do not go together.
    """
    own, nested = dumped(settings), dumped(settings)
    for path, value in values.items():
        put(nested, path, value)
    drawn = validated(task.settings, nested)
    if idle := {*values} & {*task.unused(drawn)}:
        for path in idle:
            put(nested, path, get(own, path))
        drawn = validated(task.settings, nested)
    return drawn


def name_tuning(tune: Tune, first: str) -> str:
    """Id of the tuning of one arm: of its draws and what chooses among them, so that another search is another tuning.

    Args:
        tune: how is searched.
        first: id of the arm's first trial, which knows task, data and all that is not searched.
    """
    # Without defaults: a key that is added later, and left alone, makes no other tuning of this one.
    return name_content({"tune": tune.model_dump(mode="json", exclude_defaults=True), "first": first})


def decided_trial(pending: Trial, winner: Winner, settings: Settings) -> Trial:
    """The trial that a pending one stands for.

    Args:
        pending: of the winner's arm.
        winner: whose settings it has.
        settings: these, validated.
    """
    identity = trial_id(
        task=pending.task,
        task_version=pending.task_version,
        settings=settings,
        seed=pending.seed,
        phase=pending.phase,
        fingerprint=pending.fingerprint,
        monitor=winner.monitor,
        copy_number=pending.copy_number,
    )
    return pending.model_copy(
        update={
            "id": identity,
            "settings": without(dumped(settings), find_locations(type(settings))),
            "former": former_values(settings),
            "parameters": winner.parameters,
            "monitor": winner.monitor,
            "pending": False,
        }
    )


def decided_job(job: Job, winner: Winner) -> Job:
    """The job that a pending one stands for."""
    task = load_task(job.trial.task)
    settings = winner_settings(winner, job.settings, task)
    nested = dumped(settings)
    return job.model_copy(
        update={
            "trial": decided_trial(job.trial, winner, settings),
            "settings": nested,
            "sources": digest_sources(find_sources(job.trial.task, winner.settings)),
            "awaits": None,
        }
    )


def winner_settings(winner: Winner, located: Nested, task: AnyTask) -> Settings:
    """The settings of a winner with the locations of this machine.

    Args:
        winner: whose.
        located: complete nested settings of the arm, with locations.
        task: whose settings they are.
    """
    nested = without(winner.settings, ())
    for path in sorted(find_locations(task.settings)):
        put(nested, path, get(located, path))
    return validated(task.settings, nested)
