"""Sizes of networks, and what is shared inside them."""

from typing import Any

import pytest
import torch

from tasks.language_modeling.settings import LanguageModelingSettings, Network
from tasks.language_modeling.task import LanguageModeling, build_network
from tasks.recurrent.cells import cell_names

VOCABULARY = 10_000


def count(**network: Any) -> int:
    with torch.device("meta"):
        built = build_network(Network(**network), vocabulary=VOCABULARY)
    return sum(parameter.numel() for parameter in built.parameters())


@pytest.mark.parametrize(("hidden", "millions"), [(200, 4.65), (650, 19.78), (1500, 66.02)])
def test_zarembas_networks_have_their_published_size(hidden: int, millions: float) -> None:
    """The published sizes have one bias vector per LSTM layer, torch's kernel has two."""
    second_biases = 2 * 4 * hidden
    assert round((count(cell="lstm", hidden=hidden, depth=2) - second_biases) / 1e6, 2) == millions


@pytest.mark.parametrize(("cell", "blocks"), [("elman", 1), ("elman_relu", 1), ("gru", 3), ("lstm", 4)])
def test_parameters_of_each_cell(cell: str, blocks: int) -> None:
    embedding, hidden = 30, 70
    recurrent = blocks * (embedding * hidden + hidden * hidden + 2 * hidden)
    expected = VOCABULARY * embedding + recurrent + hidden * VOCABULARY + VOCABULARY
    assert count(cell=cell, hidden=hidden, embedding=embedding) == expected


def test_tied_weights_are_counted_once() -> None:
    assert count(hidden=50) - count(hidden=50, tie_weights=True) == 50 * VOCABULARY


def test_tied_weights_are_one_matrix() -> None:
    network = build_network(Network(hidden=5, tie_weights=True), vocabulary=7)
    assert network.output.weight is network.embedding.weight


@pytest.mark.parametrize("cell", cell_names())
def test_more_hidden_units_never_mean_fewer_parameters(cell: str) -> None:
    counts = [count(cell=cell, hidden=hidden) for hidden in range(1, 20)]
    assert counts == sorted(set(counts))


def test_the_whole_module_is_built_without_memory(corpus_of: Any) -> None:
    settings = LanguageModelingSettings(network=Network(hidden=30_000, depth=2))
    with torch.device("meta"):
        module = LanguageModeling().module(settings, corpus_of(train=10))
    assert all(parameter.is_meta for parameter in module.parameters())
