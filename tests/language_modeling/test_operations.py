"""Operations per token against torch's own counter, and arms matched by them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tasks.language_modeling.settings import LanguageModelingSettings
from tasks.language_modeling.task import LanguageModeling, build_network
from tasks.recurrent.cells import cell_names
from tasks.text.running import TokenCorpus
from unroll.study._size import count_flops, count_parameters, solve_size
from unroll.study.declaration import Match, Measure

CorpusOf = Callable[..., TokenCorpus]
SHAPES: list[dict[str, Any]] = [
    {},
    {"depth": 3},
    {"depth": 2, "connections": "skip"},
    {"depth": 2, "connections": "residual"},
    {"embedding": 5},
    {"embedding": None, "tie_weights": True},
]
COUNT = {"parameters": count_parameters, "flops_per_token": count_flops}


def settings_of(**network: Any) -> LanguageModelingSettings:
    return LanguageModelingSettings.model_validate({"network": network})


def counted(settings: LanguageModelingSettings, vocabulary: int) -> int:
    """What torch sees per token while the network reads a text, product by product."""
    network = build_network(settings.network, vocabulary=vocabulary).eval()
    steps, columns = 3, 2
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(steps, columns, dtype=torch.long), network.initial_state(columns))
    total: int = counter.get_total_flops()
    return total // (steps * columns)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("cell", cell_names())
def test_torch_counts_as_many(corpus_of: CorpusOf, cell: str, shape: dict[str, Any]) -> None:
    settings = settings_of(cell=cell, hidden=7, loop="plain", **shape)
    corpus = corpus_of(train=10, vocabulary=11)
    assert LanguageModeling().flops_per_token(settings, corpus) == counted(settings, 11)


@pytest.mark.parametrize(
    "network", [{"ablation": "full_gate_recurrence"}, {"ablation": "no_input_gate"}, {"layer_norm": True}], ids=str
)
def test_torch_counts_as_many_for_every_kind_of_lstm(corpus_of: CorpusOf, network: dict[str, Any]) -> None:
    settings = settings_of(cell="lstm", hidden=7, loop="plain", **network)
    assert LanguageModeling().flops_per_token(settings, corpus_of(train=10, vocabulary=11)) == counted(settings, 11)


def test_a_network_on_paper(corpus_of: CorpusOf) -> None:
    """Four gates of (64 + 200) columns and 200 rows, then 200 columns to each of 10,000 words; two for each number."""
    settings = settings_of(cell="lstm", embedding=64, hidden=200)
    flops = LanguageModeling().flops_per_token(settings, corpus_of(train=10, vocabulary=10_000))
    assert flops == 2 * (4 * 200 * (64 + 200) + 200 * 10_000)


@pytest.mark.parametrize("measure", ["parameters", "flops_per_token"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("cell", cell_names())
def test_every_cell_and_shape_can_be_matched(
    corpus_of: CorpusOf, cell: str, shape: dict[str, Any], measure: Measure
) -> None:
    task, corpus, target = LanguageModeling(), corpus_of(train=10, vocabulary=11), 20_000
    solved = solve_size(task, {"network": {"cell": cell, **shape}}, corpus, Match(**{measure: target}), "arm")
    hidden = solved["network"]["hidden"]

    def off(size: int) -> int:
        return abs(COUNT[measure](task, settings_of(cell=cell, hidden=size, **shape), corpus) - target)

    assert off(hidden) == min(off(size) for size in range(max(1, hidden - 3), hidden + 4))
    assert off(hidden) < 0.1 * target
