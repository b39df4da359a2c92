"""Settings, and what a plan makes of them."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tasks.agreement.settings import AgreementSettings
from unroll.contract import find_locations, find_measurements
from unroll.study import load_study, make_plan


@pytest.mark.parametrize(
    ("nested", "text"),
    [
        ({"network": {"order": 3}}, "kind recurrent has no use for order: leave it out, or choose window"),
        ({"network": {"kind": "window", "cell": "gru"}}, "kind window has no use for cell: leave it out, or choose"),
        ({"network": {"kind": "window", "order": 1}}, "greater than or equal to 2"),
        ({"network": {"kind": "ngram"}}, "Input should be 'recurrent' or 'window'"),
        ({"training": {"objective": "grammar"}}, "Input should be 'number' or 'language_model'"),
        ({"data": {"dialect": "homographs"}}, "Input should be 'chains' or 'plain'"),
        ({"data": {"corpus": "conllu", "sentences": 5}}, "corpus conllu has no use for sentences"),
        ({"data": {"corpus": "text"}}, "Input should be 'conllu' or 'toy_language'"),
        ({"data": {"column": "upos"}}, "Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_told(nested: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AgreementSettings.model_validate(nested)
    (error,) = caught.value.errors()
    assert text in error["msg"]
    assert error["loc"][0] in nested


def test_a_language_model_does_not_read_ahead() -> None:
    training = {"objective": "language_model"}
    with pytest.raises(ValidationError, match="objective language_model needs direction forward"):
        AgreementSettings.model_validate({"network": {"direction": "bidirectional"}, "training": training})
    AgreementSettings.model_validate({"network": {"kind": "window", "order": 3}, "training": training})


def test_settings_survive_being_written_out_in_full() -> None:
    settings = AgreementSettings.model_validate({"network": {"kind": "window", "order": 3, "hidden": 8}})
    assert AgreementSettings.model_validate_json(settings.model_dump_json()) == settings
    assert find_locations(AgreementSettings) == {"data.path", "network.word_vectors"}
    assert not find_measurements(AgreementSettings)


@pytest.mark.parametrize("objective", ["number", "language_model"])
def test_a_window_and_a_recurrent_network_can_be_matched(tmp_path: Path, objective: str) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(
        "question: Which?\ntask: agreement\n"
        f"settings: {{data: {{sentences: 20}}, network: {{embedding: 8}}, training: {{objective: {objective}}}}}\n"
        "compare: {network: {window: {network.kind: window, network.order: 4}, gru: {network.cell: gru}}}\n"
        "match: {flops_per_token: 20_000}\n"
    )
    plan = make_plan(load_study(file), cache=tmp_path)
    assert [arm.flops_per_token for arm in plan.arms] == [pytest.approx(20_000, rel=0.02)] * 2


def test_the_study_compares_networks_of_one_size(tmp_path: Path) -> None:
    plan = make_plan(load_study("agreement"), cache=tmp_path)
    assert [arm.name for arm in plan.arms] == ["window_3", "window_5", "elman", "gru", "lstm"]
    assert len(plan.trials) == 40
    for arm in plan.arms:
        assert arm.parameters == pytest.approx(6_000, rel=0.02)
        assert arm.bounds["test/accuracy/attractors_4"] == 1
        assert 0.47 < arm.chance["test/accuracy"] < 0.53
