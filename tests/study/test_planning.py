"""Arms, sizes, trials and jobs of a study."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from unroll.contract import UserError
from unroll.study import Plan, load_study, make_plan
from unroll.study._size import LARGEST, first_above

Write = Callable[..., Path]
HEAD = "question: Why?\ntask: tiny\nseeds: 1\n"
GATES = {"elman": 1, "gru": 3, "lstm": 4}


def plan(project: Path, *overrides: str) -> Plan:
    return make_plan(load_study("cells", overrides), cache=project)


def test_arms_are_the_product_of_the_factors_without_the_excluded(project: Path, write: Write) -> None:
    write(
        HEAD + "compare: {network.cell: [elman, gru], network.depth: [1, 2], size: {s: {network.hidden: 4}, l: {}}}\n"
        "exclude: [{network.cell: gru, network.depth: 1}, {network.depth: 2, size: s}]\n"
    )
    made = plan(project)
    assert [arm.name for arm in made.arms] == [
        "cell=elman, depth=1, size=s",
        "cell=elman, depth=1, size=l",
        "cell=elman, depth=2, size=l",
        "cell=gru, depth=2, size=l",
    ]
    assert made.arms[0].levels == {"network.cell": "elman", "network.depth": 1, "size": "s"}
    assert made.factors == {"network.cell": ["elman", "gru"], "network.depth": ["1", "2"], "size": ["s", "l"]}
    assert made.baseline == "cell=elman, depth=1, size=s"


def test_factors_that_share_their_last_word_are_written_out(project: Path, write: Write) -> None:
    write(HEAD + "compare: {network.depth: [1], depth: {x: {network.hidden: 1}, y: {network.hidden: 2}}}\n")
    assert [arm.name for arm in plan(project).arms] == ["network.depth=1, depth=x", "network.depth=1, depth=y"]


def test_an_arm_of_one_factor_is_named_by_its_level_if_that_is_a_word(project: Path, write: Write) -> None:
    write(HEAD + "compare: {network.depth: [1, 2]}\nbaseline: depth=2\n")
    made = plan(project)
    assert [arm.name for arm in made.arms] == ["depth=1", "depth=2"]
    assert made.baseline == "depth=2"
    write(HEAD + "compare: {data.lowercase: [true, false]}\n")
    assert [arm.name for arm in plan(project).arms] == ["lowercase=true", "lowercase=false"]
    write(HEAD + "compare: {data.corpus: [toy]}\n")
    assert [arm.name for arm in plan(project).arms] == ["toy"]
    write(HEAD + "compare: {size: {small: {network.hidden: 1}, large: {network.hidden: 2}}}\n")
    assert [arm.name for arm in plan(project).arms] == ["small", "large"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "    def test_step(self, batch, batch_idx): ...\n",
            "tasks/tiny/task.py: Learner: what a task's module() gives must define training_step, validation_step, "
            "test_step, configure_optimizers, initialise, items_seen (received no test_step)",
        ),
        (
            "    def initialise(self, seed): ...\n    def training_step(self, batch, batch_idx): ...\n",
            "tasks/tiny/task.py: Learner: what a task's module() gives must define training_step, validation_step, "
            "test_step, configure_optimizers, initialise, items_seen (received no training_step, no initialise)",
        ),
        (
            "    def test_dataloader(self): ...\n",
            "tasks/tiny/task.py: Loaders: what a task's data() gives must define train_dataloader, val_dataloader, "
            "test_dataloader (received no test_dataloader)",
        ),
        (
            "(pl.LightningDataModule)",
            "tasks/tiny/task.py: Loaders: what a task's data() gives must be a LightningDataModule",
        ),
    ],
)
def test_a_task_that_could_not_be_run_to_its_end_is_refused(project: Path, write: Write, line: str, told: str) -> None:
    write()
    file = project / "tasks" / "tiny" / "task.py"
    assert line in file.read_text()
    file.write_text(file.read_text().replace(line, ""))
    with pytest.raises(UserError) as raised:
        plan(project)
    assert str(raised.value) == f"{told}; docs/add-a-task.md shows a whole task"


def test_a_trial_holds_all_its_settings(project: Path, write: Write) -> None:
    write()
    trial = plan(project).trials[0]
    assert trial.settings == {
        "data": {"corpus": "toy", "lowercase": False},
        "network": {"cell": "elman", "hidden": 16, "depth": 2, "dropout": 0.0},
        "training": {"epochs": 3, "learning_rate": 0.001, "clip_norm": None, "betas": [0.9, 0.999], "warmup": 0},
    }
    assert (trial.parameters, trial.fingerprint, trial.phase, trial.study) == (160, "toy", "confirm", "cells")


def test_the_plan_tells_what_a_report_needs(project: Path, write: Write) -> None:
    write()
    made = plan(project, "metric=test/accuracy", "baseline=gru", "training.epochs=5")
    assert (made.metric, made.baseline, made.item) == ("test/accuracy", "gru", "token")
    assert made.metrics["test/accuracy"].direction == "maximize"
    assert made.arms[0].bounds == {"validation/loss": 0.5}
    assert made.arms[0].facts == {"vocabulary": 10}
    assert made.arms[0].steps == 500
    assert made.declaration["settings"]["training"] == {"epochs": 5}
    assert made.declaration["resources"] == {"cpus": 1.0, "gpus": 0.0}
    assert Plan.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize("target", [10, 1_000, 12_345, 100_000])
def test_match_finds_the_size_that_a_search_of_all_sizes_finds(project: Path, write: Write, target: int) -> None:
    write()
    made = plan(project, f"match.parameters={max(target, 40)}")
    for arm, trial in zip(made.arms, made.trials, strict=False):
        weights = [10 * GATES[arm.name] * size for size in range(1, 11_000)]  # Linear(9, gates x size), with bias
        wanted = min(weights, key=lambda count: (abs(count - max(target, 40)), count))
        assert (arm.parameters, arm.target_parameters) == (wanted, max(target, 40))
        assert trial.settings["network"]["hidden"] == weights.index(wanted) + 1


def test_a_target_below_the_smallest_network_is_refused(project: Path, write: Write) -> None:
    write()
    with pytest.raises(UserError) as raised:
        plan(project, "match.parameters=39")
    assert str(raised.value) == (
        "match.parameters: arm 'lstm' has 40 parameters already at network.hidden=1 (received 39); ask for more"
    )


@settings(deadline=None, max_examples=60)
@given(strategies.integers(1, LARGEST), strategies.integers(1, 50), strategies.integers(0, 5))
def test_bisection_finds_the_first_size_with_enough_weights(target: int, slope: int, power: int) -> None:
    def count(size: int) -> int:
        return slope * size + power * size**2

    found = first_above(count, target)
    assert found is not None
    assert count(found) >= target
    assert found == 1 or count(found - 1) < target


def test_a_size_that_is_never_reached_is_not_searched_forever() -> None:
    assert first_above(lambda size: min(size, 5), 6) is None


def test_every_arm_asks_for_its_data(project: Path, write: Write) -> None:
    (project / "text").write_text("words")
    write(HEAD + "compare: {network.cell: [elman, gru, lstm], corpus: {toy: {}, text: {data.path: ../../text}}}\n")
    made = plan(project)
    assert (project / "calls").read_text() == "x" * 6
    assert [arm.fingerprint for arm in made.arms] == ["toy", "words"] * 3


def test_seeds_come_one_after_the_other_so_that_all_arms_advance_together(project: Path, write: Write) -> None:
    write()
    assert [trial.seed for trial in plan(project, "seeds=2,9").trials] == [2, 2, 2, 9, 9, 9]


def test_adding_a_seed_or_a_level_keeps_the_names_of_the_other_trials(project: Path, write: Write) -> None:
    write()
    few = {trial.id for trial in plan(project, "network.cell=elman,gru", "seeds=2").trials}
    many = {trial.id for trial in plan(project, "seeds=3").trials}
    assert few < many
    assert len(many) == 9


def test_infinities_survive_being_written_down(project: Path, write: Write) -> None:
    write()
    trial = plan(project, "training.clip_norm=.inf").trials[0]
    again = type(trial).model_validate_json(trial.model_dump_json())
    assert math.isinf(float(again.settings["training"]["clip_norm"]))
    assert json.loads(trial.model_dump_json())["settings"]["training"]["clip_norm"] == "Infinity"
