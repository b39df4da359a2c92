"""What every file of remedies keeps to, whatever it minimizes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from tasks.remedies.kinds import REMEDIES
from tasks.remedies.remedy import Objective, Remedy
from tests.remedies.conftest import END, HIDDEN, Tiny, examples_of

UPDATES = (0, 50, 99)
TARGETS = ((2, 3, END), (3, END))


def build(name: str) -> Remedy:
    make: Any = REMEDIES.find(name)
    remedy: Remedy = make(features=HIDDEN).double()
    with torch.no_grad():
        for weight in remedy.parameters():
            weight.copy_(torch.linspace(-0.5, 0.5, weight.numel(), dtype=torch.float64).view_as(weight))
    return remedy


def minimized(remedy: Remedy, model: Tiny, update: int) -> Objective:
    torch.manual_seed(7)
    return remedy.objective(model, examples_of(*TARGETS, update=update))


@pytest.mark.parametrize("name", REMEDIES.names())
def test_a_loss_is_one_number_from_which_the_model_learns(name: str) -> None:
    remedy, model = build(name), Tiny()
    for update in UPDATES:
        found = minimized(remedy, model, update)
        assert found.loss.shape == ()
        assert math.isfinite(found.loss.item())
        assert all(math.isfinite(value) for value in found.logged.values())
        assert any(gradient.any() for gradient in model.gradients(found.loss))


@pytest.mark.parametrize("name", REMEDIES.names())
def test_all_that_is_drawn_comes_from_torchs_generator(name: str) -> None:
    remedy, model = build(name), Tiny()
    for update in UPDATES:
        first, second = (minimized(remedy, model, update) for _ in range(2))
        assert first.loss.item() == second.loss.item()
        assert first.logged == second.logged


@pytest.mark.parametrize("name", REMEDIES.names())
def test_a_remedys_own_loss_is_of_its_own_weights(name: str) -> None:
    remedy, model = build(name), Tiny()
    own = [found.own for update in UPDATES if (found := minimized(remedy, model, update)).own is not None]
    assert bool(own) <= (remedy.own_rate is not None)
    for loss in own:
        assert not any(gradient.any() for gradient in model.gradients(loss))
        gradients = torch.autograd.grad(loss, list(remedy.parameters()), allow_unused=True)
        assert any(gradient is not None and gradient.any() for gradient in gradients)


@pytest.mark.parametrize("name", REMEDIES.names())
def test_no_weight_and_no_gradient_is_touched(name: str) -> None:
    remedy, model = build(name), Tiny()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    minimized(remedy, model, 50)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(weight.grad is None for weight in (*model.parameters(), *remedy.parameters()))
