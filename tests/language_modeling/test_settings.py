"""Settings that make no sense are refused in one clear line."""

from typing import Any

import pytest
from pydantic import ValidationError

from tasks.language_modeling.settings import LanguageModelingSettings

CASES: list[tuple[dict[str, Any], str]] = [
    (
        {"network": {"cell": "ltsm"}},
        "a cell is one of elman, elman_relu, gru, lstm; did you mean 'lstm'?",
    ),
    (
        {"network": {"tie_weights": True, "hidden": 20, "embedding": 10}},
        "tie_weights needs embedding equal to hidden, received embedding 10 and hidden 20; leave embedding out",
    ),
    (
        {"network": {"initialization": "uniform"}},
        "initialization_scale is needed by initialization uniform, and by no other, received None for uniform",
    ),
    (
        {"network": {"initialization_scale": 0.1}},
        "initialization_scale is needed by initialization uniform, and by no other, received 0.1 for scaled",
    ),
    (
        {"training": {"decay_start": 4}},
        "decay_start and decay_factor are set together or not at all, received 4 and None",
    ),
    ({"network": {"hidden": 0}}, "greater than or equal to 1"),
    ({"network": {"dropout": 1.0}}, "less than 1"),
    ({"training": {"clip_norm": 0}}, "greater than 0"),
    ({"training": {"learning_rate": 0}}, "greater than 0"),
    ({"training": {"window": 20}}, "Extra inputs are not permitted"),
]


@pytest.mark.parametrize(("nested", "text"), CASES)
def test_a_mistake_is_told(nested: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        LanguageModelingSettings.model_validate(nested)
    (error,) = caught.value.errors()
    assert text in error["msg"]
    assert error["loc"][0] in nested


def test_settings_survive_being_written_out_in_full() -> None:
    settings = LanguageModelingSettings.model_validate({"training": {"decay_start": 4, "decay_factor": 2}})
    assert LanguageModelingSettings.model_validate_json(settings.model_dump_json()) == settings
