"""Each cell against a slow loop written from its equations, one step and one gate at a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tasks.recurrent import cells
from tasks.recurrent.cells import cell_names, find_cell
from unroll.contract import UserError

TIME, BATCH, INPUTS, HIDDEN = 7, 3, 5, 4

Blocks = list[tuple[Tensor, Tensor, Tensor, Tensor]]
Step = Callable[[Tensor, tuple[Tensor, ...], Blocks], tuple[Tensor, ...]]


def elman(x: Tensor, state: tuple[Tensor, ...], blocks: Blocks) -> tuple[Tensor, ...]:
    (h,), ((w, u, b, d),) = state, blocks
    return (torch.tanh(x @ w.T + b + h @ u.T + d),)


def elman_relu(x: Tensor, state: tuple[Tensor, ...], blocks: Blocks) -> tuple[Tensor, ...]:
    (h,), ((w, u, b, d),) = state, blocks
    return ((x @ w.T + b + h @ u.T + d).clamp(min=0),)


def gru(x: Tensor, state: tuple[Tensor, ...], blocks: Blocks) -> tuple[Tensor, ...]:
    (h,), ((wr, ur, br, dr), (wz, uz, bz, dz), (wn, un, bn, dn)) = state, blocks
    r = torch.sigmoid(x @ wr.T + br + h @ ur.T + dr)
    z = torch.sigmoid(x @ wz.T + bz + h @ uz.T + dz)
    n = torch.tanh(x @ wn.T + bn + r * (h @ un.T + dn))
    return (z * h + (1 - z) * n,)


def lstm(x: Tensor, state: tuple[Tensor, ...], blocks: Blocks) -> tuple[Tensor, ...]:
    h, c = state
    i, f, g, o = (x @ w.T + b + h @ u.T + d for w, u, b, d in blocks)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


EQUATIONS: dict[str, tuple[int, Step]] = {
    "elman": (1, elman),
    "elman_relu": (1, elman_relu),
    "gru": (3, gru),
    "lstm": (4, lstm),
}
"""Blocks that the weights are stacked of, and one step."""


def build(name: str) -> Any:
    torch.manual_seed(0)
    return find_cell(name)(inputs=INPUTS, hidden=HIDDEN).double()


def random_state(cell: Any) -> tuple[Tensor, ...]:
    return tuple(torch.randn_like(part) for part in cell.initial_state(BATCH))


def slow_loop(name: str, cell: Any, inputs: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    count, step = EQUATIONS[name]
    stacked = [
        getattr(cell.kernel, f"{part}_l0").chunk(count) for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    outputs = []
    for x in inputs:
        state = step(x, state, list(zip(*stacked, strict=True)))
        outputs.append(state[0])
    return torch.stack(outputs), state


def test_every_cell_has_its_equations_here() -> None:
    assert set(cell_names()) == set(EQUATIONS)


@pytest.mark.parametrize("name", cell_names())
def test_a_cell_computes_its_equations(name: str) -> None:
    cell = build(name)
    inputs, state = torch.randn(TIME, BATCH, INPUTS, dtype=torch.float64), random_state(cell)
    outputs, after = cell(inputs, state)
    expected, expected_after = slow_loop(name, cell, inputs, state)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-13)
    torch.testing.assert_close(after, expected_after, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", cell_names())
def test_a_cell_has_the_gradients_of_its_equations(name: str) -> None:
    cell = build(name)
    inputs, state = torch.randn(TIME, BATCH, INPUTS, dtype=torch.float64), random_state(cell)
    weights, direction = list(cell.parameters()), torch.randn(TIME, BATCH, HIDDEN, dtype=torch.float64)
    fused = torch.autograd.grad((cell(inputs, state)[0] * direction).sum(), weights)
    slow = torch.autograd.grad((slow_loop(name, cell, inputs, state)[0] * direction).sum(), weights)
    torch.testing.assert_close(fused, slow, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", cell_names())
def test_a_state_carried_over_a_cut_gives_the_uncut_sequence(name: str) -> None:
    cell = build(name)
    inputs = torch.randn(TIME, BATCH, INPUTS, dtype=torch.float64)
    whole, end = cell(inputs, cell.initial_state(BATCH))
    first, middle = cell(inputs[:3], cell.initial_state(BATCH))
    second, end_again = cell(inputs[3:], middle)
    torch.testing.assert_close(torch.cat((first, second)), whole, rtol=0, atol=1e-14)
    torch.testing.assert_close(end_again, end, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", cell_names())
def test_the_first_state_is_zero(name: str) -> None:
    state = build(name).initial_state(BATCH)
    assert all(torch.equal(part, torch.zeros(BATCH, HIDDEN, dtype=torch.float64)) for part in state)


def test_an_unknown_cell_is_named_with_a_suggestion() -> None:
    with pytest.raises(UserError) as caught:
        find_cell("LTSM")
    assert str(caught.value) == (
        "a cell is one of elman, elman_relu, gru, lstm (received 'LTSM'); did you mean 'lstm'?"
    )
    with pytest.raises(UserError, match="a new cell is a new file in tasks/recurrent/cells"):
        find_cell("transformer")


def test_a_new_file_is_a_new_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(cells.__file__).with_name("elman.py").read_text()
    (tmp_path / "jordan.py").write_text(source.replace("class Elman", "class Jordan"))
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    assert "jordan" in cell_names()
    assert find_cell("jordan").__name__ == "Jordan"
