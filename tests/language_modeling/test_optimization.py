"""The schedule of the learning rate against Zaremba's numbers, and perplexity from sums."""

import math

import pytest
import torch

from tasks.language_modeling.likelihood import Likelihood
from tasks.language_modeling.optimization import Schedule


@pytest.mark.parametrize(
    ("start", "factor", "epochs", "last"),
    [(4, 2.0, 13, 1 / 2**9), (6, 1.2, 39, 1.2**-33), (14, 1.15, 55, 1.15**-41)],
    ids=["small", "medium", "large"],
)
def test_zarembas_schedules(start: int, factor: float, epochs: int, last: float) -> None:
    schedule = Schedule(learning_rate=1.0, decay_start=start, decay_factor=factor)
    rates = [schedule.at(epoch) for epoch in range(epochs)]
    assert rates[:start] == [1.0] * start
    assert rates[start] == 1 / factor
    assert rates[-1] == pytest.approx(last, rel=1e-12)


def test_a_schedule_without_decay_is_constant() -> None:
    schedule = Schedule(learning_rate=0.3, decay_start=None, decay_factor=None)
    assert {schedule.at(epoch) for epoch in range(50)} == {0.3}


def test_a_divisor_beyond_all_numbers_leaves_no_rate() -> None:
    schedule = Schedule(learning_rate=0.3, decay_start=1, decay_factor=2.0)
    assert schedule.at(1023) == 0.3 / 2**1023
    assert schedule.at(1024) == schedule.at(99_999) == 0.0


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
