"""Initial weights: functions of (seed, name, shape), with the law that the recipe promises."""

import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from tasks.recurrent.cell import Cell
from tasks.recurrent.cells import cell_names
from tasks.recurrent.initialization import Initialization, draw
from tasks.recurrent.stack import RecurrentNetwork

HIDDEN = 40


class Network(nn.Module):
    def __init__(self, cell: str, *, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.embedding = nn.Embedding(100, 16)
        self.recurrent = RecurrentNetwork(cell=cell, inputs=16, hidden=hidden, depth=2, dropout=0.0)
        self.output = nn.Linear(hidden, 100)


def fill(network: Network, *, seed: int = 1, scale: float | None = None, forget_bias: float | None = None) -> Network:
    Initialization(scale=scale, forget_bias=forget_bias).fill(network, seed=seed)
    return network


def cells_of(network: Network) -> list[Cell]:
    return [module for module in network.modules() if isinstance(module, Cell)]


@pytest.mark.parametrize("scale", [None, 0.1])
def test_weights_agree_across_cells_wherever_name_and_shape_do(scale: float | None) -> None:
    networks = [dict(fill(Network(cell), scale=scale).named_parameters()) for cell in cell_names()]
    shared = 0
    for left, right in pairwise(networks):
        for name in left.keys() & right.keys():
            if left[name].shape == right[name].shape:
                assert torch.equal(left[name], right[name]), name
                shared += 1
    assert shared >= 3 * len(networks[1:])  # embedding and output layer at least


def test_weights_do_not_depend_on_global_randomness_or_on_what_was_there() -> None:
    torch.manual_seed(5)
    first = fill(Network("lstm"))
    torch.manual_seed(6)
    second = fill(fill(Network("lstm"), seed=9))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_drawing_leaves_global_randomness_alone() -> None:
    before = torch.get_rng_state()
    draw("w", torch.Size([3]), seed=1, bound=1.0)
    assert torch.equal(torch.get_rng_state(), before)


def test_seed_name_and_shape_all_matter() -> None:
    first = draw("w", torch.Size([8]), seed=1, bound=1.0)
    assert torch.equal(first, draw("w", torch.Size([8]), seed=1, bound=1.0))
    assert not torch.equal(first, draw("w", torch.Size([8]), seed=2, bound=1.0))
    assert not torch.equal(first, draw("v", torch.Size([8]), seed=1, bound=1.0))
    assert not torch.equal(first, draw("w", torch.Size([8, 1]), seed=1, bound=1.0).flatten())


def test_weights_are_the_same_in_another_process(root: Path) -> None:
    code = (
        "import torch; from tasks.recurrent.initialization import draw; "
        "print(draw('w', torch.Size([2]), seed=1, bound=1.0))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": "77", "PYTHONPATH": f"{root / 'platform'}:{root}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == str(draw("w", torch.Size([2]), seed=1, bound=1.0))


def test_double_precision_starts_from_the_same_values() -> None:
    single, double = fill(Network("gru")), fill(Network("gru").double())
    assert all(torch.equal(a.double(), b) for a, b in zip(single.parameters(), double.parameters(), strict=True))


def test_uniform_covers_its_interval_in_weights_and_biases() -> None:
    for name, weight in fill(Network("lstm"), scale=0.1).named_parameters():
        assert weight.abs().max() <= 0.1, name
        assert weight.std().item() == pytest.approx(0.1 / math.sqrt(3), rel=0.2), name


def test_scaled_bounds() -> None:
    network = fill(Network("lstm"))
    bounds = {"embedding.weight": 16, "output.weight": HIDDEN}
    for name, weight in network.named_parameters():
        if name == "output.bias":
            assert not weight.any()
        else:
            bound = 1 / math.sqrt(bounds.get(name, HIDDEN))
            assert 0.9 * bound < weight.abs().max() <= bound, name


@pytest.mark.parametrize("scale", [None, 0.1])
def test_the_forget_bias_is_exact_and_nothing_else_moves(scale: float | None) -> None:
    drawn, filled = fill(Network("lstm"), scale=scale), fill(Network("lstm"), scale=scale, forget_bias=1.0)
    block = slice(HIDDEN, 2 * HIDDEN)  # torch stacks the gates in the order i, f, g, o
    for (name, before), after in zip(drawn.named_parameters(), filled.parameters(), strict=True):
        if "bias_ih" in name or "bias_hh" in name:
            expected = before.detach().clone()
            expected[block] = 1.0 if "bias_ih" in name else 0.0
            assert torch.equal(after, expected), name
        else:
            assert torch.equal(after, before), name


@pytest.mark.parametrize("cell", cell_names())
def test_of_any_cell_the_forget_biases_alone_are_set(cell: str) -> None:
    drawn, filled = fill(Network(cell)), fill(Network(cell), forget_bias=2.5)
    for before, after in zip(cells_of(drawn), cells_of(filled), strict=True):
        biases = after.forget_biases()
        assert not biases or torch.equal(torch.stack(biases).sum(0), torch.full((HIDDEN,), 2.5))
        for bias, old in zip(biases, before.forget_biases(), strict=True):
            bias.data.copy_(old)
    assert all(torch.equal(a, b) for a, b in zip(drawn.parameters(), filled.parameters(), strict=True))


@pytest.mark.parametrize("cell", ["elman", "elman_relu", "gru"])
def test_cells_without_a_forget_gate_have_no_forget_bias(cell: str) -> None:
    assert not [bias for layer in cells_of(Network(cell)) for bias in layer.forget_biases()]
