"""Total gradients of Elman layers, from the direct ones, against autograd with respect to every single state."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from tasks.recurrent.cell import State
from tasks.recurrent.diagnostics.state_capture import record_states
from tasks.recurrent.omega.total_gradients import trace_layers
from tasks.recurrent.stack import RecurrentNetwork

TIME, BATCH, INPUTS, HIDDEN = 7, 3, 2, 4
CELLS: list[tuple[str, dict[str, str | bool]]] = [
    ("elman", {"activation": "tanh"}),
    ("elman", {"activation": "logistic"}),
    ("elman", {"activation": "relu"}),
    ("irnn", {}),
]
SHAPES: list[dict[str, Any]] = [
    {},
    {"direction": "backward"},
    {"depth": 2, "direction": "bidirectional"},
    {"depth": 2, "direction": "bidirectional", "stacking": "independent"},
    {"depth": 3, "connections": "skip"},
    {"depth": 3, "connections": "residual", "direction": "bidirectional"},
]


SEEN = [("outputs", True), ("outputs", False), ("last output", False), ("state", True), ("both", True)]
"""What the loss sees, and whether the network is asked for its last states."""


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)


def weigh(result: Tensor, seed: int) -> Tensor:
    """A scalar that depends on every number in another way."""
    factors = torch.randn(result.shape, dtype=result.dtype, generator=torch.Generator().manual_seed(seed))
    return (factors * result.square()).sum()


def loss_of(outputs: Tensor, state: tuple[State, ...], seen: str) -> Tensor:
    loss = weigh(outputs, 5) if seen in ("outputs", "both") else outputs.new_zeros(())
    if seen == "last output":
        loss = weigh(outputs[-1], 6)
    parts = [weigh(h, 7 + i) for i, (h,) in enumerate(state)] if seen in ("state", "both") else []
    return loss + sum(parts)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("cell", "options"), CELLS)
@pytest.mark.parametrize("loop", ["compiled", "kernel"])
def test_they_are_those_of_every_single_state(
    cell: str, options: dict[str, str | bool], shape: dict[str, Any], loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if loop == "kernel":  # torch's, wherever it has one
        monkeypatch.setattr("torch.get_num_threads", lambda: 2)
        loop = "auto"
    torch.manual_seed(3)
    network = RecurrentNetwork(cell=cell, options=options, inputs=INPUTS, hidden=HIDDEN, loop=loop, **shape).double()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.6)
    inputs = torch.randn(TIME, BATCH, INPUTS, dtype=torch.float64)
    for lengths, (seen, final) in itertools.product((None, torch.tensor([4, 7, 1])), SEEN):
        with record_states(network) as records:
            outputs, state = network(inputs, lengths=lengths, final_state=final)
        loss = loss_of(outputs, state, seen)
        states = [h for record in records.values() for (h,) in record.states]
        expected = iter(torch.autograd.grad(loss, states, allow_unused=True, materialize_grads=True))
        with trace_layers(network) as traces:
            outputs, state = network(inputs, lengths=lengths, final_state=final)
        loss_of(outputs, state, seen).backward()  # type: ignore[no-untyped-call]
        found = {trace.layer: trace for trace in traces}
        assert len(found) == len(traces) == len(records)
        for record in records.values():
            made = torch.stack([h for (h,) in record.states]).detach()
            close(found[record.layer].states(), made)
            close(found[record.layer].total_gradients(), torch.stack([next(expected) for _ in record.states]))


def test_nothing_else_changes() -> None:
    """Outputs and weights' gradients are those of a network that is not traced, bit for bit."""
    torch.manual_seed(3)
    network = RecurrentNetwork(cell="elman", inputs=INPUTS, hidden=HIDDEN, depth=2, direction="bidirectional")
    inputs, seen = torch.randn(TIME, BATCH, INPUTS), []
    for traced in (False, True):
        network.zero_grad()
        if traced:
            with trace_layers(network):
                outputs, state = network(inputs)
        else:
            outputs, state = network(inputs)
        loss_of(outputs, state, "both").backward()  # type: ignore[no-untyped-call]
        seen.append([outputs.detach(), *[weight.grad for weight in network.parameters()]])
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))
    assert not any(layer._forward_hooks for layer in network.layers())


def test_the_gradient_of_padding_reaches_no_state() -> None:
    """Outputs at padding are zero whatever the states are; a loss that looks at them says nothing of these."""
    network = RecurrentNetwork(cell="elman", inputs=INPUTS, hidden=HIDDEN).double()
    inputs = torch.randn(TIME, 2, INPUTS, dtype=torch.float64)
    with trace_layers(network) as traces:
        outputs, _ = network(inputs, lengths=torch.tensor([3, TIME]))
    (3 * outputs[3:, 0]).sum().backward()
    assert torch.equal(traces[0].total_gradients(), torch.zeros(TIME, 2, HIDDEN, dtype=torch.float64))
