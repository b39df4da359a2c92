"""What stands at padding is never seen: a padded batch is each of its sequences alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from tasks.recurrent.cell import Cell
from tasks.recurrent.dropout import StateNoise
from tasks.recurrent.layer import Layer, Way
from tasks.recurrent.loop import LoopName
from tests.recurrent.cells.variants import LOOPS, VARIANTS, Variant, random_sequences, random_state

TIME, INPUTS, HIDDEN = 6, 3, 4
LENGTHS = (4, 6, 1)
every_cell = pytest.mark.parametrize("variant", VARIANTS, ids=str)
every_loop = pytest.mark.parametrize("loop", LOOPS)
both_ways = pytest.mark.parametrize("way", ["forward", "backward"])
both_ends = pytest.mark.parametrize("final_state", [True, False], ids=["final", "outputs"])


def layer_of(cell: Cell, way: Way, loop: LoopName) -> Layer:
    return Layer(cell, way=way, noise=StateNoise(), loop=loop)


def padded(inputs: Tensor) -> Tensor:
    """The inputs with infinity and NaN at padding, a leaf of its own."""
    outside = torch.arange(TIME).unsqueeze(1) >= torch.tensor(LENGTHS)
    poisoned = inputs.detach().masked_fill(outside.unsqueeze(2), math.inf)
    poisoned[-1, outside[-1]] = math.nan
    return poisoned.requires_grad_()


def read_padded(layer: Layer, inputs: Tensor, state: Sequence[Tensor], *, final_state: bool) -> list[Tensor]:
    """The real outputs of each sequence, and its final state."""
    reading = layer(inputs, tuple(state), lengths=torch.tensor(LENGTHS), final_state=final_state)
    real = [reading.outputs[:length, b] for b, length in enumerate(LENGTHS)]
    assert all(not reading.outputs[length:, b].any() for b, length in enumerate(LENGTHS))
    return [*real, *(part[b] for b in range(len(LENGTHS)) for part in reading.state or ())]


def read_alone(layer: Layer, inputs: Tensor, state: Sequence[Tensor], *, final_state: bool) -> list[Tensor]:
    """The same, each sequence by itself and cut to its length."""
    outputs, finals = [], []
    for b, length in enumerate(LENGTHS):
        alone = layer(
            inputs[:length, b : b + 1], tuple(part[b : b + 1] for part in state), lengths=None, final_state=True
        )
        outputs.append(alone.outputs[:, 0])
        finals += [part[0] for part in alone.state]
    return [*outputs, *finals] if final_state else outputs


@both_ends
@both_ways
@every_loop
@every_cell
def test_padding_leaks_into_no_output_and_no_gradient(
    variant: Variant, loop: LoopName, way: Way, final_state: bool
) -> None:
    cell = variant.build(inputs=INPUTS, hidden=HIDDEN)
    layer, state = layer_of(cell, way, loop), random_state(cell, len(LENGTHS))
    inputs = padded(random_sequences(TIME, len(LENGTHS), INPUTS))
    together = read_padded(layer, inputs, state, final_state=final_state)
    alone = read_alone(layer, inputs, state, final_state=final_state)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-13)
    leaves, directions = [inputs, *state, *cell.parameters()], [torch.randn_like(v) for v in alone]
    found, wanted = (torch.autograd.grad(values, leaves, directions) for values in (together, alone))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)


@every_loop
@every_cell
def test_the_sequences_of_a_batch_do_not_see_each_other(variant: Variant, loop: LoopName) -> None:
    cell = variant.build(inputs=INPUTS, hidden=HIDDEN)
    layer, state = layer_of(cell, "forward", loop), random_state(cell, 3)
    inputs = random_sequences(TIME, 3, INPUTS)
    reading = layer(inputs, state, lengths=None, final_state=True)
    first, *_ = torch.autograd.grad(reading.outputs[:, 0].sum(), [inputs])
    assert first[:, 0].any()
    assert not first[:, 1:].any()


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v.build(inputs=1, hidden=1).bounded], ids=str)
def test_no_input_drives_a_cell_to_infinity_that_is_called_bounded(variant: Variant) -> None:
    cell = variant.build(inputs=INPUTS, hidden=HIDDEN)
    for weight in cell.parameters():
        weight.data.mul_(10)
    inputs = 1e6 * random_sequences(300, 2, INPUTS)
    outputs = layer_of(cell, "forward", "plain")(inputs, None, lengths=None, final_state=False).outputs
    assert outputs.isfinite().all()
    assert all(g.isfinite().all() for g in torch.autograd.grad(outputs.sum(), [*cell.parameters()]))
