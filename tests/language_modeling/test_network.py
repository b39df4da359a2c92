"""Sizes of networks, and what is shared inside them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.language_modeling.network import LanguageModel
from tasks.language_modeling.settings import LanguageModelingSettings, Network
from tasks.language_modeling.task import LanguageModeling, build_network
from tasks.recurrent.cells import cell_names
from tasks.text.running import TokenCorpus
from unroll.study import load_study, make_plan

VOCABULARY = 10_000


def count(**network: Any) -> int:
    with torch.device("meta"):
        built = build_network(Network(**network), vocabulary=VOCABULARY)
    return sum(parameter.numel() for parameter in built.parameters())


@pytest.mark.parametrize(("hidden", "millions"), [(200, 4.65), (650, 19.78), (1500, 66.02)])
def test_zarembas_networks_have_their_published_size(hidden: int, millions: float) -> None:
    assert round(count(cell="lstm", hidden=hidden, depth=2) / 1e6, 2) == millions


@pytest.mark.parametrize(("cell", "blocks"), [("elman", 1), ("gru", 3), ("lstm", 4), ("lstm_coupled", 3)])
def test_parameters_of_each_cell(cell: str, blocks: int) -> None:
    embedding, hidden = 30, 70
    recurrent = blocks * (embedding * hidden + hidden * hidden + hidden)
    expected = VOCABULARY * embedding + recurrent + hidden * VOCABULARY + VOCABULARY
    assert count(cell=cell, hidden=hidden, embedding=embedding) == expected


def test_tied_weights_are_counted_once() -> None:
    assert count(hidden=50) - count(hidden=50, tie_weights=True) == 50 * VOCABULARY


def test_tied_weights_are_one_matrix() -> None:
    network = build_network(Network(hidden=5, tie_weights=True), vocabulary=7)
    assert isinstance(network, LanguageModel)
    assert network.output.weight is network.embedding.weight


SHAPES: list[dict[str, Any]] = [
    {"depth": 3},
    {"depth": 3, "connections": "skip"},
    {"depth": 3, "connections": "residual"},
    {"depth": 2, "tie_weights": True},
    {"depth": 2, "embedding": 30, "zoneout": 0.1, "recurrent_dropout": 0.1},
    {"layer_norm": True},
    {"kind": "window", "embedding": 30},
    {"kind": "window", "direct": True},
    {"ablation": "full_gate_recurrence"},
]


@pytest.mark.parametrize("network", [*({"cell": cell} for cell in cell_names()), *SHAPES], ids=str)
def test_more_hidden_units_never_mean_fewer_parameters_or_operations(network: dict[str, Any], corpus_of: Any) -> None:
    corpus, task = corpus_of(train=10), LanguageModeling()
    sizes = [LanguageModelingSettings(network=Network(hidden=hidden, **network)) for hidden in range(1, 20)]
    counts = [count(hidden=hidden, **network) for hidden in range(1, 20)]
    operations = [task.flops_per_token(settings, corpus) for settings in sizes]
    assert counts == sorted(set(counts))
    assert operations == sorted(set(operations))


@pytest.mark.parametrize("measure", ["parameters", "flops_per_token"])
def test_networks_of_every_shape_are_matched_by_their_nearest_size(measure: str, tmp_path: Path) -> None:
    target, file, task = 100_000, tmp_path / "study.yaml", LanguageModeling()
    arms = {f"shape{i}": {f"network.{name}": value for name, value in shape.items()} for i, shape in enumerate(SHAPES)}
    study = {
        "question": "Which?",
        "task": "language_modeling",
        "settings": {"data": {"sentences": 20}},
        "compare": {"network.cell": ["lstm"], "shape": arms},
        "match": {measure: target},
        "seeds": 1,
    }
    file.write_text(json.dumps(study))
    plan = make_plan(load_study(file), cache=tmp_path)
    assert len(plan.trials) == len(SHAPES)
    for trial in plan.trials:
        settings = LanguageModelingSettings.model_validate(trial.settings)
        corpus, chosen = task.prepare(settings, tmp_path), settings.network.hidden

        def miss(hidden: int, settings: LanguageModelingSettings = settings, corpus: TokenCorpus = corpus) -> int:
            network = settings.network.model_copy(update={"hidden": hidden})
            sized = settings.model_copy(update={"network": network})
            size = task.flops_per_token(sized, corpus)
            if measure == "parameters":
                size = sum(w.numel() for w in build_network(network, vocabulary=len(corpus.vocabulary)).parameters())
            return abs(size - target)

        assert miss(chosen) == min(miss(hidden) for hidden in (chosen - 1, chosen, chosen + 1))


@pytest.mark.parametrize(
    ("network", "matrices"),
    [
        ({"cell": "elman"}, 8 * 5 + 8 * 8 + 8 * 11),
        ({"cell": "gru", "depth": 2}, 3 * (8 * 5 + 8 * 8) + 3 * (8 * 8 + 8 * 8) + 8 * 11),
        ({"cell": "lstm_peephole"}, 4 * (8 * 5 + 8 * 8) + 8 * 11),
        ({"depth": 2, "connections": "skip"}, 4 * (8 * 5 + 8 * 8) + 4 * (8 * 13 + 8 * 8) + 16 * 11),
        ({"embedding": None, "tie_weights": True}, 4 * (8 * 8 + 8 * 8) + 8 * 11),
    ],
)
def test_operations_per_token(network: dict[str, Any], matrices: int, corpus_of: Any) -> None:
    """A vocabulary of 11, embeddings of size 5, and 8 hidden units; two operations for each value of a matrix."""
    settings = LanguageModelingSettings(network=Network(**{"hidden": 8, "embedding": 5, **network}))
    assert LanguageModeling().flops_per_token(settings, corpus_of(train=10)) == 2 * matrices


def test_the_whole_module_is_built_without_memory(corpus_of: Any) -> None:
    settings = LanguageModelingSettings(network=Network(hidden=30_000, depth=2))
    with torch.device("meta"):
        module = LanguageModeling().module(settings, corpus_of(train=10))
    assert all(parameter.is_meta for parameter in module.parameters())
