"""Settings that make no sense are refused in one clear line; chance is that of the lengths that are drawn."""

import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tasks.long_range.problems import PROBLEMS
from tasks.long_range.settings import LongRangeSettings
from tasks.long_range.task import LongRange
from unroll.contract import UserError, find_measurements

CASES: list[tuple[dict[str, Any], str]] = [
    (
        {"data": {"problem": "adding_up"}},
        f"a problem is one of {', '.join(PROBLEMS.names())}; did you mean 'adding'?",
    ),
    ({"data": {"problem": "xor"}}, "a new problem is a new file in tasks/long_range/problems"),
    ({"data": {"length": 0}}, "greater than or equal to 1"),
    ({"data": {"length": 20, "longest": 10}}, "longest must be at least length, received 10 and 20"),
    ({"data": {"evaluation_sequences": 0}}, "greater than or equal to 1"),
    (
        {"training": {"updates": 1000, "validate_every": 300}},
        "updates must be a multiple of validate_every, received 1000 and 300",
    ),
    ({"training": {"clip_norm": 0}}, "greater than 0"),
    ({"training": {"clip_norm": math.nan}}, "finite number"),
    ({"training": {"diagnose_every": 0}}, "greater than or equal to 1"),
    ({"training": {"epochs": 3}}, "Extra inputs are not permitted"),
    ({"network": {"cell": "ltsm"}}, "did you mean 'lstm'?"),
    (
        {"network": {"cell": "gru"}, "training": {"omega": 2}},
        "omega is defined for the cells elman and irnn, received gru",
    ),
]


@pytest.mark.parametrize(("nested", "text"), CASES)
def test_a_mistake_is_told(nested: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LongRangeSettings.model_validate(nested)
    (error,) = caught.value.errors()
    assert text in error["msg"]


def test_a_length_that_the_problem_has_no_room_in_is_refused(tmp_path: Path) -> None:
    settings = LongRangeSettings.model_validate({"data": {"problem": "temporal_order", "length": 9}})
    with pytest.raises(UserError) as caught:
        LongRange().prepare(settings, tmp_path)
    assert str(caught.value) == "data.length: length must be at least 10 for temporal_order (received 9)"


def test_only_the_number_of_evaluated_sequences_is_a_measurement() -> None:
    assert find_measurements(LongRangeSettings) == {"data.evaluation_sequences"}


@pytest.mark.parametrize(
    ("data", "loss", "error"),
    [
        ({"problem": "adding", "length": 100}, 1 / 6, 0.9216),
        ({"problem": "temporal_order", "length": 20, "longest": 50}, math.log(4), 0.75),
        ({"problem": "copying", "length": 10}, 10 * math.log(8) / 30, 7 / 8),
        ({"problem": "copying", "length": 10, "longest": 11}, 5 * math.log(8) * (1 / 30 + 1 / 31), 7 / 8),
    ],
)
def test_chance_is_what_one_reaches_who_never_looks_back(data: dict[str, Any], loss: float, error: float) -> None:
    task, settings = LongRange(), LongRangeSettings.model_validate({"data": data})
    dataset = task.prepare(settings, Path())
    chance = task.chance(settings, dataset)
    assert set(chance) == set(task.metrics)
    for split in ("validation", "test"):
        assert chance[f"{split}/loss"] == pytest.approx(loss)
        assert chance[f"{split}/error"] == pytest.approx(error)


def test_data_that_differ_have_fingerprints_that_differ(tmp_path: Path) -> None:
    several = [{}, {"length": 50}, {"longest": 150}, {"problem": "copying"}, {"evaluation_sequences": 10}]
    fingerprints = {
        LongRange().prepare(LongRangeSettings.model_validate({"data": data}), tmp_path).fingerprint for data in several
    }
    assert len(fingerprints) == len(several)
