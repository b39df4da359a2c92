"""What a study can say about a classifier."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from tasks.classification.build import build_network
from tasks.classification.encoders import ENCODERS
from tasks.classification.settings import ClassificationSettings, Network
from tasks.classification.task import Classification
from unroll.contract import find_locations, find_measurements
from unroll.study import load_study, make_plan


@pytest.mark.parametrize(
    ("nested", "text"),
    [
        ({"network": {"embedding": 0}}, "greater than or equal to 1"),
        ({"network": {"kind": "cnn"}}, f"a kind of encoder is one of {', '.join(ENCODERS.names())}; a new"),
        ({"network": {"kind": "convolution", "cell": "gru"}}, "kind convolution has no use for cell: leave it out"),
        ({"network": {"kind": "bag_of_embeddings", "depth": 2}}, "kind bag_of_embeddings has no use for depth"),
        ({"network": {"windows": [3]}}, "kind recurrent has no use for windows: leave it out"),
        (
            {"network": {"kind": "convolution", "windows": [3, 3]}},
            "windows must differ from each other, received [3, 3]",
        ),
        ({"network": {"sentence_ends": ["."]}}, "kind recurrent has no use for sentence_ends"),
        ({"network": {"summary": "first"}}, "'last', 'ends', 'mean', 'max' or 'attention'"),
        ({"network": {"row_norm": 0}}, "greater than 0"),
        ({"network": {"output_dropout": 1}}, "less than 1"),
        ({"training": {"bptt": 20}}, "Extra inputs are not permitted"),
        ({"data": {"level": "character"}}, "Extra inputs are not permitted"),
    ],
)
def test_a_mistake_is_told(nested: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ClassificationSettings.model_validate(nested)
    (error,) = caught.value.errors()
    assert text in error["msg"]
    assert error["loc"][0] in nested


def test_a_convolution_needs_a_window_of_at_least_one_word() -> None:
    for windows in ([], [0], [101]):
        with pytest.raises(ValidationError):
            Network.model_validate({"kind": "convolution", "windows": windows})


def test_settings_survive_being_written_out_in_full() -> None:
    network = {"kind": "convolution", "windows": [2, 3], "row_norm": None}
    settings = ClassificationSettings.model_validate({"network": network})
    assert ClassificationSettings.model_validate_json(settings.model_dump_json()) == settings
    assert find_locations(ClassificationSettings) == {"data.path", "network.word_vectors"}
    assert not find_measurements(ClassificationSettings)


STUDY = """
question: Which?
task: classification
settings: {data: {sentences: 20}, network: {embedding: 8}}
compare:
  network:
    forward: {}
    bidirectional: {network.direction: bidirectional}
    convolution: {network.kind: convolution, network.windows: [2, 3]}
    bag: {network.kind: bag_of_embeddings}
"""


def test_arms_of_every_kind_are_matched(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(STUDY + "match: {parameters: 20_000}\n")
    for arm in make_plan(load_study(file), cache=tmp_path).arms:
        assert arm.parameters == pytest.approx(20_000, rel=0.02)
    file.write_text(STUDY + "match: {flops_per_token: 30_000}\n")
    assert len(make_plan(load_study(file), cache=tmp_path).arms) == 4


@pytest.mark.parametrize(
    ("network", "per_word", "per_sentence", "labels"),
    [
        ({"hidden": 6, "direction": "bidirectional"}, 2 * 4 * (8 * 6 + 6 * 6), 0, 12),
        ({"hidden": 6, "cell": "gru", "summary": "attention"}, 3 * (8 * 6 + 6 * 6) + 6 * 6, 0, 6),
        ({"hidden": 6, "kind": "convolution", "windows": [1, 3]}, 6 * 8 * (1 + 3), 6 * 8 * 3 * 2, 12),
        ({"hidden": 6, "kind": "bag_of_embeddings"}, 0, 8 * 6, 6),
    ],
)
def test_operations_are_those_of_the_matrices(
    tmp_path: Path, network: dict[str, Any], per_word: int, per_sentence: int, labels: int
) -> None:
    task = Classification()
    settings = ClassificationSettings.model_validate({"data": {"sentences": 5}, "network": {"embedding": 8, **network}})
    corpus = task.prepare(settings, tmp_path)
    expected = 2 * (per_word + (per_sentence + 3 * labels) / corpus.train.lengths.mean())
    assert task.flops_per_token(settings, corpus) == round(expected)


def test_a_hierarchical_network_does_not_tell_its_operations(tmp_path: Path) -> None:
    task = Classification()
    settings = ClassificationSettings.model_validate({"data": {"sentences": 5}, "network": {"kind": "hierarchical"}})
    assert task.flops_per_token(settings, task.prepare(settings, tmp_path)) is None


def test_chance_is_the_commonest_label(tmp_path: Path) -> None:
    task, settings = Classification(), ClassificationSettings()
    corpus = task.prepare(settings, tmp_path)
    assert task.chance(settings, corpus) == {
        f"{split}/accuracy": pytest.approx(corpus.facts[f"{split} accuracy of the commonest label"])
        for split in ("validation", "test")
    }


@pytest.mark.parametrize("kind", ["recurrent", "hierarchical", "convolution", "bag_of_embeddings"])
def test_every_kind_builds_on_the_meta_device(tmp_path: Path, kind: str) -> None:
    settings = ClassificationSettings.model_validate({"data": {"sentences": 5}, "network": {"kind": kind}})
    with torch.device("meta"):
        network = build_network(settings.network, Classification().prepare(settings, tmp_path))
    assert all(weight.is_meta for weight in network.parameters())


def test_the_study_sentence_classifiers_compares_networks_of_one_size(tmp_path: Path) -> None:
    plan = make_plan(load_study("sentence_classifiers"), cache=tmp_path)
    names = ["elman", "gru", "lstm", "bidirectional_lstm", "convolution", "bag"]
    assert [arm.name for arm in plan.arms] == names
    for arm in plan.arms:
        assert arm.parameters == pytest.approx(15_000, rel=0.015)
        assert arm.bounds["validation/accuracy"] == 1
