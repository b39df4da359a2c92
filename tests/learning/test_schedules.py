"""Each schedule against a slow obvious version, value by value."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, ReduceLROnPlateau

from tasks.learning.schedule import LearningRate, Schedule
from tasks.learning.schedules import SCHEDULES
from tasks.learning.settings import OptimizationSettings
from unroll.study import load_task

FIRST, STEPS, PER_EPOCH = 0.3, 40, 5
VALUES: dict[str, Any] = {"decay_start": 3, "decay_factor": 1.2, "plateau_factor": 2.0, "plateau_patience": 2}
"""Of the settings that schedules take."""


def schedule_of(name: str, *, steps: int = STEPS, **options: Any) -> Schedule:
    build: Any = SCHEDULES.find(name)
    made: Schedule = build(steps=steps, **({option: VALUES[option] for option in SCHEDULES.options(name)} | options))
    return made


def rates(schedule: Schedule, *, warmup: int = 0) -> list[float]:
    rate = LearningRate(first=FIRST, schedule=schedule, warmup=warmup)
    return [rate.at(step=step, epoch=step // PER_EPOCH) for step in range(STEPS)]


def slowly(name: str) -> Iterator[float]:
    """The rates of all steps, each from the one before it."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=FIRST)
    torchs: Any = {
        "linear": lambda: LinearLR(optimizer, 1.0, 0.0, STEPS),
        "cosine": lambda: CosineAnnealingLR(optimizer, STEPS),
    }
    scheduler = torchs[name]() if name in torchs else None
    rate = FIRST
    for step in range(STEPS):
        if name == "decay" and step % PER_EPOCH == 0 and step // PER_EPOCH >= 3:
            rate /= 1.2
        yield optimizer.param_groups[0]["lr"] if scheduler else rate
        optimizer.step()
        if scheduler:
            scheduler.step()


@pytest.mark.parametrize("name", ["constant", "decay", "linear", "cosine"])
def test_rates_are_those_of_a_slow_version(name: str) -> None:
    assert rates(schedule_of(name)) == pytest.approx(list(slowly(name)), rel=1e-12, abs=1e-16)


def test_every_schedule_begins_with_the_first_rate() -> None:
    assert set(SCHEDULES.names()) >= {"constant", "decay", "linear", "cosine", "plateau"}
    assert {rates(schedule_of(name))[0] for name in SCHEDULES.names()} == {FIRST}


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_the_step_behind_the_last_one_would_have_no_rate(name: str) -> None:
    schedule = schedule_of(name)
    assert schedule.rate(FIRST, step=STEPS - 1, epoch=0) > 0
    assert schedule.rate(FIRST, step=STEPS, epoch=0) == schedule.rate(FIRST, step=STEPS + 9, epoch=0) == 0


@pytest.mark.parametrize("patience", [1, 2, 3])
def test_a_plateau_is_where_torch_finds_one(patience: int) -> None:
    scores = [1.0, 2.0, 2.0, 1.5, 3.0, 3.0, 3.0, math.nan, 2.0, 3.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=FIRST)
    theirs = ReduceLROnPlateau(optimizer, "max", factor=0.25, patience=patience - 1, threshold=0, eps=0)
    ours = schedule_of("plateau", plateau_factor=4.0, plateau_patience=patience)
    for score in scores:
        ours.observe(score)
        theirs.step(score)
        assert ours.rate(FIRST, step=0, epoch=0) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
    assert optimizer.param_groups[0]["lr"] < FIRST


def test_a_plateau_goes_on_from_its_state() -> None:
    scores = [1.0, 0.5, 0.7, 0.2, 1.5, 1.4]
    whole = schedule_of("plateau")
    for seen, score in enumerate(scores):
        restored = schedule_of("plateau")
        restored.load_state_dict(whole.state_dict())
        for rest in scores[seen:]:
            restored.observe(rest)
        whole.observe(score)
        for rest in scores[seen + 1 :]:
            whole.observe(rest)
        assert restored.state_dict() == whole.state_dict()
        whole = schedule_of("plateau")
        for again in scores[: seen + 1]:
            whole.observe(again)


@pytest.mark.parametrize("name", SCHEDULES.names())
def test_a_warm_up_rises_to_the_schedule_and_comes_before_it(name: str) -> None:
    schedule, warmup = schedule_of(name, steps=STEPS - 4), 4
    warm = rates(schedule, warmup=warmup)
    assert warm[:warmup] == [pytest.approx(FIRST * n / 4) for n in (1, 2, 3, 4)]
    alone = LearningRate(first=FIRST, schedule=schedule)
    behind = [alone.at(step=step - warmup, epoch=step // PER_EPOCH) for step in range(warmup, STEPS)]
    assert warm[warmup:] == behind


@pytest.mark.parametrize(
    ("start", "factor", "epochs", "last"),
    [(4, 2.0, 13, 1 / 2**9), (6, 1.2, 39, 1.2**-33), (14, 1.15, 55, 1.15**-41)],
    ids=["small", "medium", "large"],
)
def test_zarembas_schedules(start: int, factor: float, epochs: int, last: float) -> None:
    schedule = schedule_of("decay", decay_start=start, decay_factor=factor)
    found = [schedule.rate(1.0, step=0, epoch=epoch) for epoch in range(epochs)]
    assert found[:start] == [1.0] * start
    assert found[start] == 1 / factor
    assert found[-1] == pytest.approx(last, rel=1e-12)


def test_a_divisor_beyond_all_numbers_leaves_no_rate() -> None:
    schedule = schedule_of("decay", decay_start=1, decay_factor=2.0)
    assert schedule.rate(0.3, step=0, epoch=1023) == 0.3 / 2**1023
    assert schedule.rate(0.3, step=0, epoch=1024) == schedule.rate(0.3, step=0, epoch=99_999) == 0.0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"schedule": "cosin"},
            f"a schedule is one of {', '.join(SCHEDULES.names())}; did you mean 'cosine'?",
        ),
        ({"schedule": "decay"}, "schedule decay needs decay_start and decay_factor, received null and null"),
        ({"decay_start": 3}, "decay_start and decay_factor are set together or not at all, received 3 and null"),
        (
            {"schedule": "cosine", "decay_start": 3, "decay_factor": 2},
            "schedule cosine has no use for decay_start, decay_factor: leave it out, or choose decay",
        ),
        ({"plateau_patience": 3}, "schedule null has no use for plateau_patience: leave it out, or choose plateau"),
        ({"momentum": 0.9}, "optimizer adam has no use for momentum: leave it out, or choose sgd"),
        ({"optimizer": "rmsprop", "momentum": 0.9}, "optimizer rmsprop has no use for momentum"),
        ({"optimizer": "sgd", "momentum": 1}, "less than 1"),
        ({"weight_decay": -1}, "greater than or equal to 0"),
        ({"accumulate": 0}, "greater than or equal to 1"),
        ({"patience": 0}, "greater than or equal to 1"),
        ({"clip_value": 1.0}, "clip_norm and clip_value exclude each other, received 1.0 and 1.0"),
    ],
)
def test_mistakes_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told.replace("?", r"\?")):
        OptimizationSettings.model_validate(settings)


def test_a_schedule_is_implied_by_the_settings_of_decay() -> None:
    assert OptimizationSettings().schedule_name == "constant"
    assert OptimizationSettings(decay_start=1, decay_factor=2).schedule_name == "decay"


@pytest.mark.parametrize("name", SCHEDULES.names())
@pytest.mark.parametrize("patience", [None, 3])
def test_a_schedule_that_patience_may_cut_short_is_a_warning(name: str, patience: int | None, tmp_path: Path) -> None:
    task, options = load_task("long_range"), {name: VALUES[name] for name in SCHEDULES.options(name)}
    training = {"schedule": name, "patience": patience, "updates": 40, "validate_every": 5, **options}
    settings = task.settings.model_validate({"training": training})
    found = task.warnings(settings, task.prepare(settings, tmp_path))
    short = patience is not None and rates(schedule_of(name)) != rates(schedule_of(name, steps=2 * STEPS))
    assert list(found) == short * [
        f"training.patience may end training before schedule {name} has come to its end: "
        "it is laid out over all 40 steps."
    ]
    assert short == (patience is not None) or name in ("constant", "decay", "plateau")
