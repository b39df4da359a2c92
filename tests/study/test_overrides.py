"""What ``key=value`` and ``key=a,b`` on the command line do to a study."""

from collections.abc import Callable
from pathlib import Path

import pytest

from unroll.contract import UserErrors
from unroll.study import Study, load_study, make_jobs, make_plan
from unroll.study._overrides import repeated_overrides, split_commas

Write = Callable[..., Path]
NAMED = """\
question: Why?
task: tiny
compare:
  remedy:
    none: {}
    strong: {network.dropout: 0.5, network.depth: 2}
    weak: {network.dropout: 0.1, network.depth: 2}
"""


def load(*overrides: str) -> Study:
    return load_study("cells", overrides)


def refused(*overrides: str) -> str:
    with pytest.raises(UserErrors) as raised:
        load(*overrides)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        ("[1,2],3", ["[1,2]", "3"]),
        ("{a: 1, b: [2,3]},4", ["{a: 1, b: [2,3]}", "4"]),
        ("'a,b',c", ["'a,b'", "c"]),
        ('"a,]b",c', ['"a,]b"', "c"]),
        ("a,", ["a", ""]),
    ],
)
def test_brackets_and_quotes_protect_commas(text: str, parts: list[str]) -> None:
    assert split_commas(text) == parts


def test_own_keys_are_set_whatever_their_depth(write: Write) -> None:
    write()
    study = load("seeds=3", "resources.gpus=0.25", "wandb.mode=disabled", "match.parameters=3_000", "question='a, b'")
    assert study.seeds == [0, 1, 2]
    assert study.resources.gpus == 0.25
    assert study.wandb.mode == "disabled"
    assert study.match is not None
    assert study.match.parameters == 3000
    assert study.question == "a, b"


def test_seeds_may_be_listed(write: Write) -> None:
    write()
    assert load("seeds=3,5").seeds == [3, 5]
    assert load("seeds=[7]").seeds == [7]


def test_null_takes_an_own_key_back(write: Write) -> None:
    write("question: Why?\ntask: tiny\ncompare: {network.hidden: [1, 2]}\nmatch: {parameters: 5}\n")
    assert load("match=null").match is None


def test_a_setting_is_set_for_all_arms(write: Write) -> None:
    write()
    study = load("training.epochs=1", "data.lowercase=true", "training.betas=[0.5, 0.6]")
    assert study.settings["training"] == {"epochs": 1, "betas": [0.5, 0.6]}
    assert study.settings["data"] == {"lowercase": True}


def test_a_comma_makes_a_factor_of_a_setting(write: Write) -> None:
    write()
    study = load("network.depth=1,2")
    assert study.compare == {"network.cell": ["elman", "gru", "lstm"], "network.depth": [1, 2]}
    assert study.baseline == "cell=elman, depth=1"
    assert "depth" not in study.settings["network"]


def test_a_comma_replaces_the_levels_of_a_factor(write: Write) -> None:
    write()
    assert load("network.cell=lstm,gru").compare == {"network.cell": ["lstm", "gru"]}


@pytest.mark.parametrize("key", ["network.cell", "network.depth"])
def test_a_list_is_compared_where_the_setting_takes_none(write: Write, key: str) -> None:
    write()
    values = "lstm,gru" if key == "network.cell" else "1,2"
    listed, typed = load(f"{key}=[{values}]"), load(f"{key}={values}")
    assert (listed.compare, listed.settings) == (typed.compare, typed.settings)


def test_one_value_leaves_a_factor_with_one_level_so_that_its_trials_keep_their_names(
    project: Path, write: Write
) -> None:
    write()
    one, all_cells = load("network.cell=lstm"), load()
    assert one.compare == {"network.cell": ["lstm"]}
    assert one.baseline == "lstm"
    of_lstm = [trial for trial in make_plan(all_cells, cache=project).trials if trial.arm == "lstm"]
    assert make_plan(one, cache=project).trials == of_lstm


def test_levels_of_a_named_factor_are_chosen_by_name(write: Write) -> None:
    write(NAMED)
    assert list(load("remedy=weak,none").compare["remedy"]) == ["weak", "none"]
    assert list(load("remedy=weak").compare["remedy"]) == ["weak"]


def test_a_location_on_the_command_line_is_relative_to_the_working_directory(
    project: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "corpus").write_text("here")
    write()
    monkeypatch.chdir(project / "studies")
    study = load_study("cells", ["data.path=../corpus", "seeds=1"])
    plan = make_plan(study, cache=project)
    assert plan.arms[0].fingerprint == "here"
    assert make_jobs(plan, study, cache=project)[0].settings["data"]["path"] == str(project / "corpus")


def test_a_location_in_the_file_is_relative_to_the_file(project: Path, write: Write) -> None:
    (project / "studies" / "corpus").write_text("there")
    write(
        "question: Why?\ntask: tiny\nsettings: {data: {path: ../corpus}}\n"
        "compare: {size: {a: {network.hidden: 1}, b: {network.hidden: 2, data.path: ../corpus}}}\n"
    )
    plan = make_plan(load(), cache=project)
    assert {arm.fingerprint for arm in plan.arms} == {"there"}
    assert str(project) not in plan.model_dump_json()


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (
            ["epochs"],
            "command line: an override must be written key=value (received 'epochs'); "
            "several values are written key=a,b",
        ),
        (
            ["network.cell=[]"],
            "command line: network.cell: values to compare must be at least one (received [])",
        ),
        (
            ["network.cell=gru,", "lstm"],
            "command line: an override must be one word (received 'network.cell=gru, lstm'); "
            "write it without blanks: network.cell=gru,lstm",
        ),
        (
            ["training.epochs=1", "network.cell", "=", "gru"],
            "command line: an override must be one word (received 'network.cell = gru'); "
            "write it without blanks: network.cell=gru",
        ),
        (["training.lr=1"], "command line: training.lr: unknown key; did you mean 'training.learning_rate'?"),
        (["training.depth=1"], "command line: training.depth: unknown key; did you mean 'network.depth'?"),
        (
            ["metric=accuracy"],
            "command line: metric: the task has no such metric (received 'accuracy'); did you mean 'test/accuracy'?",
        ),
        (["=3"], "command line: an override must be written key=value (received '=3')"),
        (["seeds="], "command line: seeds: a value is missing; write null for none"),
        (
            ["network.cell=gru,"],
            "command line: network.cell: a value is missing; write null for none",
        ),
        (["seedz=3"], "command line: seedz: unknown key; did you mean 'seeds'?"),
        (["epochs=3"], "command line: epochs: unknown key; did you mean 'training.epochs'?"),
        (["training.epoch=3"], "command line: training.epoch: unknown key; did you mean 'training.epochs'?"),
        (["resources.gpu=1"], "command line: resources.gpu: unknown key; did you mean 'gpus'?"),
        (["limits.retries=-1"], "command line: limits.retries: must be greater than or equal to 0 (received -1)"),
        (["training.epochs=0"], "command line: training.epochs: must be greater than or equal to 1 (received 0)"),
        (
            ["baseline.network.cel=gru"],
            "command line: baseline.network.cel: is no factor of compare; did you mean 'network.cell'?",
        ),
        (
            ["baseline.network.cell=ltsm"],
            "command line: baseline.network.cell: matches no arm: it is no level of this factor (received 'ltsm'); "
            "did you mean 'lstm'?",
        ),
        (
            ["network.cell=gru,lstn"],
            "command line: network.cell[1]: must be 'elman', 'gru' or 'lstm' (received 'lstn'); did you mean 'lstm'?",
        ),
        (
            ["settings.training.epochs=1"],
            "command line: settings.training.epochs: a setting is named without 'settings.'; write training.epochs=...",
        ),
        (["metric=a,b"], "command line: metric: must be a string (received ['a', 'b'])"),
        (
            ["log_every_steps=[1"],
            "command line: log_every_steps: not valid YAML: expected ',' or ']', but got '<stream end>' "
            "(received '[1')",
        ),
        (
            ["seeds.first=3", "seeds.start=6", "seeds.up_to=12"],
            "command line: seeds.first: unknown key; known: 'start', 'up_to', 'step', 'spending'",
        ),
    ],
)
def test_a_wrong_override_is_one_line(write: Write, overrides: list[str], told: str) -> None:
    write()
    assert refused(*overrides) == told


def test_what_does_not_go_together_is_told_of_the_command_line_if_that_wrote_any_of_it(write: Write) -> None:
    text = "question: Why?\ntask: tiny\ncompare: {network.cell: [gru]}\nsettings: {network: {depth: 1}}\n"
    rule = "dropout between layers needs network.depth of 2 or more"
    write(text)
    assert refused("network.dropout=0.5") == f"command line: {rule}"
    write(text.replace("depth: 1", "dropout: 0.5"))
    assert refused("training.epochs=1") == f"studies/cells/study.yaml:4: settings: {rule}"
    assert refused("network.depth=1") == f"command line: {rule}"


def test_what_does_not_go_together_in_a_section_is_told_of_that_section(write: Write) -> None:
    write("question: Why?\ntask: tiny\ncompare: {network.cell: [gru]}\nsettings: {training: {epochs: 2}}\n")
    rule = "warmup must be shorter than epochs, received 3 and 2"
    assert refused("training.warmup=3") == f"command line: training: {rule}"


def test_a_wrong_level_of_a_named_factor_is_told(write: Write) -> None:
    write(NAMED)
    assert refused("remedy=week") == "command line: remedy: unknown level (received 'week'); did you mean 'weak'?"


def test_a_setting_that_levels_decide_is_not_silently_lost(write: Write) -> None:
    write(NAMED)
    assert refused("network.dropout=0.3") == (
        "command line: network.dropout: 'network.dropout' is set by the factor 'remedy'; "
        "choose its levels: remedy=none,strong,weak"
    )


def test_mistakes_of_file_and_command_line_are_told_together(write: Write) -> None:
    write("question: 5\ntask: tiny\ncompare: {network.cell: [gru]}\n")
    assert refused("seedz=1", "training.epochs=0").splitlines() == [
        "command line: seedz: unknown key; did you mean 'seeds'?",
        "command line: training.epochs: must be greater than or equal to 1 (received 0)",
        "studies/cells/study.yaml:1: question: must be a string (received 5)",
    ]


def test_a_key_given_twice_is_a_mistake() -> None:
    (error,) = repeated_overrides(["seeds=2", "network.cell=lstm", " seeds = 3", "training.epochs=1"])
    assert str(error) == "command line: seeds: a key must be given once (received 2 times)"
