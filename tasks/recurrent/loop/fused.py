"""torch's fused recurrent kernels, called with a cell's own weights."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import _VF, Tensor

from tasks.recurrent.cell import Cell, State


def fused(
    kernel: Literal["rnn_tanh", "rnn_relu", "lstm", "gru"],
    cell: Cell,
    inputs: Tensor,
    state: State,
    *,
    second_bias: Tensor | None = None,
) -> tuple[Tensor, State]:
    """Read a sequence with one of torch's kernels.

    Args:
        kernel: which.
        cell: gives the weights, stacked as the kernel stacks them.
        inputs: shape (time, batch, inputs).
        state: the state before the first step.
        second_bias: what torch adds to the recurrent product, shape (blocks * hidden,); None: zeros.

    Returns:
        The outputs of all steps, shape (time, batch, hidden), and the state after the last one.
    """
    first = cell.read.bias
    weights = [
        cell.read.weight,
        cell.recur.weight,
        first,
        torch.zeros_like(first) if second_bias is None else second_bias,
    ]
    before = tuple(part.unsqueeze(0) for part in state)
    # "Training" is what lets cuDNN differentiate; without dropout it changes nothing else.
    biases, layers, dropout, training, bidirectional, batch_first = True, 1, 0.0, torch.is_grad_enabled(), False, False
    outputs, *after = getattr(_VF, kernel)(
        inputs,
        before if kernel == "lstm" else before[0],
        weights,
        biases,
        layers,
        dropout,
        training,
        bidirectional,
        batch_first,
    )
    return outputs, cast("State", tuple(part.squeeze(0) for part in after))
