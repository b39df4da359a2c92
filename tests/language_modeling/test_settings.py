"""Settings that make no sense are refused in one clear line."""

import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tasks.language_modeling.settings import LanguageModelingSettings
from tasks.learning.settings import TrainingSettings
from tasks.recurrent.cells import cell_names, find_cell
from tasks.recurrent.omega.settings import ELMAN_CELLS
from tasks.recurrent.omega.total_gradients import check_elman
from tasks.remedies.settings import RemedySettings
from unroll.contract import UserError, find_measurements
from unroll.study import load_study, make_plan

CASES: list[tuple[dict[str, Any], str]] = [
    (
        {"network": {"cell": "ltsm"}},
        f"a cell is one of {', '.join(cell_names())}; did you mean 'lstm'?",
    ),
    (
        {"network": {"tie_weights": True, "hidden": 20, "embedding": 10}},
        "tie_weights needs embedding equal to hidden, received embedding 10 and hidden 20; leave embedding out",
    ),
    (
        {"network": {"tie_weights": True, "connections": "skip", "depth": 2}},
        "tie_weights needs outputs of size hidden, and connections skip gives depth times as many, received depth 2",
    ),
    (
        {"network": {"direction": "bidirectional"}},
        "a language model must read forward: reading ahead would show it what it predicts",
    ),
    (
        {"network": {"cell": "gru", "ablation": "no_forget_gate"}},
        "cell gru has no use for ablation: leave it out, or choose lstm",
    ),
    (
        {"network": {"initialization": "uniform"}},
        "initialization_scale is needed by initialization uniform, and by no other, received null for uniform",
    ),
    (
        {"network": {"initialization_scale": 0.1}},
        "initialization_scale is needed by initialization uniform, and by no other, received 0.1 for scaled",
    ),
    (
        {"training": {"decay_start": 4}},
        "decay_start and decay_factor are set together or not at all, received 4 and null",
    ),
    (
        {"training": {"clip_value": 0.1}},
        "clip_norm and clip_value exclude each other, received 1.0 and 0.1; set one of them to null",
    ),
    ({"training": {"clip_norm": None, "clip_value": 0}}, "greater than 0"),
    ({"training": {"omega": 0}}, "greater than 0"),
    ({"training": {"diagnose_every": 0}}, "greater than or equal to 1"),
    ({"network": {"hidden": 0}}, "greater than or equal to 1"),
    ({"network": {"dropout": 1.0}}, "less than 1"),
    ({"training": {"clip_norm": 0}}, "greater than 0"),
    ({"training": {"learning_rate": 0}}, "greater than 0"),
    ({"network": {"hidden": 10**20}}, "less than or equal to 65536"),
    ({"network": {"embedding": 2**40}}, "less than or equal to 65536"),
    ({"network": {"depth": 65}}, "less than or equal to 64"),
    ({"network": {"forget_bias": 1e300}}, "less than or equal to 1000"),
    ({"network": {"forget_bias": -1e300}}, "greater than or equal to -1000"),
    ({"training": {"batch_size": 10**20}}, "less than or equal to 65536"),
    ({"training": {"evaluation_batch_size": 10**20}}, "less than or equal to 65536"),
    ({"training": {"bptt": 10**20}}, "less than or equal to 65536"),
    ({"training": {"epochs": 10**20}}, "less than or equal to 100000"),
    ({"training": {"learning_rate": 1e300}}, "less than or equal to 1000000"),
    ({"training": {"window": 20}}, "Extra inputs are not permitted"),
]


@pytest.mark.parametrize(("nested", "text"), CASES)
def test_a_mistake_is_told(nested: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LanguageModelingSettings.model_validate(nested)
    (error,) = caught.value.errors()
    assert text in error["msg"]
    assert error["loc"][0] in nested


OMEGA: list[tuple[dict[str, Any], str]] = [
    ({"cell": "lstm"}, "omega is defined for the cells elman and irnn, received lstm"),
    (
        {"cell": "elman", "zoneout": 0.1},
        "omega needs states that nothing disturbs between steps, received zoneout 0.1 and recurrent_dropout 0.0",
    ),
    (
        {"cell": "irnn", "recurrent_dropout": 0.2},
        "omega needs states that nothing disturbs between steps, received zoneout 0.0 and recurrent_dropout 0.2",
    ),
]


@pytest.mark.parametrize(("network", "text"), OMEGA)
def test_omega_is_refused_where_it_is_not_defined(network: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LanguageModelingSettings.model_validate({"network": network, "training": {"omega": 2.0}})
    (error,) = caught.value.errors()
    assert error["msg"] == f"Value error, {text}"


@pytest.mark.parametrize("cell", cell_names())
def test_omega_goes_with_the_cells_that_it_is_computed_for(cell: str) -> None:
    built = find_cell(cell)(inputs=1, hidden=1)  # type: ignore[call-arg]
    if cell in ELMAN_CELLS:
        check_elman(built)
    else:
        with pytest.raises(UserError):
            check_elman(built)


NUMBERS = ["network.dropout", "network.forget_bias", "network.initialization_scale", "training.learning_rate"]
NUMBERS += ["network.recurrent_dropout", "network.zoneout", "network.zoneout_memory", "network.recurrent_gain"]
NUMBERS += ["training.decay_factor", "training.clip_norm", "training.clip_value", "training.omega"]
NUMBERS += ["training.momentum", "training.weight_decay", "training.plateau_factor"]
NUMBERS += ["data.validation_fraction", "data.test_fraction"]
NUMBERS += [
    f"training.{name}"
    for name, field in RemedySettings.model_fields.items()
    if name not in TrainingSettings.model_fields and field.annotation == float | None
]


def test_these_are_all_the_settings_that_are_no_whole_numbers() -> None:
    sections = LanguageModelingSettings.model_fields
    fields = {
        f"{section}.{name}": field
        for section in sections
        for name, field in getattr(LanguageModelingSettings(), section).__class__.model_fields.items()
    }
    assert set(NUMBERS) == {path for path, field in fields.items() if field.annotation in (float, float | None)}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("path", NUMBERS)
def test_numbers_are_finite(path: str, value: float) -> None:
    section, name = path.split(".")
    with pytest.raises(ValidationError) as caught:
        LanguageModelingSettings.model_validate({section: {name: value}})
    (error,) = caught.value.errors()
    assert (error["loc"], error["msg"]) == ((section, name), "Input should be a finite number")


def test_a_size_that_only_match_could_ask_for_is_refused(root: Path, tmp_path: Path) -> None:
    study = load_study(root / "studies" / "quickstart", ["match.parameters=1_000_000_000_000", "data.sentences=20"])
    with pytest.raises(UserError, match=r"match\.parameters: arm 'elman' stays below it up to network\.hidden=65536"):
        make_plan(study, cache=tmp_path)


def test_the_largest_size_can_be_planned(root: Path, tmp_path: Path) -> None:
    overrides = ["match=null", "network.hidden=65536", "network.depth=64", "data.sentences=20"]
    plan = make_plan(load_study(root / "studies" / "quickstart", overrides), cache=tmp_path)
    assert min(arm.parameters for arm in plan.arms) > 64 * 65_536**2


@pytest.mark.parametrize("where", ["file", "command line"])
def test_the_home_of_an_unknown_user_is_no_internal_error(tmp_path: Path, where: str) -> None:
    path = "~no-such-user/text" if where == "file" else "somewhere"
    file = tmp_path / "study.yaml"
    file.write_text(
        "question: Which?\ntask: language_modeling\ncompare: {network.cell: [gru, lstm]}\n"
        f"settings: {{data: {{corpus: text, path: {path}}}}}\n"
    )
    overrides = [] if where == "file" else ["data.path=~no-such-user/text"]
    with pytest.raises(UserError, match=r"/~no-such-user/text: the corpus must exist"):
        make_plan(load_study(file, overrides), cache=tmp_path)


def test_arms_that_are_measured_differently_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(
        "question: Which?\ntask: language_modeling\nsettings: {data: {sentences: 20}}\n"
        "compare: {network.cell: [gru, lstm], evaluated: {one: {}, ten: {training.evaluation_batch_size: 10}}}\n"
    )
    with pytest.raises(UserError) as caught:
        make_plan(load_study(file), cache=tmp_path)
    assert str(caught.value) == (
        "compare: all arms must agree in training.evaluation_batch_size: it says how a result is measured, not what is "
        "learned (received 1 in 'cell=gru, evaluated=one', 10 in 'cell=gru, evaluated=ten'); "
        "set it under settings, once for all arms"
    )
    agreed = make_plan(load_study(file, ["evaluated=ten"]), cache=tmp_path)
    assert {trial.settings["training"]["evaluation_batch_size"] for trial in agreed.trials} == {10}


def test_only_what_reads_held_out_text_is_a_measurement() -> None:
    measured = {"training.evaluation_batch_size", "training.completions", "training.exposure_bias"}
    assert find_measurements(LanguageModelingSettings) == measured


def test_settings_survive_being_written_out_in_full() -> None:
    settings = LanguageModelingSettings.model_validate({"training": {"decay_start": 4, "decay_factor": 2}})
    assert LanguageModelingSettings.model_validate_json(settings.model_dump_json()) == settings
