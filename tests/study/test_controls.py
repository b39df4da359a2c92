"""A study of remedies has the control that they must be compared with, whether it names it or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from unroll.contract import UserError
from unroll.study import Plan, load_study, make_jobs, make_plan

Write = Callable[..., Path]
HEAD = "question: Why?\ntask: tiny\nseeds: 1\nsettings: {training: {epochs: 5}}\n"

CONTROL = """
    def control(self, settings):
        if settings.training.remedy != "none":
            return {"training.remedy": "none", "training.strength": None}
"""


def plan(project: Path, *overrides: str) -> Plan:
    return make_plan(load_study("cells", overrides), cache=project)


def arms(made: Plan) -> dict[str, bool]:
    return {arm.name: arm.control for arm in made.arms}


@pytest.fixture(autouse=True)
def _task(project: Path) -> None:
    file = project / "tasks" / "tiny" / "task.py"
    fields = '    remedy: Literal["none", "anneal", "reward"] = "none"\n    strength: float | None = None\n'
    file.write_text(file.read_text().replace("    epochs: int", f"{fields}    epochs: int") + CONTROL)


def test_the_control_is_added_as_a_level(project: Path, write: Write) -> None:
    write(HEAD + "compare: {training.remedy: [anneal, reward]}\n")
    made = plan(project)
    assert arms(made) == {"anneal": False, "reward": False, "none": True}
    assert made.factors == {"training.remedy": ["anneal", "reward", "none"]}
    assert made.arms[2].levels == {"training.remedy": "none"}
    assert made.trials[2].settings["training"]["remedy"] == "none"
    assert made.baseline == "none", "what all must be compared with, unless the study names another arm"
    assert Plan.model_validate_json(made.model_dump_json()) == made


def test_a_named_baseline_stays(project: Path, write: Write) -> None:
    write(HEAD + "compare: {training.remedy: [anneal, reward]}\nbaseline: reward\n")
    assert plan(project).baseline == "reward"


def test_an_added_control_may_be_named_as_the_baseline(project: Path, write: Write) -> None:
    write(HEAD + "compare: {network.cell: [elman, gru], training.remedy: [anneal, reward]}\n")
    made = plan(project, "baseline={training.remedy: none}")
    assert {arm.name: arm.baseline for arm in made.arms} == {
        f"cell={cell}, remedy={remedy}": f"cell={cell}, remedy=none"
        for remedy in ("anneal", "reward", "none")
        for cell in ("elman", "gru")
    }
    write(HEAD + "compare: {training.remedy: [anneal, reward]}\nbaseline: none\n")
    assert plan(project).baseline == "none"
    with pytest.raises(UserError, match="must be the name of an arm"):
        plan(project, "baseline=nothing")


def test_a_control_that_is_there_is_not_added(project: Path, write: Write) -> None:
    write(HEAD + "compare: {training.remedy: [anneal, none, reward]}\n")
    made = plan(project)
    assert arms(made) == {"anneal": False, "none": False, "reward": False}
    assert made.baseline == "anneal"


def test_what_does_not_compare_remedies_needs_no_control(project: Path, write: Write) -> None:
    write(HEAD + "compare: {network.cell: [elman, gru]}\n")
    assert arms(plan(project, "training.remedy=anneal")) == {"elman": False, "gru": False}


def test_every_level_of_the_other_factors_has_its_control(project: Path, write: Write) -> None:
    write(HEAD + "compare: {network.cell: [elman, gru], training.remedy: [anneal, reward]}\n")
    made = plan(project, "baseline={network.cell: elman}")
    added = {arm.name: arm.baseline for arm in made.arms if arm.control}
    assert added == {
        "cell=elman, remedy=none": "cell=elman, remedy=none",
        "cell=gru, remedy=none": "cell=elman, remedy=none",
    }


def test_a_factor_with_names_gets_a_level_of_that_name(project: Path, write: Write) -> None:
    write(
        HEAD + "compare: {remedy: {weak: {training.remedy: anneal, training.strength: 0.5},\n"
        "                   strong: {training.remedy: anneal, training.strength: 2.0}}}\n"
    )
    made = plan(project)
    assert arms(made) == {"weak": False, "strong": False, "control": True}
    assert made.trials[2].settings["training"]["strength"] is None


def test_a_level_whose_value_is_not_enough_does_not_lend_its_name(project: Path, write: Write) -> None:
    write(HEAD + "compare: {training.strength: [1, 2]}\n")
    made = plan(project, "training.remedy=anneal")
    assert arms(made) == {"strength=1": False, "strength=2": False, "control": True}
    assert made.trials[2].settings["training"]["remedy"] == "none"


def test_who_leaves_the_control_out_gets_it_none_the_less(project: Path, write: Write) -> None:
    write(
        HEAD + "compare: {network.cell: [elman, gru], training.remedy: [none, anneal]}\n"
        "exclude: [{network.cell: gru, training.remedy: none}]\n"
    )
    assert arms(plan(project))["cell=gru, remedy=none"]


def test_what_else_a_level_sets_stays_in_its_control(project: Path, write: Write) -> None:
    write(
        HEAD + "compare: {remedy: {slow: {training.remedy: anneal, training.learning_rate: 0.1},\n"
        "                   control: {training.remedy: reward, training.learning_rate: 0.2}}}\n"
    )
    made = plan(project)
    added = {arm.name: trial.settings["training"] for arm, trial in zip(made.arms, made.trials, strict=True)}
    assert [*added] == ["slow", "control", "control_2", "control_3"]
    assert [added[f"control_{n}"]["learning_rate"] for n in (2, 3)] == [0.1, 0.2]
    assert {added[f"control_{n}"]["remedy"] for n in (2, 3)} == {"none"}


def test_jobs_of_a_control_hold_where_its_data_lie(project: Path, write: Write) -> None:
    files = [project / name for name in ("first.txt", "second.txt")]
    for file in files:
        file.write_text(file.name)
    named = ", ".join(f"{file.stem}: {{data.path: {file}}}" for file in files)
    write(HEAD + f"compare: {{where: {{{named}}}, training.remedy: [anneal]}}\n")
    study = load_study("cells")
    jobs = {job.trial.arm: job.settings["data"]["path"] for job in make_jobs(plan(project), study, cache=project)}
    assert jobs == {f"where={file.stem}, remedy={remedy}": str(file) for remedy in ("anneal", "none") for file in files}


def test_a_control_that_the_task_refuses_is_told(project: Path, write: Write) -> None:
    file = project / "tasks" / "tiny" / "task.py"
    file.write_text(file.read_text().replace('"training.strength": None', '"training.strength": "strong"'))
    write(HEAD + "compare: {training.remedy: [anneal, reward]}\n")
    with pytest.raises(UserError, match=r"tasks/tiny/task.py: control: the control of the arm 'anneal' must have"):
        plan(project)
