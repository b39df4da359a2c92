"""One setting under several names: a factor that sets nothing gives each name trials of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from unroll.contract import UserError
from unroll.study import Plan, load_study, make_plan

Write = Callable[..., Path]
HEAD = "question: Why?\ntask: tiny\nseeds: 2\n"


def plan(project: Path, *overrides: str) -> Plan:
    return make_plan(load_study("cells", overrides), cache=project)


def test_every_name_has_trials_of_its_own_and_the_first_those_of_the_study_without_names(
    project: Path, write: Write
) -> None:
    write(HEAD + "compare: {network.cell: [elman, lstm]}\n")
    without = {(trial.arm, trial.seed): trial.id for trial in plan(project).trials}
    write(HEAD + "compare: {network.cell: [elman, lstm], name: {a: {}, b: {}, c: {}}}\n")
    named = plan(project)
    assert [(arm.name, arm.copy_number, arm.twins) for arm in named.arms] == [
        (f"cell={cell}, name={name}", number, ()) for cell in ("elman", "lstm") for number, name in enumerate("abc")
    ]
    ids = {(trial.arm, trial.seed): trial.id for trial in named.trials}
    assert len(set(ids.values())) == 12
    for (cell, seed), trial in without.items():
        assert ids[f"cell={cell}, name=a", seed] == trial
    assert Plan.model_validate_json(named.model_dump_json()) == named
    write(HEAD + "compare: {network.cell: [elman, lstm], name: {x: {}, y: {}, z: {}}}\n")
    assert {trial.id for trial in plan(project).trials} == set(ids.values()), "what a name is called does not matter"


def test_copies_are_tuned_each_for_itself(project: Path, write: Write) -> None:
    write(
        HEAD + "metric: validation/loss\ncompare: {name: {a: {}, b: {}}}\n"
        "tune: {draws: 3, search: {training.learning_rate: {log_uniform: [1e-4, 1e-1]}}}\n"
    )
    made = plan(project)
    assert len({trial.id for trial in made.tune_trials}) == 6
    assert len({arm.tuning for arm in made.arms}) == 2


def test_settings_that_came_out_the_same_are_a_mistake_as_before(project: Path, write: Write) -> None:
    write(HEAD + "compare: {name: {a: {network.cell: lstm}, b: {network.cell: lstm}}}\n")
    with pytest.raises(UserError, match="two arms have the same settings"):
        plan(project)
