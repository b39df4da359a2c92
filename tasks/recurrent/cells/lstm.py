"""Long short-term memory with a forget gate and without peepholes, and what becomes of it without one of its pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, final

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from tasks.recurrent.cell import Cell, Kernel, State
from tasks.recurrent.cells._layer_norm import LayerNorm

Ablation = Literal[
    "none",
    "no_input_gate",
    "no_forget_gate",
    "no_output_gate",
    "no_input_activation",
    "no_output_activation",
    "full_gate_recurrence",
]
_GONE = {"no_input_gate": "i", "no_forget_gate": "f", "no_output_gate": "o"}


@final
class LSTM(Cell):
    """``c_t = f_t * c_{t-1} + i_t * g_t`` and ``h_t = o_t * tanh(c_t)`` (Hochreiter and Schmidhuber 1997; Gers 2000).

    ``i_t, f_t, o_t = sigmoid(W x_t + b + U h_{t-1})`` and ``g_t = tanh(W x_t + b + U h_{t-1})``, each with its own
    weights, stacked in the order i, f, g, o.

    Args:
        inputs: size of the vector read at each step.
        hidden: size of h and of c.
        ablation: one of Greff et al. 2017 (arXiv 1503.04069, section 3; their LSTM has peepholes, this one has none).
            ``no_input_gate``: i = 1. ``no_forget_gate``: f = 1, the LSTM of 1997. ``no_output_gate``: o = 1. Each of
            these has three blocks. ``no_input_activation``: g = W x + b + U h. ``no_output_activation``: h = o * c.
            ``full_gate_recurrence``: i, f and o add to their sums nine matrices times what all three were a step ago,
            which the state then carries: (h, c, i, f, o).
        layer_norm: as Ba et al. 2016 (arXiv 1607.06450, the LSTM of their supplement): LN(W x) + LN(U h) + b in place
            of W x + b + U h, each LN over all blocks at once, with a gain and without a shift, which b is; and
            h = o * tanh(LN(c)) with gain and shift, while c is carried as it is. The nine matrices of full gate
            recurrence, of which that paper does not speak, count to U h.
    """

    initial_values = {"read_norm.gain": 1.0, "recur_norm.gain": 1.0, "cell_norm.gain": 1.0, "cell_norm.shift": 0.0}  # noqa: RUF012

    def __init__(self, *, inputs: int, hidden: int, ablation: Ablation = "none", layer_norm: bool = False) -> None:
        blocks = [block for block in "ifgo" if block != _GONE.get(ablation)]
        full = ablation == "full_gate_recurrence"
        super().__init__(inputs=inputs, hidden=hidden, blocks=blocks, parts="hcifo" if full else "hc")
        self.ablation, self.layer_norm = ablation, layer_norm
        # An option that is off adds no weights: all others have the names, and so the first values, of the plain cell.
        self.gate_recur = nn.Linear(3 * hidden, 3 * hidden, bias=False) if full else None
        self.read_norm = LayerNorm(len(blocks) * hidden, shift=False) if layer_norm else nn.Identity()
        self.recur_norm = LayerNorm(len(blocks) * hidden, shift=False) if layer_norm else nn.Identity()
        self.cell_norm = LayerNorm(hidden, shift=True) if layer_norm else nn.Identity()

    def project(self, inputs: Tensor) -> Tensor:
        """``W x + b``, or ``LN(W x) + b``."""
        if not self.layer_norm:
            return super().project(inputs)
        # Not self.read(inputs): b is added behind the normalization.
        normalized: Tensor = self.read_norm(linear(inputs, self.read.weight))
        return normalized + self.read.bias

    def step(self, read: Tensor, state: State) -> State:
        """See :meth:`Cell.step`."""
        c = state[1]
        gates, g = self._gates(read, state)
        i, f, o = (gates.get(name, 1.0) for name in "ifo")  # a gate that is gone is open
        c = f * c + i * g
        h = o * self._output(c)
        return (h, c) if self.gate_recur is None else (h, c, *gates.values())  # in the order of parts

    def activations(self, read: Tensor, state: State) -> Mapping[str, Tensor]:
        """Input, forget and output gate, as far as there are."""
        return self._gates(read, state)[0]

    def _gates(self, read: Tensor, state: State) -> tuple[dict[str, Tensor], Tensor]:
        """The gates that there are, by name, in the order i, f, o; and g."""
        sums = (read + self.recur_norm(self._recurrent(state))).chunk(len(self.blocks), dim=-1)
        named = dict(zip(self.blocks, sums, strict=True))
        g = named.pop("g")
        gates = {name: torch.sigmoid(value) for name, value in named.items()}
        return gates, g if self.ablation == "no_input_activation" else torch.tanh(g)

    def _recurrent(self, state: State) -> Tensor:
        """``U h``, to which full gate recurrence adds its part."""
        h, _, *gates = state
        recurrent: Tensor = self.recur(h)
        if self.gate_recur is None:
            return recurrent
        u_i, u_f, u_g, u_o = recurrent.chunk(4, dim=-1)
        r_i, r_f, r_o = self.gate_recur(torch.cat(gates, dim=-1)).chunk(3, dim=-1)
        return torch.cat([u_i + r_i, u_f + r_f, u_g, u_o + r_o], dim=-1)

    def _output(self, c: Tensor) -> Tensor:
        c = self.cell_norm(c)
        return c if self.ablation == "no_output_activation" else torch.tanh(c)

    def kernel(self) -> Kernel | None:
        """Torch's LSTM, which is whole and not normalized."""
        return Kernel("lstm") if self.ablation == "none" and not self.layer_norm else None

    @property
    def bounded(self) -> bool:
        """A step adds at most 1 to c, unless its input is not squashed."""
        return self.ablation != "no_input_activation"

    def recurrent_blocks(self) -> Mapping[str, Tensor]:
        """See :meth:`Cell.recurrent_blocks`; from gate to gate they are called ``i_to_f``."""
        blocks = dict(super().recurrent_blocks())
        if self.gate_recur is not None:
            # (3 hidden, 3 hidden): rows belong to the gate that is fed, columns to the gate that feeds it.
            for target, rows in zip("ifo", self.gate_recur.weight.chunk(3), strict=True):
                for source, matrix in zip("ifo", rows.chunk(3, dim=1), strict=True):
                    blocks[f"{source}_to_{target}"] = matrix
        return blocks
