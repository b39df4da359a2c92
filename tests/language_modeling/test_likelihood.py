"""Perplexity from sums."""

import math

import pytest
import torch

from tasks.language_modeling.likelihood import Likelihood


def test_perplexity_is_no_mean_of_perplexities() -> None:
    halves = [Likelihood().plus(torch.tensor(10 * nats), 10) for nats in (4.0, 6.0)]
    whole = halves[0].plus(halves[1].nats, halves[1].tokens)
    assert round(whole.perplexity().item()) == 148
    assert round(sum(half.perplexity().item() for half in halves) / 2) == 229


def test_sums_are_in_double_precision() -> None:
    likelihood = Likelihood()
    for _ in range(1000):
        likelihood = likelihood.plus(torch.tensor(1e5), 1).plus(torch.tensor(1e-4), 1)
    assert likelihood.nats.item() == pytest.approx(1e8 + 0.1, abs=1e-5)


def test_a_perplexity_that_overflows_is_infinite() -> None:
    assert math.isinf(Likelihood().plus(torch.tensor(1e6), 1).perplexity().item())
