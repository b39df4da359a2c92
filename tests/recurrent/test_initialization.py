"""Initial weights: functions of (seed, name, shape), with the law that the recipe promises."""

import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, get_args

import pytest
import torch
from torch import Tensor, nn

from tasks.recurrent.cell import Cell, InitialValue, State
from tasks.recurrent.cells import cell_names
from tasks.recurrent.initialization import Initialization, draw
from tasks.recurrent.recurrent_initializers import RecurrentInitializer, orthogonal
from tasks.recurrent.stack import RecurrentNetwork
from tasks.recurrent.summary import Attention
from unroll.contract import UserError

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


def test_other_modules_have_the_law_of_their_rows() -> None:
    network = nn.ModuleDict(
        {
            "convolution": nn.Conv1d(10, 30, 4),
            "norm": nn.LayerNorm(20),
            "attention": Attention(50),
            "cell": nn.Linear(9, 9),
        }
    )
    Initialization().fill(network, seed=1)
    weights = dict(network.named_parameters())
    for name, length in [("convolution.weight", 40), ("attention.query", 50), ("attention.hidden.weight", 50)]:
        assert 0.8 / math.sqrt(length) < weights[name].abs().max() <= 1 / math.sqrt(length), name
    assert (weights["norm.weight"] == 1).all()
    assert not any(weights[name].any() for name in ["norm.bias", "convolution.bias", "attention.hidden.bias"])


@pytest.mark.parametrize("scale", [None, 0.1])
def test_the_forget_bias_is_exact_and_nothing_else_moves(scale: float | None) -> None:
    drawn, filled = fill(Network("lstm"), scale=scale), fill(Network("lstm"), scale=scale, forget_bias=1.0)
    for (name, before), after in zip(drawn.named_parameters(), filled.parameters(), strict=True):
        expected = before.detach().clone()
        if name.endswith("read.bias"):
            expected[HIDDEN : 2 * HIDDEN] = 1.0  # gates are stacked in the order i, f, g, o
            assert not torch.equal(before, expected)
        assert torch.equal(after, expected), name


@pytest.mark.parametrize("cell", cell_names())
def test_of_any_cell_the_forget_bias_alone_is_set(cell: str) -> None:
    drawn, filled = fill(Network(cell)), fill(Network(cell), forget_bias=2.5)
    for before, after in zip(cells_of(drawn), cells_of(filled), strict=True):
        bias, old = after.forget_bias(), before.forget_bias()
        assert bias is None or bool((bias == 2.5).all())
        if bias is not None and old is not None:
            bias.data.copy_(old)
    assert all(torch.equal(a, b) for a, b in zip(drawn.parameters(), filled.parameters(), strict=True))


@pytest.mark.parametrize("cell", ["elman", "irnn", "gru"])
def test_cells_without_a_forget_gate_have_no_forget_bias(cell: str) -> None:
    assert {layer.forget_bias() for layer in cells_of(Network(cell))} == {None}


# What a cell says itself


def chrono(drawn: Tensor, generator: torch.Generator) -> Tensor:
    """Biases of Tallec and Ollivier 2018 for memories of up to 50 steps."""
    forget = torch.empty(len(drawn) // 4).uniform_(1, 49, generator=generator).log()
    return torch.cat((-forget, forget, drawn[len(drawn) // 2 :]))


class Remembering(Cell):
    """An LSTM without the rest."""

    initial_values: ClassVar[dict[str, InitialValue]] = {"read.bias": chrono}

    def __init__(self, *, hidden: int) -> None:
        super().__init__(inputs=3, hidden=hidden, blocks=("i", "f", "g", "o"))

    def step(self, read: Tensor, state: State) -> State:
        raise NotImplementedError


class Reader(nn.Module):
    def __init__(self, *names: str, hidden: int = 2_000) -> None:
        super().__init__()
        for name in names:
            self.add_module(name, Remembering(hidden=hidden))


def biases_of(reader: nn.Module, *, seed: int = 1, **options: Any) -> dict[str, Tensor]:
    Initialization(**options).fill(reader, seed=seed)
    return {name: weight.detach() for name, weight in reader.named_parameters() if name.endswith("bias")}


def test_a_cell_gives_weights_a_law_of_their_own() -> None:
    bias = biases_of(Reader("one"))["one.read.bias"]
    i, f, *drawn = bias.chunk(4)
    assert torch.equal(i, -f)
    lengths = f.double().exp()
    assert 1 <= lengths.min() < 1.1
    assert 48.9 < lengths.max() <= 49
    assert lengths.mean().item() == pytest.approx(25, abs=4 * 48 / math.sqrt(12 * 2_000))
    expected = draw("one.read.bias", bias.shape, seed=1, bound=1 / math.sqrt(2_000)).chunk(4)[2:]
    assert all(map(torch.equal, drawn, expected))


def test_that_law_is_a_function_of_seed_name_and_shape_alone() -> None:
    torch.manual_seed(5)
    first = biases_of(Reader("one", "two", hidden=8))
    torch.manual_seed(6)
    again = biases_of(Reader("two", "more", "one", hidden=8))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["one.read.bias"], first["two.read.bias"])
    assert not torch.equal(first["one.read.bias"], biases_of(Reader("one", hidden=8), seed=2)["one.read.bias"])
    double = biases_of(Reader("one", hidden=8).double())["one.read.bias"]
    assert torch.equal(first["one.read.bias"].double(), double)


def test_settings_leave_what_a_cell_says_itself() -> None:
    cell = Remembering(hidden=2)
    assert cell.forget_bias() is None
    first, second = (biases_of(Reader("one", hidden=8), forget_bias=bias)["one.read.bias"] for bias in (None, 7.0))
    assert torch.equal(first, second)


def test_values_of_another_shape_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Remembering, "initial_values", {"read.bias": lambda drawn, generator: drawn[:1]})
    with pytest.raises(UserError) as caught:
        biases_of(Reader("one", hidden=8))
    assert str(caught.value) == (
        "one.read.bias: a function of a cell's initial_values must give a tensor of its parameter's shape "
        "(received (1,) for (32,))"
    )


# Laws of recurrent matrices


def recurrent_matrices(cell: str, *, hidden: int = HIDDEN, **law: Any) -> dict[str, Tensor]:
    """The recurrent matrices of both layers, by layer and gate, in float64."""
    network = Network(cell, hidden=hidden)
    Initialization(**law).fill(network, seed=3)
    return {
        f"{i}.{gate}": block.detach().double()
        for i, layer in enumerate(cells_of(network))
        for gate, block in layer.recurrent_blocks().items()
    }


def radius(matrix: Tensor) -> float:
    return float(torch.linalg.eigvals(matrix).abs().max())


@pytest.mark.parametrize("gain", [1.0, 1.4])
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_orthogonal_matrices_are_orthogonal(cell: str, gain: float) -> None:
    for matrix in recurrent_matrices(cell, recurrent="orthogonal", recurrent_gain=gain).values():
        torch.testing.assert_close(matrix.T @ matrix, gain**2 * torch.eye(HIDDEN).double(), rtol=0, atol=1e-6)


def test_orthogonal_matrices_turn_either_way() -> None:
    """Without the correction of signs, QR gives factors whose diagonal has a law of its own."""
    matrices = [orthogonal(5, torch.Generator().manual_seed(seed)) for seed in range(400)]
    assert abs(torch.stack(matrices).mean(0)).max().item() < 4 / math.sqrt(5 * 400)


@pytest.mark.parametrize("gain", [1.0, 0.01])
def test_identity_matrices(gain: float) -> None:
    for matrix in recurrent_matrices("lstm", recurrent="identity", recurrent_gain=gain).values():
        torch.testing.assert_close(matrix, gain * torch.eye(HIDDEN).double())


def test_gaussian_matrices_have_the_spectral_radius_of_their_gain() -> None:
    for matrix in recurrent_matrices("elman", hidden=200, recurrent="gaussian", recurrent_gain=1.4).values():
        assert matrix.std().item() == pytest.approx(1.4 / math.sqrt(200), rel=0.02)
        assert matrix.mean().item() == pytest.approx(0, abs=0.002)
        assert radius(matrix) == pytest.approx(1.4, rel=0.15)


@pytest.mark.parametrize("gain", [1.0, 1.5])
@pytest.mark.parametrize("hidden", [1, 15, HIDDEN])
def test_sparse_matrices_have_fifteen_values_per_row_and_their_spectral_radius(hidden: int, gain: float) -> None:
    for matrix in recurrent_matrices("gru", hidden=hidden, recurrent="sparse", recurrent_gain=gain).values():
        assert ((matrix != 0).sum(1) == min(15, hidden)).all()
        assert radius(matrix) == pytest.approx(0.95 * gain, rel=1e-5)


@pytest.mark.parametrize("law", get_args(RecurrentInitializer))
def test_a_law_touches_recurrent_matrices_alone_and_each_in_its_own_way(law: RecurrentInitializer) -> None:
    plain, lawful = Network("lstm"), Network("lstm")
    Initialization(forget_bias=1.0).fill(plain, seed=3)
    Initialization(forget_bias=1.0, recurrent=law).fill(lawful, seed=3)
    for (name, before), after in zip(plain.named_parameters(), lawful.parameters(), strict=True):
        assert torch.equal(before, after) == (not name.endswith("recur.weight")), name
    matrices = list(recurrent_matrices("lstm", recurrent=law).values())
    different = [not torch.equal(a, b) for i, a in enumerate(matrices) for b in matrices[:i]]
    assert all(different) == any(different) == (law != "identity")


@pytest.mark.parametrize("law", [None, *get_args(RecurrentInitializer)])
def test_matrices_are_functions_of_seed_name_and_size(law: RecurrentInitializer | None) -> None:
    first, second = (recurrent_matrices("lstm", recurrent=law, recurrent_gain=1.1) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    peephole = recurrent_matrices("lstm_peephole", recurrent=law, recurrent_gain=1.1)
    torch.testing.assert_close(first, peephole, rtol=0, atol=0)


def test_a_gain_without_a_law_scales_what_was_drawn() -> None:
    drawn, scaled = recurrent_matrices("gru"), recurrent_matrices("gru", recurrent_gain=1.5)
    torch.testing.assert_close({name: 1.5 * matrix for name, matrix in drawn.items()}, scaled)


def test_a_cell_may_have_a_law_of_its_own() -> None:
    network = fill(Network("irnn"))
    for cell in cells_of(network):
        assert torch.equal(cell.recur.weight, torch.eye(HIDDEN))
        assert not cell.read.bias.any()
        assert cell.read.weight.any()
    for matrix in recurrent_matrices("irnn", recurrent="gaussian").values():
        assert not torch.equal(matrix, torch.eye(HIDDEN).double()), "though settings refuse it"


def test_what_a_cell_holds_at_a_constant_begins_there_under_any_law() -> None:
    network = RecurrentNetwork(cell="lstm", options={"layer_norm": True}, inputs=3, hidden=4, depth=2)
    Initialization(scale=0.1).fill(network, seed=1)
    gains = [(name, weight) for name, weight in network.named_parameters() if "norm" in name]
    assert gains
    for name, weight in gains:
        assert (weight == (1 if name.endswith("gain") else 0)).all(), name


# Shared weights


def test_networks_of_other_directions_and_depths_share_their_layers_weights() -> None:
    shapes: list[dict[str, Any]] = [
        {"depth": 1},
        {"depth": 2},
        {"depth": 2, "direction": "backward"},
        {"depth": 2, "direction": "bidirectional"},
        {"depth": 2, "direction": "bidirectional", "stacking": "independent"},
        {"depth": 2, "connections": "skip"},
        {"depth": 2, "connections": "residual"},
    ]
    weights = []
    for shape in shapes:
        network = RecurrentNetwork(cell="lstm", inputs=3, hidden=4, **shape)
        Initialization(forget_bias=1.0, recurrent="orthogonal").fill(network, seed=1)
        weights.append(dict(network.named_parameters()))
    for one in weights:
        for other in weights:
            for name in one.keys() & other.keys():
                assert torch.equal(one[name], other[name]) == (one[name].shape == other[name].shape), name
    assert not weights[0].keys() & weights[2].keys(), "a backward layer is no forward layer"
    assert torch.equal(
        weights[1]["forward_layers.1.cell.recur.weight"], weights[3]["forward_layers.1.cell.recur.weight"]
    )
