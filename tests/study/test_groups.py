"""Which arm is compared with which, and what the groups are called."""

from collections.abc import Callable
from pathlib import Path

import pytest

from unroll.study import Plan, load_study, make_plan
from unroll.study.groups import find_groups, kept_factors, short_factors, varied_factors

Write = Callable[..., Path]
HEAD = "question: Why?\ntask: tiny\nseeds: 2\n"
CELLS = "compare: {network.cell: [elman, gru, lstm], network.depth: [1, 2]}\n"
SIZES = "compare: {network.cell: [elman, gru], size: {few: {network.hidden: 4}, many: {network.hidden: 8}}}\n"


def plan(project: Path, *overrides: str) -> Plan:
    return make_plan(load_study("cells", overrides), cache=project)


def test_each_arm_is_compared_with_the_one_that_agrees_in_all_other_factors(project: Path, write: Write) -> None:
    write(HEAD + CELLS + "baseline: {network.cell: gru}\n")
    made = plan(project)
    assert made.baselines == {
        **{f"cell={cell}, depth=1": "cell=gru, depth=1" for cell in ("elman", "gru", "lstm")},
        **{f"cell={cell}, depth=2": "cell=gru, depth=2" for cell in ("elman", "gru", "lstm")},
    }
    levels = {arm.name: arm.levels for arm in made.arms}
    for arm, baseline in made.baselines.items():
        assert levels[baseline] == {**levels[arm], "network.cell": "gru"}


def test_groups_have_their_baseline_first_and_short_names(project: Path, write: Write) -> None:
    write(HEAD + CELLS + "baseline: {network.cell: gru}\n")
    made = plan(project)
    one, two = find_groups(made)
    assert (one.baseline, one.shared) == ("cell=gru, depth=1", "depth=1")
    assert list(one.labels.items()) == [
        ("cell=gru, depth=1", "gru"),
        ("cell=elman, depth=1", "elman"),
        ("cell=lstm, depth=1", "lstm"),
    ]
    assert two.shared == "depth=2"
    assert list(two.labels.values()) == list(one.labels.values())
    assert (varied_factors(made), kept_factors(made)) == (["network.cell"], ["network.depth"])


def test_levels_that_set_several_things_may_be_kept_or_varied(project: Path, write: Write) -> None:
    write(HEAD + SIZES + "baseline: {network.cell: elman}\n")
    assert [group.shared for group in find_groups(plan(project))] == ["size=few", "size=many"]
    write(HEAD + SIZES + "baseline: {size: many}\n")
    made = plan(project)
    assert made.baselines["cell=gru, size=few"] == "cell=gru, size=many"
    assert [list(group.labels.values()) for group in find_groups(made)] == 2 * [["many", "few"]]


def test_levels_that_are_numbers_keep_the_name_of_their_factor(project: Path, write: Write) -> None:
    write(HEAD + "compare: {network.depth: [1, 2], network.cell: [gru, lstm]}\nbaseline: {network.depth: 2}\n")
    made = plan(project)
    assert made.baselines["depth=1, cell=gru"] == "depth=2, cell=gru"
    assert [(group.shared, list(group.labels.values())) for group in find_groups(made)] == [
        ("cell=gru", ["depth=2", "depth=1"]),
        ("cell=lstm", ["depth=2", "depth=1"]),
    ]


def test_two_of_three_factors_may_be_kept(project: Path, write: Write) -> None:
    write(
        HEAD + "compare: {network.cell: [gru, lstm], network.depth: [1, 2], network.hidden: [4, 8]}\n"
        "baseline: {network.cell: gru}\n"
    )
    made = plan(project)
    assert [group.shared for group in find_groups(made)] == [f"depth={d}, hidden={h}" for d in (1, 2) for h in (4, 8)]
    assert short_factors(made, kept_factors(made)) == ["depth", "hidden"]


@pytest.mark.parametrize("baseline", ["{network.cell: gru, network.depth: 2}", "cell=gru, depth=2"])
def test_all_levels_together_are_one_arm_like_its_name(project: Path, write: Write, baseline: str) -> None:
    write(HEAD + CELLS + f"baseline: {baseline}\n")
    made = plan(project)
    assert set(made.baselines.values()) == {"cell=gru, depth=2"}
    (group,) = find_groups(made)
    assert next(iter(group.labels)) == group.baseline == "cell=gru, depth=2"
    assert all(arm == kind for arm, kind in group.labels.items())


def test_one_level_that_is_left_is_one_group(project: Path, write: Write) -> None:
    write(HEAD + CELLS + "baseline: {network.cell: gru}\n")
    (group,) = find_groups(plan(project, "network.depth=2"))
    assert (group.baseline, group.shared) == ("cell=gru, depth=2", "")


def test_baselines_without_a_rival_are_groups_of_their_own(project: Path, write: Write) -> None:
    write(HEAD + CELLS + "baseline: {network.cell: gru}\n")
    groups = find_groups(plan(project, "network.cell=gru"))
    assert [(group.shared, group.labels) for group in groups] == [
        ("depth=1", {"cell=gru, depth=1": "gru"}),
        ("depth=2", {"cell=gru, depth=2": "gru"}),
    ]


@pytest.mark.parametrize(
    "override", ["baseline.network.cell=lstm", "baseline={network.cell: lstm}", "baseline={'network.cell': lstm}"]
)
def test_levels_are_given_on_the_command_line_too(project: Path, write: Write, override: str) -> None:
    write(HEAD + CELLS + "baseline: cell=gru, depth=2\n")
    made = plan(project, override)
    assert made.baselines["cell=gru, depth=1"] == "cell=lstm, depth=1"
    assert made.declaration["baseline"] == {"network.cell": "lstm"}


def test_an_override_changes_the_level_of_one_factor_and_keeps_the_others(project: Path, write: Write) -> None:
    write(HEAD + CELLS + "baseline: {network.cell: gru}\n")
    assert load_study("cells", ["baseline.network.cell=elman"]).baseline == {"network.cell": "elman"}
    both = load_study("cells", ["baseline.network.depth=2"])
    assert both.baseline == {"network.cell": "gru", "network.depth": 2}
    assert load_study("cells", ["baseline=null"]).baseline == "cell=elman, depth=1"


def test_what_is_compared_with_what_renames_no_trial(project: Path, write: Write) -> None:
    write(HEAD + CELLS)
    plain = plan(project)
    grouped = plan(project, "baseline.network.cell=lstm")
    assert grouped.trials == plain.trials


def test_a_plan_of_an_earlier_version_is_read(project: Path, write: Write) -> None:
    write(HEAD + CELLS)
    made = plan(project)
    old = made.model_dump(mode="json")
    for arm in old["arms"]:
        del arm["baseline"]
    read = Plan.model_validate(old)
    assert read.baselines == made.baselines == dict.fromkeys(made.baselines, "cell=elman, depth=1")
    assert find_groups(read) == find_groups(made)
    assert Plan.model_validate_json(read.model_dump_json()) == read
