"""Accuracies are shares of counts."""

import pytest
import torch

from tasks.agreement.tally import Tally


def test_accuracies_are_those_of_a_slow_version() -> None:
    generator = torch.Generator().manual_seed(1)
    right = torch.randint(2, (500,), generator=generator).bool()
    attractors = torch.randint(7, (500,), generator=generator)
    distances = torch.randint(25, (500,), generator=generator)
    tally = Tally()
    for part in (slice(begin, begin + 64) for begin in range(0, 500, 64)):
        tally = tally.plus(right[part], attractors[part], distances[part])
    expected = {"accuracy": right.double().mean().item()}
    expected |= {f"accuracy/attractors_{n}": right[attractors == n].double().mean().item() for n in range(5)}
    expected |= {f"accuracy/distance_{n}": right[distances == n].double().mean().item() for n in range(21)}
    assert tally.accuracies() == pytest.approx(expected, abs=1e-15, rel=0)


def test_what_there_is_none_of_has_no_accuracy() -> None:
    assert Tally().accuracies() == {}
    one = Tally().plus(torch.tensor([True]), torch.tensor([1]), torch.tensor([30]))
    assert one.accuracies() == {"accuracy": 1, "accuracy/attractors_1": 1}
