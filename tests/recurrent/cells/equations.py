"""The cells once more, unit by unit with one number at a time, from their papers' equations.

Each function makes one step of one sequence: ``(cell, x, state) -> (state, gates)`` on lists of scalars.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from tests.recurrent.cells.lstm_equations import lstm, lstm_coupled, lstm_peephole, lstm_squashed_cell
from tests.recurrent.cells.scalars import Vector, add, gates, logistic, relu, tanh, times

Step = Callable[..., tuple[list[Vector], dict[str, Vector]]]


def elman(cell: Any, x: Vector, state: list[Vector], *, activation: str) -> Any:
    (h,), (gate,) = state, gates(cell, 1)
    return [{"tanh": tanh, "relu": relu, "logistic": logistic}[activation](gate(x, h))], {}


def irnn(cell: Any, x: Vector, state: list[Vector]) -> Any:
    return elman(cell, x, state, activation="relu")


def gru(cell: Any, x: Vector, state: list[Vector]) -> Any:
    (h,), (gate_r, gate_z, gate_n) = state, gates(cell, 3)
    r, z = logistic(gate_r(x, h)), logistic(gate_z(x, h))
    n = tanh(gate_n(x, [r[k] * h[k] for k in range(len(h))]))
    return [[z[k] * h[k] + (1 - z[k]) * n[k] for k in range(len(h))]], {"r": r, "z": z}


def gru_reset_after(cell: Any, x: Vector, state: list[Vector]) -> Any:
    (h,), (gate_r, gate_z, gate_n) = state, gates(cell, 3)
    r, z = logistic(gate_r(x, h)), logistic(gate_z(x, h))
    recurrent = add(times(gate_n.u, h), list(cell.reset_bias.unbind()))
    n = tanh(add(times(gate_n.w, x), gate_n.b, [r[k] * recurrent[k] for k in range(len(h))]))
    return [[z[k] * h[k] + (1 - z[k]) * n[k] for k in range(len(h))]], {"r": r, "z": z}


def minimal_gated(cell: Any, x: Vector, state: list[Vector]) -> Any:
    (h,), (gate_u, gate_n) = state, gates(cell, 2)
    u = logistic(gate_u(x, h))
    n = tanh(gate_n(x, [u[k] * h[k] for k in range(len(h))]))
    return [[(1 - u[k]) * h[k] + u[k] * n[k] for k in range(len(h))]], {"u": u}


EQUATIONS: dict[str, Step] = {
    "elman": elman,
    "gru": gru,
    "gru_reset_after": gru_reset_after,
    "irnn": irnn,
    "lstm": lstm,
    "lstm_coupled": lstm_coupled,
    "lstm_peephole": lstm_peephole,
    "lstm_squashed_cell": lstm_squashed_cell,
    "minimal_gated": minimal_gated,
}


def read_slowly(
    step: Step, cell: Any, inputs: Tensor, state: tuple[Tensor, ...], **options: Any
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Outputs and final state of a batch, one sequence after the other."""
    outputs, finals = [], []
    for b in range(inputs.shape[1]):
        now, hs = [list(part[b].unbind()) for part in state], []
        for x in inputs[:, b]:
            now, _ = step(cell, list(x.unbind()), now, **options)
            hs.append(torch.stack(now[0]))
        outputs.append(torch.stack(hs))
        finals.append([torch.stack(part) for part in now])
    return torch.stack(outputs, dim=1), tuple(torch.stack(part) for part in zip(*finals, strict=True))
