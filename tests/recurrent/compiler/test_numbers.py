"""Numbers at their limits: accuracy, infinity, NaN, the same bits again."""

from __future__ import annotations

import math

import pytest
import torch

from tasks.recurrent.cell import Cell
from tasks.recurrent.loop import read_sequence
from tests.recurrent.cells.variants import VARIANTS, Variant
from tests.recurrent.compiler.compare import compiled, gradients, leaves, randomize

SPECIAL = [
    0.0,
    -0.0,
    1e-45,
    -1e-38,
    1e-8,
    0.624,
    0.626,
    -9.1,
    17.0,
    44.0,
    88.7,
    -88.8,
    104.0,
    -3e38,
    math.inf,
    -math.inf,
]


def elman(activation: str) -> Cell:
    """A cell that is one function of what it reads."""
    cell = Variant("elman", {"activation": activation}).build(inputs=1, hidden=1).float()
    with torch.no_grad():
        cell.recur.weight.zero_()
        cell.read.weight.fill_(1)
        cell.read.bias.zero_()
    return cell


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_functions_are_right_to_two_units_in_the_last_place(activation: str) -> None:
    sweep = torch.cat([torch.linspace(-20, 20, 100_001), torch.linspace(-1, 1, 50_001), torch.tensor(SPECIAL)])
    read = sweep.reshape(1, -1, 1)
    with torch.no_grad():
        (found,) = compiled(elman(activation), read, (torch.zeros(len(sweep), 1),))
    exact = (torch.tanh if activation == "tanh" else torch.sigmoid)(read.double())
    spacing = torch.nextafter(exact.float().abs(), torch.tensor(math.inf)).double() - exact.float().abs().double()
    wrong = (found.double() - exact).abs() / spacing.clamp(min=2.0**-126)
    assert float(wrong.max()) <= 2.5
    assert float(found.abs().max()) <= 1


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_spreads_as_in_the_plain_loop(variant: Variant, bad: float) -> None:
    cell = variant.build(inputs=2, hidden=17).float()
    inputs = torch.randn(4, 3, 2)
    inputs[1, 1, 0] = bad
    plain, fast = (
        read_sequence(cell, inputs, cell.initial_state(3), loop=loop).outputs for loop in ("plain", "compiled")
    )
    assert torch.equal(plain.isnan(), fast.isnan())
    assert torch.equal(plain.isinf(), fast.isinf())
    torch.testing.assert_close(fast, plain, equal_nan=True)


def test_padding_that_is_not_finite_reaches_nothing() -> None:
    cell = randomize(Variant("gru").build(inputs=3, hidden=5))
    inputs, state = leaves(cell, time=4, batch=2)
    lengths = torch.tensor([2, 4])
    expected = gradients(compiled, cell, inputs, state, lengths=lengths, noise=None)
    with torch.no_grad():
        inputs[2:, 0] = 1e300
    found = gradients(compiled, cell, inputs, state, lengths=lengths, noise=None)
    assert all(torch.equal(here, there) for here, there in zip(found, expected, strict=True))


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_same_bits_again_wherever_the_numbers_lie(variant: Variant) -> None:
    cell = randomize(variant.build(inputs=5, hidden=19), dtype=torch.float32)
    inputs, state = leaves(cell, time=5, batch=7, dtype=torch.float32)
    moved = torch.empty(inputs.numel() + 1)[1:].view_as(inputs).copy_(inputs.detach()).requires_grad_()
    first, second = (gradients(compiled, cell, x, state, lengths=None, noise=None) for x in (inputs, moved))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_a_row_does_not_depend_on_the_others() -> None:
    cell = randomize(Variant("lstm").build(inputs=5, hidden=19), dtype=torch.float32)
    inputs, state = leaves(cell, time=5, batch=30, dtype=torch.float32)
    whole = read_sequence(cell, inputs, state, loop="compiled").outputs
    few = read_sequence(cell, inputs[:, 3:8], tuple(part[3:8] for part in state), loop="compiled").outputs
    assert torch.equal(whole[:, 3:8], few)
