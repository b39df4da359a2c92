"""Arms that run the same are one arm: settings that a task has no use for do not make another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from unroll.contract import UserError
from unroll.evidence import reach
from unroll.reporting.prose.plan import twin_sentences
from unroll.study import Plan, load_study, make_jobs, make_plan

Write = Callable[..., Path]
HEAD = "question: Why?\ntask: tiny\nseeds: 2\n"
"""The task ignores ``training.clip_norm`` where the cell is ``elman``."""
BOTH = "compare: {network.cell: [elman, lstm], training.clip_norm: [1, 2, 4]}\n"
ELMAN = "cell=elman, clip_norm={}"


def plan(project: Path, *overrides: str) -> Plan:
    return make_plan(load_study("cells", overrides), cache=project)


def test_arms_that_differ_in_what_is_not_used_are_one(project: Path, write: Write) -> None:
    write(HEAD + BOTH)
    made = plan(project)
    assert [arm.name for arm in made.arms] == [
        ELMAN.format(1),
        *(f"cell=lstm, clip_norm={norm}" for norm in (1, 2, 4)),
    ]
    assert made.arms[0].twins == (ELMAN.format(2), ELMAN.format(4))
    assert [arm.twins for arm in made.arms[1:]] == [()] * 3
    assert len(made.trials) == 2 * 4
    assert reach(made).comparisons == 3, "what is adjusted does not pay for twins"
    assert len(make_jobs(made, load_study("cells"), cache=project)) == 8
    assert Plan.model_validate_json(made.model_dump_json()) == made
    (told,) = twin_sentences(made)
    assert told == (
        "'cell=elman, clip_norm=1', 'cell=elman, clip_norm=2' and 'cell=elman, clip_norm=4' run identically, since "
        "nothing reads the settings in which they differ: they are compared once, as 'cell=elman, clip_norm=1'."
    )


def test_trials_keep_their_names(project: Path, write: Write) -> None:
    write(HEAD + BOTH)
    merged = plan(project)
    write(HEAD + "compare: {network.cell: [elman, lstm], training.clip_norm: [1]}\n")
    alone = {trial.id for trial in plan(project).trials}
    assert alone < {trial.id for trial in merged.trials}


def test_a_baseline_gives_its_name_to_its_twins(project: Path, write: Write) -> None:
    write(HEAD + BOTH + "baseline: {training.clip_norm: 2}\n")
    made = plan(project)
    assert made.arms[0].name == ELMAN.format(2)
    assert made.arms[0].twins == (ELMAN.format(1), ELMAN.format(4))
    assert {name: to for name, to in made.baselines.items() if name != to} == {
        "cell=lstm, clip_norm=1": "cell=lstm, clip_norm=2",
        "cell=lstm, clip_norm=4": "cell=lstm, clip_norm=2",
    }
    assert made.baselines[ELMAN.format(2)] == ELMAN.format(2), "it has no twin to be compared with"


def test_the_twin_of_a_baseline_is_a_baseline(project: Path, write: Write) -> None:
    write(HEAD + BOTH + f"baseline: {ELMAN.format(4)}\n")
    assert set(plan(project).baselines.values()) == {ELMAN.format(4)}


def test_a_setting_that_all_share_need_not_be_used(project: Path, write: Write) -> None:
    write(HEAD + "settings: {training: {clip_norm: 3}}\ncompare: {network.cell: [elman, gru]}\n")
    made = plan(project)
    assert [arm.twins for arm in made.arms] == [(), ()]
    assert list(twin_sentences(made)) == []


def test_data_set_twins_apart(project: Path, write: Write) -> None:
    for name in ("a", "b"):
        (project / name).write_text(name)
    write(
        HEAD + "compare: {which: {a: {network.cell: elman, data.path: ../../a, training.clip_norm: 1}, "
        "b: {network.cell: elman, data.path: ../../b, training.clip_norm: 2}}}\n"
    )
    assert [arm.twins for arm in plan(project).arms] == [(), ()]


def test_two_names_for_the_same_settings_are_still_a_mistake(project: Path, write: Write) -> None:
    write(HEAD + "compare: {which: {a: {network.cell: elman}, b: {network.cell: elman}}}\n")
    with pytest.raises(UserError, match="two arms have the same settings"):
        plan(project)
