"""Every mistake of a study is told in one line with its place, all together, before anything is made."""

from collections.abc import Callable
from pathlib import Path

import pytest

from unroll.contract import UserError, UserErrors
from unroll.study import load_study, make_plan

Write = Callable[..., Path]
HEAD = "question: Why?\ntask: tiny\n"
FILE = "studies/cells/study.yaml"


def mistakes(overrides: list[str] | None = None, target: str = "cells") -> list[str]:
    """What is wrong with a study, line by line."""
    with pytest.raises(UserErrors) as raised:
        load_study(target, overrides or [])
    return str(raised.value).splitlines()


def test_six_mistakes_in_six_sections_are_six_lines(project: Path, write: Write) -> None:
    write(
        "question: 5\n"
        "task: tiny\n"
        "settings:\n"
        "  network: {hiden: 64}\n"
        "compare:\n"
        "  network.cell: [elman, lstn]\n"
        "seeds: [1, 1]\n"
        "metric: validation/los\n"
        "resources: {gpu: 1}\n"
    )
    before = sorted(project.rglob("*.json"))
    assert mistakes() == [
        f"{FILE}:1: question: must be a string (received 5)",
        f"{FILE}:4: settings.network.hiden: unknown key; did you mean 'hidden'?",
        f"{FILE}:6: compare.network.cell[1]: must be 'elman', 'gru' or 'lstm' (received 'lstn'); did you mean 'lstm'?",
        f"{FILE}:7: seeds: must be distinct seeds (received [1, 1])",
        f"{FILE}:8: metric: the task has no such metric (received 'validation/los'); did you mean 'validation/loss'?",
        f"{FILE}:9: resources.gpu: unknown key; did you mean 'gpus'?",
    ]
    assert sorted(project.rglob("*.json")) == before


CASES = {
    "an unknown key": (
        "compare: {network.cell: [gru]}\nseed: 3\n",
        f"{FILE}:4: seed: unknown key; did you mean 'seeds'?",
    ),
    "no factor": ("settings: {}\n", f"{FILE}: compare: is required"),
    "an unknown factor path": (
        "compare:\n  network.cel: [gru]\n",
        f"{FILE}:4: compare.network.cel: 'network.cel' is no setting of this task; did you mean 'network.cell'?",
    ),
    "a path without its section": (
        "compare:\n  hidden: [1]\n",
        f"{FILE}:4: compare.hidden: 'hidden' is no setting of this task; did you mean 'network.hidden'?",
    ),
    "an unknown path in a named factor": (
        "compare:\n  size:\n    small: {network.hiden: 1}\n",
        f"{FILE}:5: compare.size.small.network.hiden: 'network.hiden' is no setting of this task; "
        "did you mean 'network.hidden'?",
    ),
    "a wrong value in a named factor": (
        "compare:\n  size:\n    none: {network.hidden: 0}\n    some: {network.hidden: 1}\n",
        f"{FILE}:5: compare.size.none.network.hidden: must be greater than or equal to 1 (received 0)",
    ),
    "text for a number": (
        "compare: {network.cell: [gru]}\nsettings: {training: {epochs: '3'}}\n",
        f"{FILE}:4: settings.training.epochs: must be an integer (received '3')",
    ),
    "a truth value for a number": (
        "compare: {network.cell: [gru]}\nsettings: {training: {epochs: true}}\n",
        f"{FILE}:4: settings.training.epochs: must be an integer (received True)",
    ),
    "a number for a truth value": (
        "compare: {network.cell: [gru]}\nsettings: {data: {lowercase: 1}}\n",
        f"{FILE}:4: settings.data.lowercase: must be a boolean (received 1)",
    ),
    "a wrong item of a list": (
        "compare: {network.cell: [gru]}\nsettings: {training: {betas: [0.9, x]}}\n",
        f"{FILE}:4: settings.training.betas[1]: must be a number (received 'x')",
    ),
    "a dotted setting": (
        "compare: {network.cell: [gru]}\nsettings: {network.depth: 2}\n",
        f"{FILE}:4: settings.network.depth: unknown key; write it nested: network: {{depth: ...}}",
    ),
    "settings that do not go together": (
        "compare: {network.cell: [gru, lstm]}\nsettings: {network: {dropout: 0.5}}\n",
        f"{FILE}:4: settings: dropout between layers needs network.depth of 2 or more",
    ),
    "settings that do not go together in some arms": (
        "compare: {network.depth: [1, 2]}\nsettings: {network: {dropout: 0.5}}\n",
        f"{FILE}:4: settings: dropout between layers needs network.depth of 2 or more [arm depth=1]",
    ),
    "a level that stands twice": (
        "compare: {network.cell: [gru, gru]}\n",
        f"{FILE}:3: compare.network.cell[1]: a level may stand only once (received 'gru')",
    ),
    "two names for the same settings": (
        "compare: {size: {small: {network.hidden: 16}, default: {}}}\n",
        f"{FILE}:3: compare: two arms have the same settings (received 'small and default')",
    ),
    "a level that cannot be a name": (
        "compare: {data.path: [../b]}\n",
        f"{FILE}:3: compare.data.path[0]: a level's name must be letters, digits, '_', '-', '+' or '.' "
        "(received '../b'); name the factor and its levels: name: {level: {path: value}}",
    ),
    "a factor that cannot be a name": (
        "compare: {a/b: {x: {network.hidden: 1}}}\n",
        f"{FILE}:3: compare.a/b: a factor's name must be letters, digits, '_', '-', '+' or '.' (received 'a/b')",
    ),
    "no level": (
        "compare: {network.cell: []}\n",
        f"{FILE}:3: compare.network.cell: a factor must have at least one level",
    ),
    "a setting both shared and varied": (
        "compare: {network.cell: [gru]}\nsettings: {network: {cell: lstm}}\n",
        f"{FILE}:4: settings.network.cell: is varied by compare, so it must not be set for all; leave one of them out",
    ),
    "a setting varied twice": (
        "compare:\n  network.hidden: [1, 2]\n  size: {small: {network.hidden: 3}}\n",
        f"{FILE}:5: compare.size: 'network.hidden' is varied by the factor 'network.hidden' too",
    ),
    "too many arms": (
        f"compare: {{network.hidden: {list(range(1, 102))}, training.epochs: {list(range(1, 11))}}}\n",
        f"{FILE}:3: compare: must come to at most 1000 arms (received 1010)",
    ),
    "an exclusion of no factor": (
        "compare: {network.cell: [gru, lstm]}\nexclude: [{cell: gru}]\n",
        f"{FILE}:4: exclude[0].cell: is no factor of compare; did you mean 'network.cell'?",
    ),
    "an exclusion that matches nothing": (
        "compare: {network.cell: [gru, lstm]}\nexclude: [{network.cell: elman}]\n",
        f"{FILE}:4: exclude[0].network.cell: matches no arm: it is no level of this factor (received 'elman'); "
        "known: 'gru', 'lstm'",
    ),
    "an exclusion of everything": (
        "compare: {network.cell: [gru]}\nexclude: [{network.cell: gru}]\n",
        f"{FILE}:4: exclude: leaves no arm",
    ),
    "an empty exclusion": (
        "compare: {network.cell: [gru]}\nexclude: [{}]\n",
        f"{FILE}:4: exclude[0]: must name at least one level",
    ),
    "a size both matched and set": (
        "compare: {network.cell: [gru]}\nsettings: {network: {hidden: 3}}\nmatch: {parameters: 99}\n",
        f"{FILE}:4: settings.network.hidden: match solves 'network.hidden', so it must not be set (received 3); "
        "leave one of them out (match=null)",
    ),
    "a size both matched and varied": (
        "compare: {network.hidden: [1, 2]}\nmatch: {parameters: 99}\n",
        f"{FILE}:3: compare.network.hidden: match solves 'network.hidden', so it must not be set; "
        "leave one of them out (match=null)",
    ),
    "nothing to match": (
        "compare: {network.cell: [gru]}\nmatch: {}\n",
        f"{FILE}:4: match: must name one of parameters and flops_per_token (null leaves the other out)",
    ),
    "two things to match": (
        "compare: {network.cell: [gru]}\nmatch: {parameters: 99, flops_per_token: 99}\n",
        f"{FILE}:4: match: must name one of parameters and flops_per_token (null leaves the other out)",
    ),
    "no operations to match": (
        "compare: {network.cell: [gru]}\nmatch: {flops_per_token: 0}\n",
        f"{FILE}:4: match.flops_per_token: must be greater than 0 (received 0)",
    ),
    "no seed": (
        "compare: {network.cell: [gru]}\nseeds: 0\n",
        f"{FILE}:4: seeds: must be a number of seeds from 1 to 10000, or a list of seeds (received 0)",
    ),
    "a seed below zero": (
        "compare: {network.cell: [gru]}\nseeds: [0, -1]\n",
        f"{FILE}:4: seeds[1]: must be greater than or equal to 0 (received -1)",
    ),
    "a baseline that is no arm": (
        "compare: {network.cell: [gru, lstm]}\nbaseline: ltsm\n",
        f"{FILE}:4: baseline: must be the name of an arm (received 'ltsm'); did you mean 'lstm'?",
    ),
    "a baseline of no shape": (
        "compare: {network.depth: [1, 2]}\nbaseline: 2\n",
        f"{FILE}:4: baseline: must be the name of an arm, or a mapping of factors to one of their levels (received 2)",
    ),
    "a level that is taken for an arm": (
        "compare: {network.cell: [gru, lstm], network.depth: [1, 2]}\nbaseline: gru\n",
        f"{FILE}:4: baseline: must be the name of an arm (received 'gru'); a level is written {{network.cell: gru}}",
    ),
    "a baseline without a level": (
        "compare: {network.cell: [gru, lstm]}\nbaseline: {}\n",
        f"{FILE}:4: baseline: must name at least one level",
    ),
    "a baseline of an unknown factor": (
        "compare: {network.cell: [gru, lstm], size: {s: {network.hidden: 4}, l: {}}}\nbaseline: {sise: s}\n",
        f"{FILE}:4: baseline.sise: is no factor of compare; did you mean 'size'?",
    ),
    "a baseline of an unknown level": (
        "compare: {network.cell: [gru, lstm], network.depth: [1, 2]}\nbaseline:\n  network.cell: ltsm\n",
        f"{FILE}:5: baseline.network.cell: matches no arm: it is no level of this factor (received 'ltsm'); "
        "did you mean 'lstm'?",
    ),
    "a baseline that was left out": (
        "compare: {network.cell: [gru, lstm], network.depth: [1, 2]}\nbaseline: {network.cell: gru}\n"
        "exclude: [{network.cell: gru, network.depth: 2}]\n",
        f"{FILE}:4: baseline: exclude leaves out what an arm is to be compared with, 'cell=gru, depth=2' "
        "(received 'cell=lstm, depth=2'); exclude this arm too, or choose other levels",
    ),
    "a setting of another section": (
        "compare: {network.cell: [gru]}\nsettings: {training: {depth: 3}}\n",
        f"{FILE}:4: settings.training.depth: unknown key; did you mean 'network.depth'?",
    ),
    "the first letters of a setting": (
        "compare: {network.cell: [gru]}\nsettings: {training: {lr: 3}}\n",
        f"{FILE}:4: settings.training.lr: unknown key; did you mean 'learning_rate'?",
    ),
    "a section beside the settings": (
        "compare: {network.cell: [gru]}\ntraining: {epochs: 3}\n",
        f"{FILE}:4: training: unknown key; write it nested: settings: {{training: ...}}",
    ),
    "a metric without its split": (
        "compare: {network.cell: [gru]}\nmetric: loss\n",
        f"{FILE}:4: metric: the task has no such metric (received 'loss'); did you mean 'validation/loss'?",
    ),
    "endless patience": (
        "compare: {network.cell: [gru]}\nlimits: {no_progress_seconds: .inf}\n",
        f"{FILE}:4: limits.no_progress_seconds: must be less than or equal to 1000000000 (received inf)",
    ),
    "endless cores": (
        "compare: {network.cell: [gru]}\nresources: {cpus: .inf}\n",
        f"{FILE}:4: resources.cpus: must be less than or equal to 100000 (received inf)",
    ),
    "no number of cores": (
        "compare: {network.cell: [gru]}\nresources: {cpus: .nan}\n",
        f"{FILE}:4: resources.cpus: must be less than or equal to 100000 (received nan)",
    ),
    "hardly a core": (
        "compare: {network.cell: [gru]}\nresources: {cpus: 1e-12}\n",
        f"{FILE}:4: resources.cpus: must be greater than or equal to 0.001 (received 1e-12)",
    ),
    "hardly a GPU": (
        "compare: {network.cell: [gru]}\nresources: {gpus: 1e-12}\n",
        f"{FILE}:4: resources.gpus: must be 0, or at least 0.001 (received 1e-12)",
    ),
    "a claim of no kind that there is": (
        "compare: {network.cell: [gru, lstm]}\nclaims: [gru is best]\n",
        f"{FILE}:4: claims[0]: a claim must be one of: A better than B [by X|by X%] [on METRIC]; A within X|X% of B "
        "[on METRIC]; A diverges less than B; A flatter than B in [log] FACTOR [on METRIC] (received 'gru is best')",
    ),
    "a claim with a slip": (
        "compare: {network.cell: [gru, lstm]}\nclaims: [gru better then lstm]\n",
        f"{FILE}:4: claims[0]: a claim must be one of: A better than B [by X|by X%] [on METRIC]; A within X|X% of B "
        "[on METRIC]; A diverges less than B; A flatter than B in [log] FACTOR [on METRIC] (received 'gru better then "
        "lstm'); did you mean 'A better than B [by X|by X%] [on METRIC]'?",
    ),
    "a claim on no arm": (
        "compare: {network.cell: [gru, lstm]}\nclaims: [gru better than lstn]\n",
        f"{FILE}:4: claims[0]: 'lstn' is neither an arm nor a level of a factor (received 'gru better than lstn'); "
        "did you mean 'lstm'?",
    ),
    "a claim on no metric": (
        "compare: {network.cell: [gru, lstm]}\nclaims: [gru better than lstm by 2% on validation/los]\n",
        f"{FILE}:4: claims[0]: the task has no metric 'validation/los' (received 'gru better than lstm by 2% on "
        "validation/los'); did you mean 'validation/loss'?",
    ),
    "a margin that is none": (
        "compare: {network.cell: [gru, lstm]}\nclaims: [gru within 0 of lstm]\n",
        f"{FILE}:4: claims[0]: the margin after 'within' must be a number above 0 (received 'gru within 0 of lstm')",
    ),
    "a margin of all there is": (
        "compare: {network.cell: [gru, lstm]}\nclaims: [gru better than lstm by 100%]\n",
        f"{FILE}:4: claims[0]: the margin after 'by' must be above 0 and below 100 % (received 'gru better than lstm "
        "by 100%')",
    ),
    "a claim of one side": (
        "compare: {network.cell: [gru, lstm]}\nclaims: [gru better than cell=gru]\n",
        f"{FILE}:4: claims[0]: the two sides of a claim must differ (received 'gru better than cell=gru')",
    ),
    "sides of two kinds": (
        "compare: {network.cell: [gru, lstm], network.hidden: [8, 16]}\nclaims: [gru better than 16]\n",
        f"{FILE}:4: claims[0]: both sides must be arms, or both levels of the same factor (received 'gru better than "
        "16')",
    ),
    "a slope along nothing": (
        "compare: {network.cell: [gru, lstm], network.hidden: [8, 16]}\nclaims: [gru flatter than lstm in hiden]\n",
        f"{FILE}:4: claims[0]: 'hiden' is no factor of compare (received 'gru flatter than lstm in hiden'); did you "
        "mean 'hidden'?",
    ),
    "a slope along words": (
        "compare: {network.cell: [gru, lstm], network.hidden: [8, 16]}\nclaims: [8 flatter than 16 in cell]\n",
        f"{FILE}:4: claims[0]: the levels of 'cell' must be numbers: slopes are taken along them (received '8 flatter "
        "than 16 in cell')",
    ),
    "a slope along the sides": (
        "compare: {network.hidden: [8, 16]}\nclaims: [8 flatter than 16 in hidden]\n",
        f"{FILE}:4: claims[0]: the sides must be levels of another factor than 'hidden', along which slopes are taken "
        "(received '8 flatter than 16 in hidden'); compare a second factor",
    ),
    "sides that are never beside each other": (
        "compare: {network.cell: [gru, lstm], network.hidden: [8, 16]}\n"
        "exclude: [{network.cell: gru, network.hidden: 8}, "
        "{network.cell: lstm, network.hidden: 16}]\nclaims: [gru better than lstm]\n",
        f"{FILE}:5: claims[0]: the sides of a claim must have arms that agree in all other factors (received 'gru "
        "better than lstm'); exclude leaves them out",
    ),
    "a claim that stands twice": (
        "compare: {network.cell: [gru, lstm]}\nclaims: [gru better than lstm, gru  better than lstm]\n",
        f"{FILE}:4: claims[1]: a claim may stand only once (received 'gru  better than lstm')",
    ),
    "a claim that stands twice in other words": (
        "compare: {network.cell: [gru, lstm]}\n"
        "claims: [gru better than lstm by 3%, cell=gru better than lstm by 3.0 % on validation/loss]\n",
        f"{FILE}:4: claims[1]: a claim may stand only once (received 'cell=gru better than lstm by 3.0 % on "
        "validation/loss')",
    ),
    "a margin that is no number of YAML": (
        "compare: {network.cell: [gru, lstm]}\nclaims: [gru better than lstm by 1_0]\n",
        f"{FILE}:4: claims[0]: the margin after 'by' must be a number above 0 (received 'gru better than lstm by 1_0')",
    ),
    "a side of another case": (
        "compare: {network.cell: [gru, lstm]}\nclaims: [GRU better than lstm]\n",
        f"{FILE}:4: claims[0]: 'GRU' is neither an arm nor a level of a factor (received 'GRU better than lstm'); did "
        "you mean 'gru'?",
    ),
    "more claims than there may be": (
        f"compare: {{network.cell: [gru, lstm]}}\nclaims: [{', '.join(f'gru {n}' for n in range(101))}]\n",
        f"{FILE}:4: claims: must have at most 100 items (received "
        "['gru 0', 'gru 1', 'gru 2', 'gru 3', 'gru 4', 'gru 5', 'g...)",
    ),
    "a metric without a name": (
        "compare: {network.cell: [gru]}\nmetric: ''\n",
        f"{FILE}:4: metric: the task has no such metric (received ''); known: 'validation/loss', 'test/accuracy'",
    ),
    "a search of nothing": (
        "compare: {network.cell: [gru]}\ntune: {draws: 2, search: {}}\n",
        f"{FILE}:4: tune.search: must have at least 1 item",
    ),
    "a claim that is no sentence": (
        "compare: {network.cell: [gru, lstm]}\nclaims: [{gru: lstm}]\n",
        f"{FILE}:4: claims[0]: must be a string",
    ),
    "more than a GPU": (
        "compare: {network.cell: [gru]}\nresources: {gpus: 2}\n",
        f"{FILE}:4: resources.gpus: must be less than or equal to 1 (received 2)",
    ),
    "a mode that W&B does not have": (
        "compare: {network.cell: [gru]}\nwandb: {mode: of}\n",
        f"{FILE}:4: wandb.mode: must be 'offline', 'online' or 'disabled' (received 'of')",
    ),
    "a misspelt key that is required": (
        "compare: {network.cell: [gru]}\nmatch: {parameter: 99}\n",
        f"{FILE}:4: match.parameter: unknown key; did you mean 'parameters'?",
    ),
    "a misspelt key that is required, at the top": (
        "compar: {network.cell: [gru]}\n",
        f"{FILE}:3: compar: unknown key; did you mean 'compare'?",
    ),
    "nothing for a number": (
        "compare: {network.cell: [gru]}\nsettings: {training: {epochs: null}}\n",
        f"{FILE}:4: settings.training.epochs: must be an integer (received null)",
    ),
    "a section that is no mapping": (
        "compare: {network.cell: [gru]}\nsettings: {network: 3}\n",
        f"{FILE}:4: settings.network: must be a mapping (received 3)",
    ),
}


@pytest.mark.parametrize(("text", "line"), CASES.values(), ids=CASES.keys())
def test_a_mistake_is_one_line(write: Write, text: str, line: str) -> None:
    write(HEAD + text)
    assert mistakes() == [line]


KEYS = (
    "known: 'question', 'task', 'settings', 'compare', 'exclude', 'match', 'tune', 'seeds', 'metric', "
    "'baseline', 'claims', 'resources', 'wandb', 'limits', 'keep', 'log_every_steps'"
)


def test_an_unrelated_unknown_key_does_not_hide_a_missing_one(write: Write) -> None:
    write(HEAD + "xyz: 99\n")
    assert mistakes() == [f"{FILE}: compare: is required", f"{FILE}:3: xyz: unknown key; {KEYS}"]


def test_a_task_that_tells_no_operations_cannot_be_matched_by_them(project: Path, write: Write) -> None:
    task = project / "tasks" / "tiny" / "task.py"
    task.write_text(task.read_text().replace("def flops_per_token", "def something_else"))
    write(HEAD + "compare: {network.cell: [gru]}\nmatch: {flops_per_token: 99}\n")
    assert mistakes() == [
        f"{FILE}:4: match.flops_per_token: the task does not count its operations per token; match parameters, or "
        "define flops_per_token in tasks/tiny/task.py (docs/add-a-task.md)"
    ]


def test_a_task_without_a_size_cannot_be_matched(project: Path, write: Write) -> None:
    task = project / "tasks" / "tiny" / "task.py"
    task.write_text(task.read_text().replace("    version = 1", "    version = 1\n    size_setting = 'network.width'"))
    write(HEAD + "compare: {network.cell: [gru]}\nmatch: {parameters: 99}\n")
    assert mistakes() == [
        f"{FILE}:4: match: the task has no setting 'network.width' that could be solved; leave match out"
    ]


def test_the_measure_of_a_match_is_changed_on_the_command_line(write: Write) -> None:
    write(HEAD + "compare: {network.cell: [gru]}\nmatch: {parameters: 99}\n")
    assert mistakes(["match.flops_per_token=99"]) == [
        f"{FILE}:4: match: must name one of parameters and flops_per_token (null leaves the other out)"
    ]
    match = load_study("cells", ["match.flops_per_token=99", "match.parameters=null"]).match
    assert match is not None
    assert (match.measure, match.target) == ("flops_per_token", 99)


def test_an_unknown_task_does_not_hide_other_mistakes(write: Write) -> None:
    write("question: Why?\ntask: tinny\ncompare: {network.cell: [gru]}\nseeds: none\n")
    assert mistakes() == [
        f"{FILE}:2: task: there is no such task (received 'tinny'); did you mean 'tiny'?",
        f"{FILE}:4: seeds: must be a number of seeds from 1 to 10000, or a list of seeds (received 'none')",
    ]


def test_a_task_is_named_by_its_folder_and_never_by_a_path_of_code(write: Write) -> None:
    for name in ("os.system", "../tiny", "tiny/task", "tiny.task"):
        write(f"question: Why?\ntask: {name}\ncompare: {{network.cell: [gru]}}\n")
        assert f"{FILE}:2: task: " in mistakes()[0]


def test_a_broken_factor_does_not_hide_the_levels_of_another(write: Write) -> None:
    write(HEAD + "compare:\n  network.cell: [lstn, gru]\n  network.depht: [1, 2]\n")
    assert [line.split(": ")[1] for line in mistakes()] == ["compare.network.cell[0]", "compare.network.depht"]


@pytest.mark.parametrize(
    ("yaml", "where"),
    [
        ("compare: {network.cell: [gru]}\nsettings: {data: {path: ../gone}}", ":4: settings.data.path"),
        ("compare: {corpus: {a: {}, b: {data.path: ../gone}}}", ":3: compare.corpus.b.data.path"),
    ],
)
def test_a_mistake_in_the_data_names_the_line_that_names_them(
    project: Path, write: Write, yaml: str, where: str
) -> None:
    write(HEAD + yaml)
    study = load_study("cells")
    with pytest.raises(UserError) as raised:
        make_plan(study, cache=project)
    assert str(raised.value) == f"{FILE}{where}: {project / 'studies' / 'gone'}: the data must exist"


def test_each_of_several_mistakes_in_the_data_names_the_line_that_names_them(project: Path, write: Write) -> None:
    write(HEAD + "compare: {network.cell: [gru]}\nsettings: {data: {path: ..}}")
    with pytest.raises(UserErrors) as raised:
        make_plan(load_study("cells"), cache=project)
    folder = project / "studies"
    assert str(raised.value).split("\n") == [
        f"{FILE}:4: settings.data.path: {folder / name}: a file must be right" for name in "ab"
    ]


def test_arms_that_differ_only_in_where_equal_data_lie_are_the_same_run(project: Path, write: Write) -> None:
    for name in ("a", "b"):
        (project / name).write_text("equal")
    write(HEAD + "compare: {corpus: {a: {data.path: ../../a}, b: {data.path: ../../b}}}\nseeds: 1\n")
    study = load_study("cells")
    with pytest.raises(UserError, match=r"compare: two arms are the same run \(received 'a' and 'b'\)"):
        make_plan(study, cache=project)


def test_a_task_whose_name_is_nearly_right_hides_no_other_mistake(write: Write) -> None:
    write("question: Why?\ntask: tinny\ncompare: {network.cell: [gru, lstn]}\nsettings: {network: {hiden: 3}}\n")
    assert mistakes(["training.epoch=1"]) == [
        "command line: training.epoch: unknown key; did you mean 'training.epochs'?",
        f"{FILE}:2: task: there is no such task (received 'tinny'); did you mean 'tiny'?",
        f"{FILE}:3: compare.network.cell[1]: must be 'elman', 'gru' or 'lstm' (received 'lstn'); did you mean 'lstm'?",
        f"{FILE}:4: settings.network.hiden: unknown key; did you mean 'hidden'?",
    ]


def test_claims_are_read_with_all_other_mistakes_whatever_stands_in_them(write: Write) -> None:
    write(HEAD + "compare: {network.cell: [gru]}\ntune: {draws: none}\nclaims: [of]\nseeds: 0\n")
    assert mistakes() == [
        f"{FILE}:4: tune.draws: must be an integer (received 'none')",
        f"{FILE}:4: tune.search: is required",
        f"{FILE}:5: claims[0]: a claim must be one of: A better than B [by X|by X%] [on METRIC]; A within X|X% of B "
        "[on METRIC]; A diverges less than B; A flatter than B in [log] FACTOR [on METRIC] (received 'of'); "
        "did you mean 'A within X|X% of B [on METRIC]'?",
        f"{FILE}:6: seeds: must be a number of seeds from 1 to 10000, or a list of seeds (received 0)",
    ]


@pytest.mark.parametrize("target", ["cells", "studies/cells", "studies/cells/study.yml"])
def test_a_study_file_of_another_name_is_told_its_name(write: Write, target: str) -> None:
    file = write()
    file.rename(file.with_suffix(".yml"))
    with pytest.raises(UserError, match=r"^studies/cells/study\.yml: a study's file is called study\.yaml; rename it"):
        load_study(target)
