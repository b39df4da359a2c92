"""Omega of Pascanu et al. 2013 against explicit Jacobians, finite differences and numbers worked out by hand."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import jacrev

from tasks.recurrent.cells import cell_names, find_cell
from tasks.recurrent.cells.elman import Elman
from tasks.recurrent.diagnostics.state_capture import record_states
from tasks.recurrent.omega.omega import Omega, OmegaForm, omega
from tasks.recurrent.stack import RecurrentNetwork
from unroll.contract import UserError

TIME, BATCH, INPUTS, HIDDEN = 6, 3, 2, 4
FORMS: tuple[OmegaForm, ...] = ("paper", "code")
ARMS = [("elman", "tanh"), ("elman", "relu"), ("elman", "logistic"), ("irnn", None)]


def network_of(cell: str, activation: str | None, depth: int = 1, scale: float = 1.0) -> RecurrentNetwork:
    options = {} if activation is None else {"activation": activation}
    torch.manual_seed(3)
    network = RecurrentNetwork(cell=cell, options=options, inputs=INPUTS, hidden=HIDDEN, depth=depth).double()
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_().mul_(scale)
    return network


def loss_of(outputs: Tensor) -> Tensor:
    """Every step counts, none like another."""
    targets = torch.randn(outputs.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    return ((outputs - targets) ** 2).mean(dim=1).sum()


def inputs() -> Tensor:
    return torch.randn(TIME, BATCH, INPUTS, dtype=torch.float64, generator=torch.Generator().manual_seed(7))


def states_and_gradients(network: RecurrentNetwork) -> list[tuple[Tensor, Tensor]]:
    """H and dE/dh of each layer, by a chain of its own for each step: E as a function of that one state."""
    with record_states(network) as records:
        network(inputs())
    found = []
    for depth, record in enumerate(records.values()):
        states = torch.stack([h for (h,) in record.states]).detach()
        found.append((states, torch.stack([gradient_at(network, depth, k) for k in range(TIME)])))
    return found


def gradient_at(network: RecurrentNetwork, depth: int, k: int) -> Tensor:
    """dE/dh_k by adding a small free vector to h_k, everything unrolled by hand."""
    free = torch.zeros(BATCH, HIDDEN, dtype=torch.float64, requires_grad=True)
    sequence = list(inputs())
    for level, layer in enumerate(network.layers()):
        h, written = torch.zeros(BATCH, HIDDEN, dtype=torch.float64), []
        for t, x in enumerate(sequence):
            (h,) = layer.cell.step(layer.cell.project(x), (h,))
            h = h + free if (level, t) == (depth, k) else h
            written.append(h)
        sequence = written
    (gradient,) = torch.autograd.grad(loss_of(torch.stack(sequence)), free)
    return gradient


def slow_omega(cell: Any, weight: Tensor, states: Tensor, gradients: Tensor, form: OmegaForm) -> float:
    """From the paper, sequence by sequence and step by step, with the whole Jacobian dh_k/dh_{k-1}.

    The Jacobian is that of a network whose matrix is ``weight``, taken where h_k is what it was.
    """
    terms, valid = 0.0, 0
    for k in range(TIME):
        for b in range(BATCH):
            d, h = gradients[k, b], states[k, b]
            jacobian = torch.diag(slope_by_inverse(cell, h)) @ weight
            here, past = d.norm().item(), (d @ jacobian).norm().item()
            if here**2 < 1e-20:
                continue
            valid += 1
            terms += ((past / here) ** (2 if form == "code" else 1) - 1) ** 2
    return terms / (valid if form == "code" else BATCH)


def slope_by_inverse(cell: Any, h: Tensor) -> Tensor:
    """f'(a) where f(a) = h, by automatic differentiation at the inverse."""
    activation = getattr(cell, "activation", "relu")
    inverse = {"tanh": torch.atanh, "logistic": torch.logit, "relu": lambda v: torch.where(v > 0, v, -1.0)}[activation]
    function = {"tanh": torch.tanh, "logistic": torch.sigmoid, "relu": torch.relu}[activation]
    jacobian: Tensor = jacrev(function)(inverse(h))  # type: ignore[no-untyped-call]
    return torch.diagonal(jacobian)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("cell", "activation"), ARMS)
@pytest.mark.parametrize("depth", [1, 2])
def test_value_and_derivative_are_those_of_the_slow_version(
    cell: str, activation: str | None, form: OmegaForm, depth: int
) -> None:
    network = network_of(cell, activation, depth, scale=0.7)
    network.zero_grad()
    loss_of(network(inputs())[0]).backward()  # type: ignore[no-untyped-call]
    plain = [layer.cell.recur.weight.grad.clone() for layer in network.layers()]  # type: ignore[union-attr]
    slow = states_and_gradients(network)

    network.zero_grad()
    regularizer = Omega(strength=0.3, form=form)
    with regularizer.watch(network) as traces:
        loss = loss_of(network(inputs())[0])
    loss.backward()  # type: ignore[no-untyped-call]
    value = regularizer.add_gradient(traces)

    layers = network.layers()
    expected = [slow_omega(a.cell, a.cell.recur.weight.detach(), *s, form) for a, s in zip(layers, slow, strict=True)]
    assert value.item() == pytest.approx(sum(expected), rel=1e-9)
    for layer, before, (states, gradients) in zip(layers, plain, slow, strict=True):
        added = (layer.cell.recur.weight.grad - before) / 0.3  # type: ignore[operator]
        torch.testing.assert_close(added, differences(layer.cell, states, gradients, form), rtol=1e-5, atol=1e-6)


def differences(cell: Any, states: Tensor, gradients: Tensor, form: OmegaForm, step: float = 1e-6) -> Tensor:
    """Central finite differences of the slow version in each weight, h and d held constant."""
    weight = cell.recur.weight.detach()
    derivative = torch.zeros_like(weight)
    for place in range(weight.numel()):
        moved = torch.zeros_like(weight)
        moved.view(-1)[place] = step
        up, down = (slow_omega(cell, weight + s * moved, states, gradients, form) for s in (1, -1))
        derivative.view(-1)[place] = (up - down) / (2 * step)
    return derivative


def test_one_unit_worked_out_by_hand() -> None:
    """One tanh unit, w = 2, h = 0.5 then 0.8, d = 3 then -0.1, one sequence.

    Slopes 1 - h**2 are 0.75 and 0.36, so that ratios |v|/|d| are w * 0.75 = 1.5 and w * 0.36 = 0.72, whatever d is.
    Paper: Omega = 0.5**2 + 0.28**2 = 0.3284; derivative 2 * 0.5 * 0.75 - 2 * 0.28 * 0.36 = 0.5484.
    Code: ratios of squares 2.25 and 0.5184; Omega = (1.25**2 + 0.4816**2) / 2 = 0.89721928;
    derivative (4 * 1.25 * 2 * 0.75**2 - 4 * 0.4816 * 2 * 0.36**2) / 2 = 2.56283856.
    """
    cell = Elman(inputs=1, hidden=1).double()
    torch.nn.init.constant_(cell.recur.weight, 2.0)
    states, gradients = (torch.tensor(v, dtype=torch.float64).view(2, 1, 1) for v in ([0.5, 0.8], [3.0, -0.1]))
    for form, value, derivative in (("paper", 0.3284, 0.5484), ("code", 0.89721928, 2.56283856)):
        got = omega(cell, states, gradients, form=form)  # type: ignore[arg-type]
        assert (got[0].item(), got[1].item()) == pytest.approx((value, derivative), rel=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_steps_whose_gradient_has_vanished_do_not_count(form: OmegaForm) -> None:
    cell = Elman(inputs=1, hidden=1).double()
    torch.nn.init.constant_(cell.recur.weight, 2.0)
    states = torch.tensor([0.5, 0.8, 0.3], dtype=torch.float64).view(3, 1, 1)
    some = torch.tensor([3.0, 0.9e-10, 0.0], dtype=torch.float64).view(3, 1, 1)
    first = omega(cell, states[:1], some[:1], form=form)
    for got, wanted in zip(omega(cell, states, some, form=form), first, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=0)


@pytest.mark.parametrize("form", FORMS)
def test_nothing_that_counts_is_zero_and_not_nan(form: OmegaForm) -> None:
    """All gradients zero; and units of relu that are all dead, which hand nothing on."""
    cell = Elman(inputs=1, hidden=2, activation="relu").double()
    states, ones = torch.zeros(3, 1, 2, dtype=torch.float64), torch.ones(3, 1, 2, dtype=torch.float64)
    value, derivative = omega(cell, states, 0 * ones, form=form)
    assert value.item() == 0
    assert torch.equal(derivative, torch.zeros(2, 2, dtype=torch.float64))
    value, derivative = omega(cell, states, ones, form=form)
    assert value.item() == pytest.approx(3.0 if form == "paper" else 1.0)
    assert torch.equal(derivative, torch.zeros(2, 2, dtype=torch.float64))


def test_single_precision_does_not_underflow() -> None:
    """Squares of small gradients are near the smallest numbers of float32; their product would be none."""
    cell = Elman(inputs=1, hidden=1)
    torch.nn.init.constant_(cell.recur.weight, 0.01)
    states, small = torch.tensor([0.5]).view(1, 1, 1), torch.tensor([2e-10]).view(1, 1, 1)
    value, derivative = omega(cell, states, small, form="paper")
    assert value.item() == pytest.approx((0.0075 - 1) ** 2, rel=1e-5)
    assert derivative.item() == pytest.approx(2 * (0.0075 - 1) * 0.75, rel=1e-5)


@pytest.mark.parametrize("cell", [name for name in cell_names() if name not in ("elman", "irnn")])
def test_other_cells_are_refused(cell: str) -> None:
    network = RecurrentNetwork(cell=cell, inputs=2, hidden=3)
    with pytest.raises(UserError) as caught, Omega(strength=1.0, form="paper").watch(network):
        network(torch.zeros(2, 1, 2))
    name = find_cell(cell).__name__
    assert str(caught.value) == f"Omega is defined for Elman networks, elman and irnn (received {name})"


def test_it_is_zero_for_a_network_that_keeps_every_norm() -> None:
    """An identity of relu units that are all at work hands every gradient on as it is."""
    cell = Elman(inputs=1, hidden=2, activation="relu").double()
    torch.nn.init.eye_(cell.recur.weight)
    states, gradients = (torch.rand(4, 3, 2, dtype=torch.float64) + 0.1 for _ in range(2))
    for form in FORMS:
        value, derivative = omega(cell, states, gradients, form=form)
        assert value.item() == pytest.approx(0.0, abs=1e-30)
        assert math.isclose(derivative.abs().max().item(), 0.0, abs_tol=1e-14)
