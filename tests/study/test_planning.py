"""Arms, sizes, trials and jobs of a study."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from unroll.contract import UserError
from unroll.study import Plan, load_study, load_task, make_plan
from unroll.study._size import LARGEST, allowed_sizes, first_above
from unroll.study.plan import warned_arms

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


def test_a_plan_keeps_what_was_changed_on_the_command_line(project: Path, write: Write) -> None:
    file = write(HEAD + "compare: {network.cell: [elman, gru]}\n")
    assert plan(project).overrides == ()
    changed = plan(project, "seeds=3", "network.hidden=5", f"data.path={file}", "wandb.mode=disabled")
    assert changed.overrides == ("network.hidden=5",)
    assert Plan.model_validate_json(changed.model_dump_json()) == changed
    assert "overrides" not in changed.declaration


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
    assert made.arms[0].facts == {"vocabulary": 10, "corpus": "generated"}
    assert made.arms[0].steps == 500
    assert made.declaration["settings"]["training"] == {"epochs": 5}
    assert made.declaration["resources"] == {"cpus": 1.0, "gpus": 0.0}
    assert Plan.model_validate_json(made.model_dump_json()) == made


def test_what_the_task_says_of_its_data_stands_with_the_arms_that_it_concerns(project: Path, write: Write) -> None:
    write()
    made = plan(project, "data.lowercase=false,true")
    warned = [arm.name for arm in made.arms if arm.levels["data.lowercase"]]
    assert warned_arms(made) == {"All letters are small.": warned}
    assert len(warned) == 3


@pytest.mark.parametrize(
    ("lowercase", "received"),
    [
        ("true", "test/accuracy, but nothing is capital"),
        ("false,true", "test/accuracy, but in cell=gru, lowercase=true, cell=lstm, lowercase=true nothing is capital"),
    ],
)
def test_a_metric_that_an_arm_never_logs_cannot_decide(
    project: Path, write: Write, lowercase: str, received: str
) -> None:
    write(HEAD + "compare: {network.cell: [gru, lstm]}\nmetric: test/accuracy\n")
    assert plan(project).metric == "test/accuracy"
    with pytest.raises(UserError) as caught:
        plan(project, f"data.lowercase={lowercase}")
    assert str(caught.value) == (
        f"metric: the metric that decides a study must be one that every arm logs (received {received}); "
        "choose among validation/loss"
    )
    made = plan(project, f"data.lowercase={lowercase}", "metric=validation/loss")
    assert made.arms[-1].absent == {"test/accuracy": "nothing is capital"}
    assert list(made.metrics) == ["validation/loss", *([] if lowercase == "true" else ["test/accuracy"])]


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
        "match.parameters: arm 'lstm' has 40 parameters already at network.hidden=1 (received 39); "
        "ask for more (match.parameters=...), or leave sizes as they are (match=null)"
    )


@pytest.mark.parametrize("target", [80, 5_000, 123_456, 10_000_000])
def test_match_finds_the_size_with_as_many_operations(project: Path, write: Write, target: int) -> None:
    write()
    made = plan(project, f"match.flops_per_token={target}")
    for arm, trial in zip(made.arms, made.trials, strict=False):
        flops = [2 * GATES[arm.name] * size * (9 + size) for size in range(1, 2_500)]
        wanted = min(flops, key=lambda count: (abs(count - target), count))
        assert (arm.flops_per_token, arm.target_flops_per_token, arm.target_parameters) == (wanted, target, None)
        assert (arm.matched, arm.target, arm.mismatch) == ("flops_per_token", target, wanted / target - 1)
        assert trial.settings["network"]["hidden"] == flops.index(wanted) + 1


def test_what_helps_in_training_alone_is_not_matched(project: Path, write: Write) -> None:
    edit(
        project,
        "self.layer = torch.nn.Linear(9, width)",
        "self.layer = torch.nn.Linear(9, width); self.critic = torch.nn.Linear(6, 10); self.helpers = [self.critic]",
    )
    write()
    arms = plan(project, "match.parameters=800").arms
    # The nearest multiples of 10, 30 and 40 weights; the critic has 70 more.
    assert [arm.size for arm in arms] == [arm.tested_parameters for arm in arms] == [800, 810, 800]
    assert [arm.parameters for arm in arms] == [870, 880, 870]
    assert [arm.mismatch for arm in arms] == [0, pytest.approx(0.0125), 0]


def test_operations_are_told_whatever_is_matched(project: Path, write: Write) -> None:
    write()
    made = plan(project)
    assert [arm.flops_per_token for arm in made.arms] == [2 * gates * 16 * 25 for gates in GATES.values()]
    assert {(arm.matched, arm.target, arm.mismatch) for arm in made.arms} == {(None, None, None)}
    arm = plan(project, "match.parameters=1_000").arms[0]
    assert (arm.matched, arm.target, arm.mismatch) == ("parameters", 1_000, 0.0)


def edit(project: Path, old: str, new: str) -> None:
    """Change the tiny task."""
    file = project / "tasks" / "tiny" / "task.py"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_a_task_that_knows_no_operations_for_some_settings_is_told_so(project: Path, write: Write) -> None:
    edit(project, "        return 2 * gates * settings", "        return None if gates == 3 else 2 * gates * settings")
    write()
    assert [arm.flops_per_token for arm in plan(project).arms] == [800, None, 3_200]
    with pytest.raises(UserError) as raised:
        plan(project, "match.flops_per_token=1000")
    assert str(raised.value) == (
        "match.flops_per_token: the task does not count its operations per token for these settings; match parameters"
    )


@pytest.mark.parametrize(
    ("field", "sizes"),
    [
        ("hidden: int = Field(default=16, ge=3, le=70)", range(3, 71)),
        ("hidden: int = Field(default=16, gt=3, lt=70)", range(4, 70)),
        ("hidden: int = Field(default=16, multiple_of=8, ge=2, le=100)", range(8, 97, 8)),
        ("hidden: int | None = Field(default=None, ge=1, le=9)", range(1, 10)),
        ("hidden: int = 16", range(1, LARGEST + 1)),
    ],
)
def test_sizes_are_those_that_the_setting_allows(project: Path, write: Write, field: str, sizes: range) -> None:
    edit(project, 'hidden: int = Field(default=16, ge=1, description="Units of each layer.")', field)
    write()
    assert allowed_sizes(load_task("tiny")) == sizes
    made = plan(project, "network.cell=elman", "match.parameters=80")
    assert made.trials[0].settings["network"]["hidden"] == min(sizes, key=lambda size: abs(10 * size - 80))


def test_the_largest_size_is_within_reach_and_no_larger_one(project: Path, write: Write) -> None:
    edit(project, "default=16, ge=1", "ge=3, le=70")  # and no default: any size stands for the one that is solved
    edit(project, "network: Network = Network()", "network: Network")
    write()
    assert plan(project, "network.cell=elman", "match.parameters=700").trials[0].settings["network"]["hidden"] == 70
    for target, told in (
        (701, "arm 'elman' stays below it up to network.hidden=70 (received 701); ask for less (match.parameters=...)"),
        (
            29,
            "arm 'elman' has 30 parameters already at network.hidden=3 (received 29); "
            "ask for more (match.parameters=...), or leave sizes as they are (match=null)",
        ),
    ):
        with pytest.raises(UserError) as raised:
            plan(project, "network.cell=elman", f"match.parameters={target}")
        assert str(raised.value) == f"match.parameters: {told}"


def test_a_size_that_another_rule_forbids_is_told(project: Path, write: Write) -> None:
    rule = "        if self.network.hidden > 40: raise ValueError('hidden must fit')\n"
    edit(project, "        if self.network.dropout and", f"{rule}        if self.network.dropout and")
    write()
    with pytest.raises(UserError) as raised:
        plan(project, "match.flops_per_token=1_000_000")
    assert str(raised.value) == (
        "match.flops_per_token: arm 'elman' cannot have network.hidden=64, which the search has to try: "
        "hidden must fit (received 1,000,000)"
    )


@settings(deadline=None, max_examples=60)
@given(strategies.integers(1, 9_000), strategies.integers(0, 5), strategies.integers(0, 3), strategies.integers(1, 50))
def test_bisection_finds_the_first_place_with_enough(target: int, slope: int, power: int, places: int) -> None:
    def count(place: int) -> int:
        assert 0 <= place < places
        return slope * place + power * place**2

    enough = [place for place in range(places) if count(place) >= target]
    assert first_above(count, target, places) == (enough[0] if enough else None)


def test_a_count_that_never_arrives_is_not_searched_forever() -> None:
    asked = []
    assert first_above(lambda place: asked.append(place) or 5, 6, LARGEST) is None  # type: ignore[func-returns-value]
    assert len(asked) < 30


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
