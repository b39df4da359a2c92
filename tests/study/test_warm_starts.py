"""Trials that begin with another one's weights: what is planned for them, and what they are called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from unroll.contract import UserError
from unroll.study import Plan, Trial, load_study, load_task, make_jobs, make_plan
from unroll.study.identity import trial_id

Write = Callable[..., Path]
HEAD = "question: Why?\ntask: tiny\nseeds: 2\n"
REMEDIES = HEAD + "settings: {training: {epochs: 5}}\ncompare: {training.remedy: [none, anneal, reward]}\n"
"""Remedies begin with two epochs of plain training; they have three of their own."""
DECODINGS = (
    HEAD + "settings: {training: {remedy: anneal, epochs: 5}}\ncompare: {network.search: [greedy, beam, wide]}\n"
)
"""Searches begin with the trial that is searched greedily, which begins with its plain training."""

HOOKS = """
    def warm_start(self, settings):
        if settings.network.search != "greedy":
            network = settings.network.model_copy(update={"search": "greedy"})
            return settings.model_copy(update={"network": network})
        if settings.training.remedy != "none":
            training = settings.training.model_copy(update={"remedy": "none", "epochs": 2})
            return settings.model_copy(update={"training": training})

    def own_epochs(self, settings):
        if settings.network.search != "greedy":
            return 0
        return settings.training.epochs - 2 * (settings.training.remedy != "none")

    def epochs(self, settings):
        return self.own_epochs(settings)

    def steps(self, settings, dataset):
        return 100 * self.own_epochs(settings)
"""


def plan(project: Path, *overrides: str) -> Plan:
    return make_plan(load_study("cells", overrides), cache=project)


def edit(project: Path, *pairs: tuple[str, str]) -> None:
    file = project / "tasks" / "tiny" / "task.py"
    text = file.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


@pytest.fixture(autouse=True)
def _task(project: Path) -> None:
    edit(
        project,
        (
            "    hidden: int = Field",
            '    search: Literal["greedy", "beam", "wide"] = "greedy"\n    hidden: int = Field',
        ),
        (
            "    epochs: int = Field(",
            '    remedy: Literal["none", "anneal", "reward"] = "none"\n    epochs: int = Field(',
        ),
    )
    file = project / "tasks" / "tiny" / "task.py"
    file.write_text(file.read_text() + HOOKS)


def test_what_is_no_arm_is_prepared_once_for_all_that_begin_with_it(project: Path, write: Write) -> None:
    write(REMEDIES)
    made = plan(project)
    assert [(arm.name, arm.warm_start, arm.steps) for arm in made.every_arm] == [
        ("preparation of anneal", None, 200),
        ("none", None, 500),
        ("anneal", "preparation of anneal", 300),
        ("reward", "preparation of anneal", 300),
    ]
    assert [(trial.arm, trial.seed) for trial in made.preparations] == [
        ("preparation of anneal", seed) for seed in (0, 1)
    ]
    prepared = {trial.seed: trial for trial in made.preparations}
    assert prepared[0].settings["training"]["epochs"] == 2
    for trial in made.trials:
        assert trial.warm_start == (prepared[trial.seed].id if trial.arm != "none" else None)
    assert Plan.model_validate_json(made.model_dump_json()) == made


def test_later_looks_bring_what_their_trials_begin_with(project: Path, write: Write) -> None:
    write(DECODINGS)
    made = plan(project, "metric=test/accuracy", "seeds={start: 1, up_to: 3, step: 1}")
    assert {trial.seed for trial in made.every_trial} == {0}
    assert Plan.model_validate_json(made.model_dump_json()) == made
    more = made.grown({"beam"}, 2)
    assert [(trial.arm, trial.seed) for trial in more.trials[3:]] == [("greedy", 1), ("beam", 1)]
    assert [(trial.arm, trial.seed) for trial in more.preparations[1:]] == [("preparation of greedy", 1)]
    whole = plan(project, "metric=test/accuracy", "seeds=3")
    assert {trial.id for trial in (*more.every_trial, *more.reserve)} == {trial.id for trial in whole.every_trial}
    assert more.grown({"beam"}, 2) is more


def test_an_arm_is_begun_with_where_it_is_one(project: Path, write: Write) -> None:
    write(REMEDIES.replace("{epochs: 5}", "{epochs: 2}"))
    edit(project, ('"epochs": 2}', '"epochs": settings.training.epochs}'), ("- 2 * (", "+ 0 * ("))
    made = plan(project)
    assert not made.prepared
    assert {arm.name: arm.warm_start for arm in made.arms} == {"none": None, "anneal": "none", "reward": "none"}


def test_chains_are_allowed(project: Path, write: Write) -> None:
    write(DECODINGS)
    made = plan(project, "metric=test/accuracy")
    assert {arm.name: arm.warm_start for arm in made.every_arm} == {
        "preparation of greedy": None,
        "greedy": "preparation of greedy",
        "beam": "greedy",
        "wide": "greedy",
    }
    of = {trial.arm: trial for trial in made.every_trial if trial.seed == 0}
    assert of["beam"].warm_start == of["greedy"].id
    assert of["greedy"].warm_start == of["preparation of greedy"].id


def test_what_a_trial_begins_with_is_part_of_its_name(project: Path, write: Write) -> None:
    write(REMEDIES)
    made = plan(project)

    def name(trial: Trial, warm_start: str | None) -> str:
        return trial_id(
            task="tiny",
            task_version=1,
            settings=load_task("tiny").settings.model_validate(trial.settings),
            seed=trial.seed,
            phase="confirm",
            fingerprint="toy",
            warm_start=warm_start,
        )

    for trial in made.every_trial:
        assert trial.id == name(trial, trial.warm_start)
        assert trial.id != name(trial, made.trials[0].id)


def test_a_trial_that_trains_nothing_is_only_tested(project: Path, write: Write) -> None:
    write(DECODINGS)
    with pytest.raises(
        UserError, match=r"metric: .* in beam, wide it trains nothing and is only tested.*test/accuracy"
    ):
        plan(project)
    beam = plan(project, "metric=test/accuracy").arms[1]
    assert beam.steps == 0
    assert beam.absent == {"validation/loss": "it trains nothing and is only tested"}


def test_jobs_hold_where_data_lie_also_of_what_is_prepared(project: Path, write: Write) -> None:
    data = project / "data.txt"
    data.write_text("content")
    write(REMEDIES)
    study = load_study("cells", [f"data.path={data}"])
    jobs = make_jobs(make_plan(study, cache=project), study, cache=project)
    assert len(jobs) == 2 * 4
    assert {job.settings["data"]["path"] for job in jobs} == {str(data)}
    assert {(job.trial.arm, job.metric) for job in jobs} == {
        ("preparation of anneal", None),
        *((arm, "validation/loss") for arm in ("none", "anneal", "reward")),
    }


def test_a_matched_size_is_that_of_what_arms_begin_with(project: Path, write: Write) -> None:
    write(REMEDIES + "match: {parameters: 90}\n")
    made = plan(project)
    assert {arm.name: arm.parameters for arm in made.every_arm} == dict.fromkeys(
        ("preparation of anneal", "none", "anneal", "reward"), made.arms[0].parameters
    )
    assert made.prepared[0].target == 90


CIRCLE = ('"remedy": "none", "epochs": 2', '"remedy": "reward" if settings.training.remedy == "anneal" else "anneal"')
ENDLESS = ('"remedy": "none", "epochs": 2', '"epochs": settings.training.epochs + 1')
OTHER_DATA = (
    '            return settings.model_copy(update={"training": training})',
    '            data = settings.data.model_copy(update={"lowercase": True})\n'
    '            return settings.model_copy(update={"training": training, "data": data})',
)
OTHER_NETWORK = (
    '            return settings.model_copy(update={"training": training})',
    '            network = settings.network.model_copy(update={"hidden": 3})\n'
    '            return settings.model_copy(update={"training": training, "network": network})',
)


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([CIRCLE], r"tasks/tiny/task.py: warm_start: trials cannot begin with each other in a circle \(received "),
        ([ENDLESS], r"tasks/tiny/task.py: warm_start: at most 20 trials may be prepared in a row"),
        (
            [OTHER_DATA, ('"toy" if data.path is None', '"toy" + str(data.lowercase) if data.path is None')],
            r"arm 'anneal': a trial must begin with .* same data \(received fingerprint toyTrue, its own is toyFalse\)",
        ),
        (
            [OTHER_NETWORK],
            r"tasks/tiny/task.py: Learner, arm 'anneal': a trial must find the weights that it begins with, by name "
            r"and shape \(received none for layer.weight, layer.bias\); .*begin_with",
        ),
    ],
    ids=["circle", "endless", "other data", "other network"],
)
def test_what_no_trial_can_begin_with_is_refused(
    project: Path, write: Write, edits: list[tuple[str, str]], told: str
) -> None:
    write(REMEDIES)
    edit(project, *edits)
    with pytest.raises(UserError, match=told):
        plan(project)


def test_a_module_that_takes_weights_over_itself_is_believed(project: Path, write: Write) -> None:
    write(REMEDIES)
    edit(project, OTHER_NETWORK, ("    def initialise", "    def begin_with(self, weights): ...\n    def initialise"))
    assert plan(project).prepared


def test_a_plan_that_begins_with_what_is_not_there_is_no_plan(project: Path, write: Write) -> None:
    write(REMEDIES)
    made = plan(project)
    for lost in (
        made.model_copy(update={"preparations": []}),
        made.model_copy(update={"prepared": []}),
    ):
        with pytest.raises(ValueError, match=r"which is not there|belongs to no arm"):
            Plan.model_validate_json(lost.model_dump_json())
