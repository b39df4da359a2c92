"""Settings of a tagger, and what a plan makes of them."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tasks.tagging.decoders import DECODERS
from tasks.tagging.settings import TaggingSettings
from tasks.tagging.task import Tagging
from unroll.contract import UserError, find_locations, find_measurements
from unroll.study import load_study, make_plan


@pytest.mark.parametrize(
    ("nested", "text"),
    [
        ({"network": {"embedding": 0}}, "greater than or equal to 1"),
        ({"network": {"direction": "both"}}, "Input should be 'forward', 'backward' or 'bidirectional'"),
        ({"network": {"stacking": "independent"}}, "stacking independent needs direction bidirectional"),
        ({"training": {"clip_norm": 0}}, "greater than 0"),
        ({"training": {"learning_rate": float("nan")}}, "finite number"),
        ({"training": {"batch_size": 10**20}}, "less than or equal to 65536"),
        ({"training": {"optimizer": "adamw"}}, "Input should be 'sgd', 'adam' or 'rmsprop'"),
        ({"training": {"bptt": 20}}, "Extra inputs are not permitted"),
        ({"network": {"decoder": "crff"}}, f"a decoder is one of {', '.join(DECODERS.names())}; did you mean 'crf'?"),
        ({"network": {"beam": 4}}, "decoder softmax has no use for beam: leave it out, or choose previous_tag"),
        (
            {"network": {"decoder": "previous_tag", "illegal_moves": "forbidden"}},
            "decoder previous_tag has no use for illegal_moves: leave it out, or choose crf",
        ),
        (
            {"network": {"character_hidden": 9}},
            "characters null has no use for character_hidden: leave it out, or choose lstm or convolution",
        ),
        ({"network": {"characters": "transformer"}}, "Input should be 'lstm' or 'convolution'"),
        ({"network": {"word_dropout": 1}}, "less than 1"),
        ({"data": {"level": "character"}}, "Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_told(nested: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TaggingSettings.model_validate(nested)
    (error,) = caught.value.errors()
    assert text in error["msg"]
    assert error["loc"][0] in nested


def test_settings_survive_being_written_out_in_full() -> None:
    settings = TaggingSettings.model_validate({"network": {"depth": 2}, "training": {"clip_norm": None}})
    assert TaggingSettings.model_validate_json(settings.model_dump_json()) == settings
    assert find_locations(TaggingSettings) == {"data.path", "network.word_vectors"}
    assert not find_measurements(TaggingSettings)


def study(folder: Path, match: str) -> Path:
    file = folder / "study.yaml"
    file.write_text(
        "question: Which?\ntask: tagging\nsettings: {data: {sentences: 20}, network: {embedding: 8}}\n"
        f"compare: {{network.direction: [forward, bidirectional]}}\nmatch: {match}\n"
    )
    return file


def test_arms_are_matched_by_parameters_or_by_operations(tmp_path: Path) -> None:
    by_parameters = make_plan(load_study(study(tmp_path, "{parameters: 20_000}")), cache=tmp_path)
    for arm in by_parameters.arms:
        assert arm.parameters == pytest.approx(20_000, rel=0.02)
    make_plan(load_study(study(tmp_path, "{flops_per_token: 30_000}")), cache=tmp_path)


def test_operations_are_those_of_the_matrices(tmp_path: Path) -> None:
    task = Tagging()
    settings = TaggingSettings.model_validate(
        {"data": {"sentences": 5}, "network": {"hidden": 6, "embedding": 8, "direction": "bidirectional", "depth": 2}}
    )
    corpus = task.prepare(settings, tmp_path)
    lstm = 4 * (8 * 6 + 6 * 6) + 4 * (12 * 6 + 6 * 6)
    assert task.flops_per_token(settings, corpus) == 2 * (2 * lstm + 12 * len(corpus.tags))


def test_operations_over_characters_count_by_the_length_of_words(tmp_path: Path) -> None:
    task, found = Tagging(), {}
    for name in (None, "lstm", "convolution"):
        network = {"hidden": 6, "embedding": 8, "characters": name}
        settings = TaggingSettings.model_validate({"data": {"sentences": 5}, "network": network})
        corpus = task.prepare(settings, tmp_path)
        found[name] = task.flops_per_token(settings, corpus)
    words = [corpus.spelling.forms.words[form] for form in corpus.spelling.train]
    length = sum(map(len, words)) / len(words)
    more = 2 * 4 * 6  # of the word LSTM, for every feature that the characters bring
    assert found["lstm"] == found[None] + more * 50 + round(length * 2 * 2 * 4 * (25 * 25 + 25 * 25))
    assert found["convolution"] == found[None] + more * 25 + round(length * 2 * 25 * 25 * 3)


def test_moves_that_no_scheme_knows_of_are_refused_in_the_plan(tmp_path: Path) -> None:
    file = study(tmp_path, "{parameters: 20_000}")
    with pytest.raises(UserError, match="only entity tags"):
        make_plan(load_study(file, ["network.decoder=crf", "network.illegal_moves=forbidden"]), cache=tmp_path)
    entities = ["network.decoder=crf", "network.illegal_moves=forbidden", "data.tags=entities"]
    assert make_plan(load_study(file, entities), cache=tmp_path).trials


def test_the_study_direction_compares_networks_of_one_size(tmp_path: Path) -> None:
    plan = make_plan(load_study("direction"), cache=tmp_path)
    assert [arm.name for arm in plan.arms][:3] == ["forward", "backward", "bidirectional"]
    for arm in plan.arms:
        assert arm.parameters == pytest.approx(30_000, rel=0.015)
        assert arm.bounds["validation/accuracy"] == 1


def test_the_study_tagging_decoders_compares_networks_of_one_size(tmp_path: Path) -> None:
    plan = make_plan(load_study("tagging_decoders"), cache=tmp_path)
    assert len(plan.trials) == 48
    for arm in plan.arms:
        assert arm.parameters == pytest.approx(12_000, rel=0.018)
        assert not arm.bounds, "not every entity can be told"
