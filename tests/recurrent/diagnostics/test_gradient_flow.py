"""Gradient profiles against single gradients, and at initialization against what is known of the cells."""

import math
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

from tasks.recurrent.diagnostics.gradient_flow import WHOLE, distances, gradient_profiles
from tasks.recurrent.diagnostics.state_capture import record_states
from tasks.recurrent.initialization import Initialization
from tasks.recurrent.loop.fused import fused
from tasks.recurrent.stack import RecurrentNetwork

TIME, BATCH, INPUTS, HIDDEN = 12, 3, 2, 4


def network_of(cell: str, **more: Any) -> RecurrentNetwork:
    torch.manual_seed(1)
    return RecurrentNetwork(cell=cell, inputs=INPUTS, hidden=HIDDEN, **more).double().eval()


def sequences() -> Tensor:
    return torch.randn(TIME, BATCH, INPUTS, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def loss_of(outputs: Tensor, lengths: Tensor | None) -> Tensor:
    """Sum over sequences of something about each one's last real output."""
    last = torch.full((BATCH,), TIME - 1) if lengths is None else lengths - 1
    direction = torch.linspace(-1, 2, HIDDEN, dtype=torch.float64)
    return (outputs[last, torch.arange(BATCH)] * direction).tanh().sum()


def disturbed_loss(network: RecurrentNetwork, b: int, length: int, at: tuple[int, int, int], by: Tensor) -> Tensor:
    """Loss of sequence b alone, unrolled by hand, with ``by`` added to one part of one layer's state after one step."""
    layers = network.layers()
    states = [layer.cell.initial_state(1) for layer in layers]
    for t in range(length):
        seen = sequences()[t, b : b + 1]
        for depth, layer in enumerate(layers):
            states[depth] = layer.cell.step(layer.cell.project(seen), states[depth])
            if at[:2] == (depth, t):
                states[depth] = tuple(part + by if p == at[2] else part for p, part in enumerate(states[depth]))
            seen = states[depth][0]
    direction = torch.linspace(-1, 2, HIDDEN, dtype=torch.float64)
    return (seen[0] * direction).tanh().sum()


@pytest.mark.parametrize("cell", ["elman", "lstm"])
@pytest.mark.parametrize("lengths", [None, torch.tensor([12, 4, 9])])
def test_each_distance_is_the_mean_of_single_gradients(cell: str, lengths: Tensor | None) -> None:
    network = network_of(cell, depth=2)
    with record_states(network) as records:
        outputs, _ = network(sequences(), lengths=lengths)
    found = gradient_profiles(loss_of(outputs, lengths), records)
    parts = network.layers()[0].cell.parts
    for depth in (0, 1):
        profiles = found[f"layer{depth}"]
        assert list(profiles) == [WHOLE, *parts]
        for distance in distances(TIME):
            squares = [single_squares(network, depth, distance, b, lengths) for b in range(BATCH)]
            known = [s for s in squares if s is not None]
            for p, part in enumerate(parts):
                assert profiles[part][distance] == pytest.approx(mean(math.sqrt(s[p]) for s in known), rel=1e-9)
            assert profiles[WHOLE][distance] == pytest.approx(mean(math.sqrt(sum(s)) for s in known), rel=1e-9)


def single_squares(
    network: RecurrentNetwork, depth: int, distance: int, b: int, lengths: Tensor | None
) -> list[float] | None:
    """Squared norm of the gradient with respect to each part, for one sequence; None where it is too short."""
    length = TIME if lengths is None else int(lengths[b])
    if distance >= length:
        return None
    squares = []
    for part in range(len(network.layers()[0].cell.parts)):
        by = torch.zeros(1, HIDDEN, dtype=torch.float64, requires_grad=True)
        loss = disturbed_loss(network, b, length, (depth, length - 1 - distance, part), by)
        (gradient,) = torch.autograd.grad(loss, by, allow_unused=True)
        squares.append(0.0 if gradient is None else gradient.square().sum().item())
    return squares


def mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known)


def test_distances_are_few_and_the_same_for_all_lengths() -> None:
    assert distances(1) == [0]
    assert distances(20) == [0, 1, 2, 3, 5, 7, 10, 19]
    assert distances(101) == [0, 1, 2, 3, 5, 7, 10, 20, 30, 50, 70, 100]


def test_the_gradient_of_a_fused_kernels_outputs_is_none_of_this() -> None:
    """It holds the direct part alone: nothing, at every step but the last (papers that plot it plot zeros)."""
    network = network_of("lstm")
    kernel = fused(network.layers()[0].cell, sequences(), network.initial_state(BATCH)[0])
    assert kernel is not None
    (direct,) = torch.autograd.grad(loss_of(kernel[0], None), kernel[0])
    assert direct[:-1].count_nonzero() == 0
    assert direct[-1].count_nonzero() > 0
    with record_states(network) as records:
        outputs, _ = network(sequences())
    profile = gradient_profiles(loss_of(outputs, None), records)["layer0"]["h"]
    assert all(norm > 0 for norm in profile.values())


def test_layers_that_share_a_cell_are_recorded_and_left_as_they_were() -> None:
    torch.manual_seed(1)
    network = RecurrentNetwork(cell="gru", inputs=INPUTS, hidden=INPUTS, depth=2).double().eval()
    lower, upper = network.layers()
    upper.cell = lower.cell
    expected, _ = network(sequences())
    with record_states(network) as records:
        outputs, _ = network(sequences())
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-13)
    assert len(records["layer0"].states) == len(records["layer1"].states) == TIME
    assert "step" not in vars(lower.cell)


def test_layers_that_read_backward_have_no_profile() -> None:
    network = network_of("gru", direction="bidirectional")
    with record_states(network) as records:
        outputs, _ = network(sequences())
    assert list(records) == ["layer0", "layer0_backward"]
    assert list(gradient_profiles(outputs[-1].sum(), records)) == ["layer0"]
    network = network_of("gru", direction="backward")
    with record_states(network) as records:
        outputs, _ = network(sequences())
    assert gradient_profiles(outputs[-1].sum(), records) == {}


# At initialization

STEPS, FAR = 100, 50
SEEDS = range(5)


def reach(cell: str, seed: int, forget_bias: float | None = None) -> float:
    """|dL_T/dh_{T-50}| over |dL_T/dh_T| of 64 units as they begin, for normal inputs of size 32 and 20 sequences."""
    network = RecurrentNetwork(cell=cell, inputs=32, hidden=64)
    law = Initialization(scale=None, forget_bias=forget_bias, recurrent=None, recurrent_gain=1.0)
    law.fill(network, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    inputs, direction = (torch.randn(*shape, generator=generator) for shape in ((STEPS, 20, 32), (20, 64)))
    with record_states(network) as records:
        outputs, _ = network(inputs)
    profile = gradient_profiles((outputs[-1] * direction).sum(), records)["layer0"][WHOLE]
    return profile[FAR] / profile[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_at_the_start_a_forget_bias_carries_the_gradient_and_nothing_else_of_an_lstm_does(seed: int) -> None:
    none, one, three = (reach("lstm", seed, bias) for bias in (0.0, 1.0, 3.0))
    assert one > 1e3 * none
    assert three > 1e3 * one


@pytest.mark.parametrize("seed", SEEDS)
def test_at_the_start_a_tanh_network_has_lost_the_gradient_and_an_irnn_has_not(seed: int) -> None:
    assert reach("elman", seed) < 1e-9
    assert reach("irnn", seed) > 0.3
