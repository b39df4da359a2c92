"""The LSTM and its relatives once more, unit by unit, from their papers' equations: see ``equations.py``."""

from __future__ import annotations

from typing import Any

import torch

from tests.recurrent.cells.scalars import Vector, add, dot, gates, logistic, normalize, scalars, tanh, times


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
        read = normalize(read, cell.read_norm.gain)
        recur = normalize(recur, cell.recur_norm.gain)
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
    seen = normalize(c, cell.cell_norm.gain, cell.cell_norm.shift) if layer_norm else c
    seen = seen if ablation == "no_output_activation" else tanh(seen)
    after = [[o[k] * seen[k] for k in range(len(h))], c]
    return [*after, i, f, o] if ablation == "full_gate_recurrence" else after, values
