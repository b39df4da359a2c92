"""The cells that torch.nn has, against torch.nn: whole batches, and padded ones against packed ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tasks.recurrent.cell import Cell
from tasks.recurrent.dropout import StateNoise
from tasks.recurrent.layer import Layer, Way
from tasks.recurrent.loop import LoopName, read_sequence
from tests.recurrent.cells.variants import LOOPS, Variant, random_sequences, random_state

TIME, BATCH, INPUTS, HIDDEN = 7, 4, 3, 5
LENGTHS = torch.tensor([4, 7, 1, 5])
TWINS: list[tuple[Variant, Any, dict[str, Any]]] = [
    (Variant("elman", {"activation": "tanh"}), nn.RNN, {}),
    (Variant("elman", {"activation": "relu"}), nn.RNN, {"nonlinearity": "relu"}),
    (Variant("irnn"), nn.RNN, {"nonlinearity": "relu"}),
    (Variant("lstm"), nn.LSTM, {}),
    (Variant("gru_reset_after"), nn.GRU, {}),
]
twins = pytest.mark.parametrize(("variant", "kind", "options"), TWINS, ids=[str(variant) for variant, *_ in TWINS])
loops = pytest.mark.parametrize("loop", LOOPS)


def copy_weights(cell: Cell, twin: nn.Module, suffix: str) -> None:
    """The twin's second bias is zero, but for a GRU's last block."""
    second = torch.zeros_like(cell.read.bias)
    if "reset_bias" in dict(cell.named_parameters()):
        second[-HIDDEN:] = cell.get_parameter("reset_bias")
    values = {
        "weight_ih": cell.read.weight,
        "weight_hh": cell.recur.weight,
        "bias_ih": cell.read.bias,
        "bias_hh": second,
    }
    for name, value in values.items():
        twin.get_parameter(f"{name}_{suffix}").data.copy_(value)


def gradients_of(cell: Cell) -> Iterator[tuple[str, Tensor | None]]:
    """By the names of torch.nn."""
    yield "weight_ih", cell.read.weight.grad
    yield "weight_hh", cell.recur.weight.grad
    yield "bias_ih", cell.read.bias.grad


@loops
@twins
def test_a_cell_is_its_twin_in_torch(variant: Variant, kind: Any, options: Any, loop: LoopName) -> None:
    cell, twin = variant.build(inputs=INPUTS, hidden=HIDDEN), kind(INPUTS, HIDDEN, **options).double()
    copy_weights(cell, twin, "l0")
    inputs, state = random_sequences(TIME, BATCH, INPUTS), random_state(cell, BATCH)
    before = tuple(part.unsqueeze(0) for part in state)
    expected, last = twin(inputs, before if kind is nn.LSTM else before[0])
    reading = read_sequence(cell, inputs, state, loop=loop)
    torch.testing.assert_close(reading.outputs, expected, rtol=0, atol=1e-13)
    assert reading.state is not None
    torch.testing.assert_close(
        torch.stack(reading.state), torch.cat(last) if kind is nn.LSTM else last, rtol=0, atol=1e-13
    )
    direction = torch.randn_like(expected)
    found, wanted = (
        torch.autograd.grad(o, [inputs, *state], direction, retain_graph=True) for o in (reading.outputs, expected)
    )
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)
    torch.autograd.backward(reading.outputs, direction)
    torch.autograd.backward(expected, direction)
    for name, gradient in gradients_of(cell):
        torch.testing.assert_close(gradient, twin.get_parameter(f"{name}_l0").grad, rtol=0, atol=1e-12)


@loops
@twins
@pytest.mark.parametrize("final_state", [True, False])
def test_a_padded_batch_is_a_packed_one_in_both_directions(
    variant: Variant, kind: Any, options: Any, loop: LoopName, final_state: bool
) -> None:
    twin = kind(INPUTS, HIDDEN, bidirectional=True, **options).double()
    ways: dict[str, Way] = {"l0": "forward", "l0_reverse": "backward"}
    cells = {suffix: variant.build(inputs=INPUTS, hidden=HIDDEN, seed=k) for k, suffix in enumerate(ways)}
    for suffix, cell in cells.items():
        copy_weights(cell, twin, suffix)
    inputs = random_sequences(TIME, BATCH, INPUTS)
    packed, last = twin(pack_padded_sequence(inputs, LENGTHS, enforce_sorted=False))
    expected, _ = pad_packed_sequence(packed, total_length=TIME)
    readings = [
        Layer(cells[suffix], way=way, noise=StateNoise(), loop=loop)(
            inputs, None, lengths=LENGTHS, final_state=final_state
        )
        for suffix, way in ways.items()
    ]
    outputs = torch.cat([reading.outputs for reading in readings], dim=2)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-13)
    if final_state:
        parts = last if kind is nn.LSTM else (last,)
        for part, rows in enumerate(parts):
            found = torch.stack([reading.state[part] for reading in readings])
            torch.testing.assert_close(found, rows, rtol=0, atol=1e-13)
    direction = torch.randn_like(expected)
    torch.autograd.backward(outputs, direction)
    found_inputs, inputs.grad = inputs.grad, None
    torch.autograd.backward(expected, direction)
    torch.testing.assert_close(found_inputs, inputs.grad, rtol=0, atol=1e-12)
    for suffix, cell in cells.items():
        for name, gradient in gradients_of(cell):
            torch.testing.assert_close(gradient, twin.get_parameter(f"{name}_{suffix}").grad, rtol=0, atol=1e-12)
