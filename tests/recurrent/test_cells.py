"""What holds for every cell of the folder; and cells against a slow loop written from their equations, step by step."""

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

State = tuple[Tensor, ...]
Step = Callable[[Any, Tensor, State], State]


def blocks(cell: Any, count: int) -> Any:
    """For each of ``count`` gates its (W, U, b, d): how torch's fused kernels stack the weights."""
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    return zip(*(getattr(cell.kernel, name).chunk(count) for name in names), strict=True)


def elman(cell: Any, x: Tensor, state: State) -> State:
    (h,), ((w, u, b, d),) = state, blocks(cell, 1)
    return (torch.tanh(x @ w.T + b + h @ u.T + d),)


def elman_relu(cell: Any, x: Tensor, state: State) -> State:
    (h,), ((w, u, b, d),) = state, blocks(cell, 1)
    return ((x @ w.T + b + h @ u.T + d).clamp(min=0),)


def gru(cell: Any, x: Tensor, state: State) -> State:
    (h,), ((wr, ur, br, dr), (wz, uz, bz, dz), (wn, un, bn, dn)) = state, blocks(cell, 3)
    r = torch.sigmoid(x @ wr.T + br + h @ ur.T + dr)
    z = torch.sigmoid(x @ wz.T + bz + h @ uz.T + dz)
    n = torch.tanh(x @ wn.T + bn + r * (h @ un.T + dn))
    return (z * h + (1 - z) * n,)


def lstm(cell: Any, x: Tensor, state: State) -> State:
    h, c = state
    i, f, g, o = (x @ w.T + b + h @ u.T + d for w, u, b, d in blocks(cell, 4))
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


EQUATIONS: dict[str, Step] = {"elman": elman, "elman_relu": elman_relu, "gru": gru, "lstm": lstm}
"""One step of a cell: (cell, x, state) -> state. A cell of yours has its own here or in a test file of its own."""


def build(name: str, *, seed: int = 0) -> Any:
    """A cell with random weights, whatever it starts from by itself."""
    torch.manual_seed(seed)
    cell = find_cell(name)(inputs=INPUTS, hidden=HIDDEN).double()
    for weight in cell.parameters():
        torch.nn.init.uniform_(weight, -0.5, 0.5)
    return cell


def sequence(time: int = TIME, batch: int = BATCH) -> Tensor:
    return torch.randn(time, batch, INPUTS, dtype=torch.float64)


def random_state(cell: Any) -> State:
    return tuple(torch.randn_like(part) for part in cell.initial_state(BATCH))


def slow_loop(name: str, cell: Any, inputs: Tensor, state: State) -> tuple[Tensor, State]:
    outputs = []
    for x in inputs:
        state = EQUATIONS[name](cell, x, state)
        outputs.append(state[0])
    return torch.stack(outputs), state


@pytest.mark.parametrize("name", EQUATIONS)
def test_a_cell_computes_its_equations(name: str) -> None:
    cell = build(name)
    inputs, state = sequence(), random_state(cell)
    outputs, after = cell(inputs, state)
    expected, expected_after = slow_loop(name, cell, inputs, state)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-13)
    torch.testing.assert_close(after, expected_after, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", EQUATIONS)
def test_a_cell_has_the_gradients_of_its_equations(name: str) -> None:
    cell = build(name)
    inputs, state = sequence(), random_state(cell)
    weights, direction = list(cell.parameters()), torch.randn(TIME, BATCH, HIDDEN, dtype=torch.float64)
    fused = torch.autograd.grad((cell(inputs, state)[0] * direction).sum(), weights)
    slow = torch.autograd.grad((slow_loop(name, cell, inputs, state)[0] * direction).sum(), weights)
    torch.testing.assert_close(fused, slow, rtol=0, atol=1e-12)


# What holds for every cell, whoever wrote it


@pytest.mark.parametrize("time", [1, TIME])
@pytest.mark.parametrize("batch", [1, BATCH])
@pytest.mark.parametrize("name", cell_names())
def test_a_cell_reads_sequences_of_any_length_and_number(name: str, time: int, batch: int) -> None:
    cell = build(name)
    before = cell.initial_state(batch)
    outputs, after = cell(sequence(time, batch), before)
    assert outputs.shape == (time, batch, HIDDEN)
    assert [part.shape for part in after] == [part.shape for part in before] == [(batch, HIDDEN)] * len(before)
    assert torch.equal(after[0], outputs[-1]), "the first part of the state is the output"


@pytest.mark.parametrize("name", cell_names())
def test_the_sequences_of_a_batch_do_not_see_each_other(name: str) -> None:
    cell = build(name)
    inputs = sequence()
    together, _ = cell(inputs, cell.initial_state(BATCH))
    alone = [cell(inputs[:, i : i + 1], cell.initial_state(1))[0] for i in range(BATCH)]
    torch.testing.assert_close(together, torch.cat(alone, dim=1), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", cell_names())
def test_reading_a_sequence_twice_gives_the_same(name: str) -> None:
    cell = build(name)
    inputs, state = sequence(), random_state(cell)
    kept, before = inputs.clone(), [part.clone() for part in state]
    first, second = cell(inputs, state), cell(inputs, state)
    assert torch.equal(first[0], second[0])
    assert all(map(torch.equal, first[1], second[1]))
    assert torch.equal(inputs, kept)
    assert all(map(torch.equal, state, before))


@pytest.mark.parametrize("name", cell_names())
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    cell = build(name)
    inputs, state, weights = sequence(3, 2), cell.initial_state(2), tuple(cell.parameters())
    state = tuple(torch.randn_like(part).requires_grad_() for part in state)

    def read(x: Tensor, *rest: Tensor) -> State:
        """``rest`` is the state and the weights, which are moved in place."""
        outputs, after = cell(x, rest[: len(state)])
        return outputs, *after

    assert torch.autograd.gradcheck(read, (inputs.requires_grad_(), *state, *weights))


@pytest.mark.parametrize("name", cell_names())
def test_every_weight_matters(name: str) -> None:
    cell = build(name)
    outputs, after = cell(sequence(), random_state(cell))
    sum(part.square().sum() for part in (outputs, *after)).backward()
    assert not [weight for weight, value in cell.named_parameters() if value.grad is None or not value.grad.any()]


@pytest.mark.parametrize("name", cell_names())
def test_a_state_dict_is_all_that_a_cell_is(name: str) -> None:
    cell, other = build(name), build(name, seed=1)
    inputs, state = sequence(), random_state(cell)
    assert not torch.equal(cell(inputs, state)[0], other(inputs, state)[0])
    other.load_state_dict(cell.state_dict())
    assert torch.equal(cell(inputs, state)[0], other(inputs, state)[0])


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
    assert str(caught.value) == (f"a cell is one of {', '.join(cell_names())} (received 'LTSM'); did you mean 'lstm'?")
    with pytest.raises(UserError, match="a new cell is a new file in tasks/recurrent/cells"):
        find_cell("transformer")


def test_a_new_file_is_a_new_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(cells.__file__).with_name("elman.py").read_text()
    (tmp_path / "jordan.py").write_text(source.replace("class Elman", "class Jordan"))
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    assert "jordan" in cell_names()
    assert find_cell("jordan").__name__ == "Jordan"
