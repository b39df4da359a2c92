"""Clipping of gradients, against its definitions."""

import math

import pytest
import torch
from torch import nn

from tasks.learning.clipping import Clipped, Clipping, ClipRate


def weights_with(*gradients: list[float]) -> list[nn.Parameter]:
    """Weights in float64 that have these gradients, and one that has none."""
    weights = [nn.Parameter(torch.zeros(len(gradient), dtype=torch.float64)) for gradient in gradients]
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
    return [*weights, nn.Parameter(torch.zeros(2))]


def gradients_of(weights: list[nn.Parameter]) -> list[list[float]]:
    return [weight.grad.tolist() for weight in weights if weight.grad is not None]


def test_the_norm_is_that_of_all_weights_together_and_their_direction_stays() -> None:
    weights = weights_with([3.0, 0.0], [4.0])
    assert Clipping(norm=1.0).apply(weights) == Clipped(norm=5.0, active=True)
    expected = [[0.6, 0.0], [0.8]]  # each alone is longer than 1: clipped one by one they would be [1, 0] and [1]
    for got, wanted in zip(gradients_of(weights), expected, strict=True):
        assert got == pytest.approx(wanted, abs=1e-6)  # torch adds 1e-6 to the norm that it divides by


def test_a_short_gradient_stays_as_it_is() -> None:
    weights = weights_with([3.0, 0.0], [4.0])
    assert Clipping(norm=5.1).apply(weights) == Clipped(norm=5.0, active=False)
    assert gradients_of(weights) == [[3.0, 0.0], [4.0]]


def test_value_clipping_cuts_each_value_and_turns_the_gradient() -> None:
    weights = weights_with([3.0, -0.25], [-4.0])
    clipped = Clipping(value=0.5).apply(weights)
    assert clipped == Clipped(norm=math.sqrt(25.0625), active=True)
    assert gradients_of(weights) == [[0.5, -0.25], [-0.5]]
    assert Clipping(value=0.5).apply(weights).active is False


def test_without_bounds_the_norm_is_told_and_nothing_done() -> None:
    weights = weights_with([3e8, 0.0], [4e8])
    assert Clipping().apply(weights) == Clipped(norm=5e8, active=False)
    assert gradients_of(weights) == [[3e8, 0.0], [4e8]]


@pytest.mark.parametrize("clipping", [Clipping(), Clipping(norm=1.0), Clipping(value=1.0)])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_gradient_without_a_finite_norm_is_left_and_not_usable(clipping: Clipping, bad: float) -> None:
    """Torch's own functions would make every value NaN here, or cut an infinite one to the bound."""
    weights = weights_with([3.0, bad], [4.0])
    clipped = clipping.apply(weights)
    assert not clipped.usable
    assert not clipped.active
    assert gradients_of(weights)[1] == [4.0]
    assert gradients_of(weights)[0][0] == 3.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_finite_gradient_whose_squares_overflow_is_clipped(dtype: torch.dtype) -> None:
    def weight() -> nn.Parameter:
        parameter = nn.Parameter(torch.zeros(2, dtype=dtype))
        parameter.grad = torch.tensor([3e20, -4e20], dtype=dtype)
        return parameter

    for clipping, expected in [
        (Clipping(norm=1.0), [0.6, -0.8]),
        (Clipping(value=0.5), [0.5, -0.5]),
        (Clipping(), [3e20, -4e20]),
    ]:
        given = weight()
        clipped = clipping.apply([given])
        assert clipped.usable
        assert clipped.norm == pytest.approx(5e20, rel=0.01)
        assert clipped.active is (clipping != Clipping())
        assert given.grad is not None
        torch.testing.assert_close(given.grad, torch.tensor(expected, dtype=dtype), rtol=0.01, atol=0)


def test_two_bounds_are_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"norm and value exclude each other, received 1.0 and 0.5"):
        Clipping(norm=1.0, value=0.5)


def test_the_rate_is_the_share_of_steps_since_it_was_last_taken() -> None:
    rate = ClipRate()
    for active in (True, False, False, True):
        rate.count(Clipped(norm=1.0, active=active))
    assert rate.take() == 0.5
    rate.count(Clipped(norm=1.0, active=True))
    assert rate.take() == 1.0
    assert math.isnan(rate.take())
