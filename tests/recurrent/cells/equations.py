"""The cells once more, unit by unit with one number at a time, from their papers' equations.

Nothing here is shared with the cells but where each gate's weights are stored. Each function makes one step of one
sequence: ``(cell, x, state) -> (state, gates)`` on lists of scalars.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Vector = list[Tensor]
Step = Callable[..., tuple[list[Vector], dict[str, Vector]]]


def dot(row: Vector, vector: Vector) -> Tensor:
    return sum((a * b for a, b in zip(row, vector, strict=True)), torch.zeros((), dtype=torch.float64))


def times(matrix: list[Vector], vector: Vector) -> Vector:
    return [dot(row, vector) for row in matrix]


def add(*vectors: Vector) -> Vector:
    return [torch.stack(values).sum() for values in zip(*vectors, strict=True)]


def logistic(vector: Vector) -> Vector:
    return [1 / (1 + torch.exp(-value)) for value in vector]


def tanh(vector: Vector) -> Vector:
    return [(torch.exp(value) - torch.exp(-value)) / (torch.exp(value) + torch.exp(-value)) for value in vector]


def relu(vector: Vector) -> Vector:
    return [value if value > 0 else 0 * value for value in vector]


def scalars(matrix: Tensor) -> list[Vector]:
    return [list(row.unbind()) for row in matrix.unbind()]


@dataclass
class Gate:
    """W, U and b of one gate."""

    w: list[Vector]
    u: list[Vector]
    b: Vector

    def __call__(self, x: Vector, h: Vector) -> Vector:
        return add(times(self.w, x), times(self.u, h), self.b)


def gates(cell: Any, count: int) -> list[Gate]:
    """The weights of each gate, in the order in which the cell's docstring says that they are stacked."""
    stacked = zip(
        cell.read.weight.chunk(count), cell.recur.weight.chunk(count), cell.read.bias.chunk(count), strict=True
    )
    return [Gate(scalars(w), scalars(u), list(b.unbind())) for w, u, b in stacked]


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


def lstm_coupled(cell: Any, x: Vector, state: list[Vector]) -> Any:
    (h, c), (gate_f, gate_g, gate_o) = state, gates(cell, 3)
    f, g, o = logistic(gate_f(x, h)), tanh(gate_g(x, h)), logistic(gate_o(x, h))
    i = [1 - f[k] for k in range(len(h))]
    c = [f[k] * c[k] + i[k] * g[k] for k in range(len(h))]
    return [[o[k] * tanh(c)[k] for k in range(len(h))], c], {"i": i, "f": f, "o": o}


def lstm_peephole(cell: Any, x: Vector, state: list[Vector]) -> Any:
    (h, c), (gate_i, gate_f, gate_g, gate_o) = state, gates(cell, 4)
    p_i, p_f, p_o = cell.peephole_i, cell.peephole_f, cell.peephole_o
    i = logistic(add(gate_i(x, h), [p_i[k] * c[k] for k in range(len(h))]))
    f = logistic(add(gate_f(x, h), [p_f[k] * c[k] for k in range(len(h))]))
    g = tanh(gate_g(x, h))
    c = [f[k] * c[k] + i[k] * g[k] for k in range(len(h))]
    o = logistic(add(gate_o(x, h), [p_o[k] * c[k] for k in range(len(h))]))
    return [[o[k] * tanh(c)[k] for k in range(len(h))], c], {"i": i, "f": f, "o": o}


def lstm_squashed_cell(cell: Any, x: Vector, state: list[Vector]) -> Any:
    (h, c), (gate_i, gate_f, gate_g, gate_o) = state, gates(cell, 4)
    i, f, g, o = logistic(gate_i(x, h)), logistic(gate_f(x, h)), tanh(gate_g(x, h)), logistic(gate_o(x, h))
    c = tanh([f[k] * c[k] + i[k] * g[k] for k in range(len(h))])
    return [[o[k] * c[k] for k in range(len(h))], c], {"i": i, "f": f, "o": o}


def layer_norm(vector: Vector, gain: Sequence[Tensor], shift: Sequence[Tensor] | None = None) -> Vector:
    mean = sum(vector[1:], vector[0]) / len(vector)
    variance = sum(((v - mean) ** 2 for v in vector[1:]), (vector[0] - mean) ** 2) / len(vector)
    scaled = [g * (v - mean) / (variance + 1e-5) ** 0.5 for g, v in zip(gain, vector, strict=True)]
    return scaled if shift is None else add(scaled, list(shift))


def sums_of_lstm(
    cell: Any, names: str, x: Vector, h: Vector, before: list[Vector], *, normalized: bool
) -> dict[str, Vector]:
    """What goes into the activation of each gate: ``W x + U h + b`` or ``LN(W x) + LN(U h) + b``."""
    own, size = gates(cell, len(names)), len(h)
    read, recur = [v for gate in own for v in times(gate.w, x)], [v for gate in own for v in times(gate.u, h)]
    if before:
        was = dict(zip("ifo", before, strict=True))
        more = {name: gates_between(cell, size, name, was) for name in "ifo"} | {"g": [torch.zeros(())] * size}
        recur = add(recur, [value for name in names for value in more[name]])
    if normalized:
        read, recur = layer_norm(read, cell.read_norm.gain), layer_norm(recur, cell.recur_norm.gain)
    return {
        name: add(read[k * size : (k + 1) * size], recur[k * size : (k + 1) * size], own[k].b)
        for k, name in enumerate(names)
    }


def gates_between(cell: Any, size: int, target: str, before: dict[str, Vector]) -> Vector:
    """``R_i i + R_f f + R_o o`` of full gate recurrence, for one gate."""
    at = "ifo".index(target) * size
    rows = scalars(cell.gate_recur.weight)[at : at + size]
    pieces = [[dot(row[k * size : (k + 1) * size], before[source]) for row in rows] for k, source in enumerate("ifo")]
    return add(*pieces)


def lstm(cell: Any, x: Vector, state: list[Vector], *, ablation: str, layer_norm: bool) -> Any:
    h, c, *before = state
    ones = [torch.ones((), dtype=torch.float64) for _ in h]
    absent = {"no_input_gate": "i", "no_forget_gate": "f", "no_output_gate": "o"}.get(ablation, "")
    sums = sums_of_lstm(cell, "ifgo".replace(absent, ""), x, h, before, normalized=layer_norm)
    values = {name: logistic(sums[name]) for name in "ifo" if name in sums}
    i, f, o = (values.get(name, ones) for name in "ifo")
    g = sums["g"] if ablation == "no_input_activation" else tanh(sums["g"])
    c = [f[k] * c[k] + i[k] * g[k] for k in range(len(h))]
    seen = LAYER_NORM(c, cell.cell_norm.gain, cell.cell_norm.shift) if layer_norm else c
    seen = seen if ablation == "no_output_activation" else tanh(seen)
    after = [[o[k] * seen[k] for k in range(len(h))], c]
    return [*after, i, f, o] if ablation == "full_gate_recurrence" else after, values


LAYER_NORM = layer_norm  # an option of the LSTM hides the name

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
