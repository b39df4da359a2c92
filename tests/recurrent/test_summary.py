"""Summaries against a loop over single sequences, and what padding and empty sequences do to them: nothing."""

import math
from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from tasks.recurrent.initialization import Initialization
from tasks.recurrent.stack import RecurrentNetwork
from tasks.recurrent.summary import Attention, Ends, Summary, SummaryName, build_summary

TIME, HIDDEN = 6, 4
FEATURES = 2 * HIDDEN
LENGTHS = torch.tensor([4, 6, 1, 0, 5])
NAMES: tuple[SummaryName, ...] = get_args(SummaryName)


def network(**more: Any) -> RecurrentNetwork:
    torch.manual_seed(0)
    shape: dict[str, Any] = {"direction": "bidirectional", **more}
    return RecurrentNetwork(cell="gru", inputs=3, hidden=HIDDEN, **shape).double()


def summary_of(name: SummaryName) -> Summary:
    summary = build_summary(name, network()).double()
    Initialization(scale=0.8).fill(summary, seed=1)
    return summary


def slow_attention(summary: Any, sequence: Tensor) -> Tensor:
    scores = [
        math.exp(sum(summary.query * torch.tanh(summary.hidden.weight @ h + summary.hidden.bias)).item())
        for h in sequence
    ]
    return sum((s / sum(scores) * h for s, h in zip(scores, sequence, strict=True)), torch.zeros(FEATURES))


SLOW: dict[SummaryName, Callable[[Any, Tensor], Tensor]] = {
    "last": lambda _, sequence: sequence[-1],
    "ends": lambda _, sequence: torch.cat([sequence[-1][:HIDDEN], sequence[0][HIDDEN:]]),
    "mean": lambda _, sequence: torch.stack([sum(column) / len(column) for column in sequence.T]),
    "max": lambda _, sequence: torch.stack([max(column) for column in sequence.T]),
    "attention": slow_attention,
}
"""From one sequence of shape (time, features) to its vector."""


def outputs() -> Tensor:
    return torch.randn(TIME, len(LENGTHS), FEATURES, dtype=torch.float64) - 1


@pytest.mark.parametrize("name", NAMES)
def test_a_summary_of_a_batch_is_that_of_each_sequence(name: SummaryName) -> None:
    summary, batch = summary_of(name), outputs()
    vectors = summary(batch, lengths=LENGTHS)
    for i, length in enumerate(LENGTHS.tolist()):
        slow = SLOW[name](summary, batch[:length, i]) if length else torch.zeros(FEATURES)
        torch.testing.assert_close(vectors[i], slow.double(), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_without_lengths_all_steps_are_real(name: SummaryName) -> None:
    summary, batch = summary_of(name), outputs()
    told = summary(batch, lengths=torch.full((len(LENGTHS),), TIME))
    torch.testing.assert_close(summary(batch), told, rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("junk", [1e6, math.nan, math.inf])
def test_what_is_at_padding_is_never_seen(name: SummaryName, junk: float) -> None:
    summary, batch = summary_of(name), outputs()
    padding = (torch.arange(TIME).unsqueeze(1) >= LENGTHS).unsqueeze(2)
    expected = summary(batch, lengths=LENGTHS)
    filled = batch.masked_fill(padding, junk).requires_grad_()
    vectors = summary(filled, lengths=LENGTHS)
    assert torch.equal(vectors, expected)
    gradients = torch.autograd.grad(vectors.square().sum(), [filled, *summary.parameters()])
    assert not gradients[0].masked_select(padding).any()
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_finite_differences(name: SummaryName) -> None:
    summary, batch = summary_of(name), outputs().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: summary(x, lengths=LENGTHS), (batch,))


def test_weights_of_attention_are_a_distribution_over_real_steps() -> None:
    summary, batch = summary_of("attention"), outputs()
    assert isinstance(summary, Attention)
    real = (torch.arange(TIME).unsqueeze(1) < LENGTHS).unsqueeze(2)
    weights = summary.weights(batch, real)
    assert (weights[real] > 0).all()
    assert not weights[~real].any()
    torch.testing.assert_close(weights.sum((0, 2)), (LENGTHS > 0).double())


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_has_no_overflow(name: SummaryName) -> None:
    vectors = summary_of(name).to(torch.bfloat16)(outputs().to(torch.bfloat16), lengths=LENGTHS)
    assert vectors.dtype == torch.bfloat16
    assert vectors.isfinite().all()


@pytest.mark.parametrize("stacking", ["interleaved", "independent"])
@pytest.mark.parametrize("connections", ["plain", "skip"])
def test_the_ends_of_a_network_are_its_last_states(stacking: Any, connections: Any) -> None:
    """Each direction's final state is what it wrote at the step that it read last."""
    built = network(depth=2, stacking=stacking, connections=connections)
    lengths = LENGTHS.clamp(min=1)
    read, states = built(torch.randn(TIME, len(LENGTHS), 3).double(), lengths=lengths)
    vectors = Ends(built.ways)(read, lengths=lengths).chunk(len(built.ways), dim=1)
    ends = [state[0] for state in states]
    if connections == "plain":
        ends = ends[-2:]
    elif stacking == "independent":
        ends = [*ends[0::2], *ends[1::2]]
    torch.testing.assert_close(ends, list(vectors), rtol=0, atol=0)
