"""What holds for every cell that is found, with every option, in every loop, with nothing for its author to test."""

from __future__ import annotations

import io

import pytest
import torch

from tasks.recurrent.cell import Cell
from tasks.recurrent.loop import LoopName, read_sequence
from tasks.recurrent.noise import Noise
from tests.recurrent.cells.variants import LOOPS, VARIANTS, Variant, random_sequences, random_state

TIME, BATCH, INPUTS, HIDDEN = 6, 3, 5, 4
every_cell = pytest.mark.parametrize("variant", VARIANTS, ids=str)
every_loop = pytest.mark.parametrize("loop", LOOPS)


def build(variant: Variant, *, seed: int = 0) -> Cell:
    return variant.build(inputs=INPUTS, hidden=HIDDEN, seed=seed)


def read(
    cell: Cell, inputs: torch.Tensor, state: tuple[torch.Tensor, ...], loop: LoopName
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    reading = read_sequence(cell, inputs, state, loop=loop)
    assert reading.state is not None
    return reading.outputs, reading.state


@pytest.mark.parametrize("time", [1, TIME])
@pytest.mark.parametrize("batch", [1, BATCH])
@every_loop
@every_cell
def test_sequences_of_any_length_and_number_are_read(variant: Variant, loop: LoopName, batch: int, time: int) -> None:
    cell = build(variant)
    before = cell.initial_state(batch)
    outputs, after = read(cell, random_sequences(time, batch, INPUTS), before, loop)
    assert outputs.shape == (time, batch, HIDDEN)
    assert [part.shape for part in after] == [part.shape for part in before] == [(batch, HIDDEN)] * len(cell.parts)
    assert torch.equal(after[0], outputs[-1]), "the first part of the state is the output"
    assert all(torch.equal(part, torch.zeros(batch, HIDDEN, dtype=torch.float64)) for part in before)


@every_loop
@every_cell
def test_all_loops_give_the_same_numbers(variant: Variant, loop: LoopName) -> None:
    cell = build(variant)
    inputs, state = random_sequences(TIME, BATCH, INPUTS), random_state(cell, BATCH)
    leaves = [inputs, *state, *cell.parameters()]
    found, expected = ((outputs, *after) for outputs, after in (read(cell, inputs, state, r) for r in (loop, "plain")))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)
    directions = [torch.randn_like(part) for part in expected]
    gradients = [torch.autograd.grad(values, leaves, directions) for values in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


@every_loop
@every_cell
def test_reading_again_gives_the_same_to_the_last_bit_and_changes_nothing(variant: Variant, loop: LoopName) -> None:
    cell = build(variant)
    inputs, state = random_sequences(TIME, BATCH, INPUTS), random_state(cell, BATCH)
    leaves = [inputs, *state, *cell.parameters()]
    kept = [leaf.detach().clone() for leaf in leaves]
    readings = [read(cell, inputs, state, loop) for _ in range(2)]
    first, second = ((outputs, *after) for outputs, after in readings)
    assert all(map(torch.equal, first, second))
    directions = [torch.randn_like(part) for part in first]
    gradients = (torch.autograd.grad(values, leaves, directions) for values in (first, second))
    assert all(map(torch.equal, *gradients))
    assert all(map(torch.equal, leaves, kept))


@every_loop
@every_cell
def test_a_cell_may_be_used_twice_in_one_graph(variant: Variant, loop: LoopName) -> None:
    cell = build(variant)
    weights, state = list(cell.parameters()), random_state(cell, BATCH)
    one, two = random_sequences(TIME, BATCH, INPUTS), random_sequences(2, BATCH, INPUTS)
    losses = [read(cell, inputs, state, loop)[0].square().sum() for inputs in (one, two)]
    together = torch.autograd.grad(losses[0] + losses[1], weights, retain_graph=True)
    alone = [torch.autograd.grad(loss, weights, retain_graph=True) for loss in losses]
    torch.testing.assert_close(together, tuple(a + b for a, b in zip(*alone, strict=True)), rtol=0, atol=1e-12)
    again = torch.autograd.grad(losses[0] + losses[1], weights)
    assert all(map(torch.equal, together, again))


@every_loop
@every_cell
def test_a_sequence_read_in_two_parts_is_the_sequence_read_at_once(variant: Variant, loop: LoopName) -> None:
    cell = build(variant)
    inputs, state = random_sequences(TIME, BATCH, INPUTS), random_state(cell, BATCH)
    whole, end = read(cell, inputs, state, loop)
    first, middle = read(cell, inputs[:2], state, loop)
    second, end_again = read(cell, inputs[2:], middle, loop)
    parts = torch.cat((first, second))
    torch.testing.assert_close((parts, *end_again), (whole, *end), rtol=0, atol=1e-13)
    weights = [inputs, *state, *cell.parameters()]
    gradients = [torch.autograd.grad(values.square().sum(), weights) for values in (parts, whole)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


@every_cell
def test_every_weight_matters(variant: Variant) -> None:
    cell = build(variant)
    outputs, after = read(cell, random_sequences(TIME, BATCH, INPUTS), random_state(cell, BATCH), "plain")
    torch.autograd.backward(torch.stack([part.square().sum() for part in (outputs, *after)]).sum())
    assert not [name for name, weight in cell.named_parameters() if weight.grad is None or not weight.grad.any()]


@every_loop
@every_cell
def test_a_state_dict_is_all_that_a_cell_is(variant: Variant, loop: LoopName) -> None:
    cell, other = build(variant), build(variant, seed=1)
    inputs, state = random_sequences(TIME, BATCH, INPUTS), random_state(cell, BATCH)
    assert not torch.equal(read(cell, inputs, state, loop)[0], read(other, inputs, state, loop)[0])
    file = io.BytesIO()
    torch.save(cell.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(read(cell, inputs, state, loop)[0], read(other, inputs, state, loop)[0])


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.1)], ids=["single", "bfloat16"]
)
@every_loop
@every_cell
def test_lower_precision_gives_the_same_but_for_rounding(
    variant: Variant, loop: LoopName, dtype: torch.dtype, tolerance: float
) -> None:
    cell = build(variant)
    inputs = random_sequences(TIME, BATCH, INPUTS)
    exact, _ = read(cell, inputs, cell.initial_state(BATCH), loop)
    cell = cell.to(dtype)
    outputs, after = read(cell, inputs.to(dtype), cell.initial_state(BATCH), loop)
    assert {outputs.dtype, *(part.dtype for part in after)} == {dtype}
    torch.testing.assert_close(outputs.double(), exact, rtol=tolerance, atol=tolerance)
    torch.autograd.backward(outputs.square().sum())
    assert all(weight.grad is not None and weight.grad.dtype == dtype for weight in cell.parameters())


@every_cell
def test_gates_are_between_closed_and_open_at_all_steps_at_once(variant: Variant) -> None:
    cell = build(variant)
    inputs, state = 10 * random_sequences(TIME, BATCH, INPUTS), random_state(cell, BATCH)
    together = cell.activations(cell.project(inputs), tuple(part.expand(TIME, -1, -1) for part in state))
    for name, gate in together.items():
        assert gate.shape == (TIME, BATCH, HIDDEN)
        assert gate.min() >= 0
        assert gate.max() <= 1
        alone = [cell.activations(cell.project(x), state)[name] for x in inputs]
        torch.testing.assert_close(gate, torch.stack(alone), rtol=0, atol=1e-14)


@every_loop
@every_cell
def test_recurrent_dropout_reaches_the_recurrent_matrix_and_nothing_else(variant: Variant, loop: LoopName) -> None:
    """Under one mask for the whole batch, a cell is what it would be with the columns of U multiplied with the mask."""
    cell, mask = build(variant), torch.tensor([2.0, 0.0, 0.0, 2.0], dtype=torch.float64)
    inputs, state = random_sequences(TIME, BATCH, INPUTS), random_state(cell, BATCH)
    noise = Noise(recurrent=mask.expand(BATCH, HIDDEN))
    found = read_sequence(cell, inputs, state, noise=noise, loop=loop)
    with torch.no_grad():
        cell.recur.weight *= mask
    expected = read_sequence(cell, inputs, state, loop="plain")
    assert found.state is not None
    assert expected.state is not None
    torch.testing.assert_close((found.outputs, *found.state), (expected.outputs, *expected.state), rtol=0, atol=1e-13)
