"""A regularizer against vanishing gradients (Pascanu et al. 2013, arXiv 1211.5063, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell
from tasks.recurrent.omega.total_gradients import Trace, slope, trace_layers
from tasks.recurrent.stack import RecurrentNetwork

OmegaForm = Literal["paper", "code"]

SMALLEST = 1e-20
"""Steps whose squared gradient is smaller are left out, as in the paper's code: their ratio is rounding."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Omega:
    """Rewards gradients that keep their norm from step to step, for Elman networks.

    With the total gradient d_k = dE/dh_k and v_k = d_k dh_k/dh_{k-1}, the gradient that step k hands on,

    - ``paper``: the sum over steps of ``(|v_k| / |d_k| - 1)**2``, averaged over sequences;
    - ``code``: ``(|v_k|**2 / |d_k|**2 - 1)**2``, averaged over all steps and sequences that count. This is what the
      authors' program computes (github.com/pascanur/trainingRNNs).

    Steps with ``|d_k|**2 < SMALLEST`` do not count. States must follow from each other by the cell alone: no zoneout,
    no recurrent dropout. The derivative is the "immediate" one: with respect to the recurrent matrix alone, h and d
    held constant, so that nothing is differentiated twice. It is added to the gradient before clipping. Of several
    layers each has a term of its own; the paper has one layer.

    Args:
        strength: alpha, what the derivative is multiplied with; 2 in the authors' program.
        form: ``paper`` or ``code``.
    """

    strength: float
    form: OmegaForm

    def watch(self, network: RecurrentNetwork) -> AbstractContextManager[Sequence[Trace]]:
        """Around the forward pass: what the layers give, for :meth:`add_gradient`. They run in whatever loop they have.

        Raises:
            UserError: a cell is no Elman network.
        """
        return trace_layers(network)

    def add_gradient(self, traces: Sequence[Trace]) -> Tensor:
        """Add ``strength`` times the derivative to each recurrent matrix's gradient; after the backward pass.

        Returns:
            Omega itself, summed over layers: a scalar without gradient.
        """
        values = []
        for trace in traces:
            cell = trace.layer.cell
            value, derivative = omega(cell, trace.states(), trace.total_gradients(), form=self.form)
            weight, added = cell.recur.weight, self.strength * derivative
            weight.grad = added if weight.grad is None else weight.grad + added
            values.append(value)
        return torch.stack(values).sum()


def omega(cell: Cell, states: Tensor, gradients: Tensor, *, form: OmegaForm) -> tuple[Tensor, Tensor]:
    """Omega and its immediate derivative with respect to the recurrent matrix.

    Args:
        cell: an Elman network of n units.
        states: h_1 to h_T, shape (time, batch, n).
        gradients: d_1 to d_T, the total gradients of the loss with respect to them.
        form: see :class:`Omega`.

    Returns:
        A scalar, and the derivative, of shape (n, n).
    """
    weight = cell.recur.weight.detach()
    # dh_k/dh_{k-1} = diag(f'_k) U, so v_k = local_k U with local_k = d_k * f'_k.
    local = gradients * slope(cell, states)
    handed = local @ weight  # v_k, shape (time, batch, n)
    here, past = gradients.square().sum(-1), handed.square().sum(-1)
    counts = here >= SMALLEST
    ratio = torch.where(counts, past / here.clamp(min=SMALLEST), 1.0)  # |v_k|^2 / |d_k|^2; 1 adds nothing
    if form == "code":
        share = 1 / counts.sum().clamp(min=1).to(states.dtype)  # mean over the steps that count
        outer = 4 * (ratio - 1) / here  # of Omega, per unit of v_k times its derivative
    else:
        ratio, share = ratio.sqrt(), torch.ones_like(here[0, 0]) / states.shape[1]  # mean over sequences
        outer = 2 * (ratio - 1) / (here.sqrt() * past.sqrt())
    # Steps that do not count may be inf or NaN so far; nothing is differentiated here, so they end with this line.
    outer = torch.where(counts & (past > 0), outer, 0.0).unsqueeze(-1) * share
    # With d and h constant, dOmega/dU = sum_k local_k' (dOmega/dv_k), and dOmega/dv_k = outer_k v_k.
    derivative = (outer * local).flatten(0, 1).T @ handed.flatten(0, 1)
    return (ratio - 1).square().sum() * share, derivative
