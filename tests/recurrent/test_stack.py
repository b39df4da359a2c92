"""Layers on top of each other: against torch.nn, and where dropout acts."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tasks.recurrent.stack import RecurrentNetwork, detach

TIME, BATCH, INPUTS, HIDDEN, DEPTH = 6, 2, 3, 5, 3
KERNELS: dict[str, Any] = {
    "elman": nn.RNN,
    "elman_relu": lambda *sizes: nn.RNN(*sizes, nonlinearity="relu"),
    "gru": nn.GRU,
    "lstm": nn.LSTM,
}


def build(cell: str, *, dropout: float = 0.0) -> RecurrentNetwork:
    torch.manual_seed(0)
    return RecurrentNetwork(cell=cell, inputs=INPUTS, hidden=HIDDEN, depth=DEPTH, dropout=dropout).double()


@pytest.mark.parametrize("cell", KERNELS)
def test_a_stack_is_a_deep_kernel_of_torch(cell: str) -> None:
    stack, kernel = build(cell), KERNELS[cell](INPUTS, HIDDEN, DEPTH).double()
    renamed = {
        name.replace(f"layers.{i}.kernel.", "").replace("_l0", f"_l{i}"): weight
        for i in range(DEPTH)
        for name, weight in stack.state_dict().items()
        if name.startswith(f"layers.{i}.")
    }
    kernel.load_state_dict(renamed)
    inputs = torch.randn(TIME, BATCH, INPUTS, dtype=torch.float64)
    outputs, states = stack(inputs, stack.initial_state(BATCH))
    expected, last = kernel(inputs)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-13)
    parts = last if cell == "lstm" else (last,)
    for part, layers in enumerate(parts):
        torch.testing.assert_close(torch.stack([state[part] for state in states]), layers, rtol=0, atol=1e-13)


class Triple(nn.Module):
    """Stands for dropout: what passes it is seen."""

    def forward(self, values: Tensor) -> Tensor:
        return 3 * values


def test_dropout_acts_before_each_layer_and_after_the_last_and_never_on_the_state() -> None:
    stack = build("gru", dropout=0.5)
    stack.dropout = Triple()  # type: ignore[assignment]
    inputs = torch.randn(TIME, BATCH, INPUTS, dtype=torch.float64)
    outputs, states = stack(inputs, stack.initial_state(BATCH))
    layers: Any = stack.layers
    values = inputs
    for layer, state in zip(layers, states, strict=True):
        values, after = layer(3 * values, layer.initial_state(BATCH))
        torch.testing.assert_close(state, after, rtol=0, atol=0)
    torch.testing.assert_close(outputs, 3 * values, rtol=0, atol=0)


def test_dropout_draws_a_mask_for_each_step_and_is_off_in_evaluation() -> None:
    stack = build("elman", dropout=0.5)
    inputs = torch.ones(TIME, BATCH, INPUTS, dtype=torch.float64)
    outputs, _ = stack(inputs, stack.initial_state(BATCH))
    dropped = outputs == 0
    assert 0.2 < dropped.double().mean() < 0.8
    assert not torch.equal(dropped[0], dropped[1])
    stack.eval()
    first, second = (stack(inputs, stack.initial_state(BATCH))[0] for _ in range(2))
    assert torch.equal(first, second)


def test_a_detached_state_has_equal_values_and_no_history() -> None:
    stack = build("lstm")
    _, states = stack(torch.randn(TIME, BATCH, INPUTS, dtype=torch.float64), stack.initial_state(BATCH))
    cut = detach(states)
    torch.testing.assert_close(cut, states, rtol=0, atol=0)
    assert all(part.grad_fn is None for layer in cut for part in layer)
