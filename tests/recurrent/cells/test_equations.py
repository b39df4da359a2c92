"""Every cell against the same equations, written a second time with one number at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tasks.recurrent.cells import cell_names
from tasks.recurrent.loop import LoopName, read_sequence
from tests.recurrent.cells.equations import EQUATIONS, read_slowly
from tests.recurrent.cells.variants import LOOPS, VARIANTS, Variant, random_sequences, random_state

TIME, BATCH, INPUTS, HIDDEN = 4, 2, 3, 4
SHIPPED = [variant for variant in VARIANTS if variant.cell in EQUATIONS]


@pytest.mark.parametrize("name", cell_names())
def test_a_cell_has_its_equations_in_a_test(name: str) -> None:
    assert name in EQUATIONS or list(Path(__file__).parents[1].rglob(f"test_{name}.py"))


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("variant", SHIPPED, ids=str)
def test_a_cell_computes_its_equations_and_their_gradients(variant: Variant, loop: LoopName) -> None:
    cell = variant.build(inputs=INPUTS, hidden=HIDDEN)
    inputs, state = random_sequences(TIME, BATCH, INPUTS), random_state(cell, BATCH)
    reading = read_sequence(cell, inputs, state, loop=loop)
    outputs, final = read_slowly(EQUATIONS[variant.cell], cell, inputs, state, **variant.options)
    assert reading.state is not None
    torch.testing.assert_close(reading.outputs, outputs, rtol=0, atol=1e-13)
    torch.testing.assert_close(reading.state, final, rtol=0, atol=1e-13)
    leaves, direction = [inputs, *state, *cell.parameters()], [torch.randn_like(v) for v in (outputs, *final)]
    fast = torch.autograd.grad([reading.outputs, *reading.state], leaves, direction)
    slow = torch.autograd.grad([outputs, *final], leaves, direction)
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-12)


@pytest.mark.parametrize("variant", SHIPPED, ids=str)
def test_the_gates_that_a_cell_shows_are_those_of_its_equations(variant: Variant) -> None:
    cell = variant.build(inputs=INPUTS, hidden=HIDDEN)
    inputs, state = random_sequences(1, 1, INPUTS), random_state(cell, 1)
    x, parts = list(inputs[0, 0].unbind()), [list(part[0].unbind()) for part in state]
    _, gates = EQUATIONS[variant.cell](cell, x, parts, **variant.options)
    shown = cell.activations(cell.project(inputs[0]), state)
    assert shown.keys() == gates.keys()
    for name, gate in gates.items():
        torch.testing.assert_close(shown[name][0], torch.stack(gate), rtol=0, atol=1e-14)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_gradients_are_those_of_finite_differences(variant: Variant, loop: LoopName) -> None:
    cell = variant.build(inputs=2, hidden=2)
    inputs, state = random_sequences(3, 2, 2), random_state(cell, 2)

    def read(x: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        """``rest`` is the state and the weights, which are moved in place."""
        reading = read_sequence(cell, x, rest[: len(state)], loop=loop)
        assert reading.state is not None
        return reading.outputs, *reading.state

    assert torch.autograd.gradcheck(read, (inputs, *state, *cell.parameters()))
