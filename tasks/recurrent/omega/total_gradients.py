"""Gradients with respect to every state of an Elman layer, whatever loop it runs in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell
from tasks.recurrent.cells.elman import Elman
from tasks.recurrent.cells.irnn import IRNN
from tasks.recurrent.layer import Layer, reverse
from tasks.recurrent.loop import Reading
from tasks.recurrent.stack import RecurrentNetwork
from unroll.contract import UserError


@final
@dataclass(frozen=True, slots=True)
class Trace:
    """What one layer last gave to the rest of the network: two ways out of it, neither of which leads to the other.

    Args:
        layer: the layer.
        outputs: of all steps, where their inputs stood, shape (time, batch, hidden).
        state: the state after the step that was read last, shape (batch, hidden); None where nobody asked for it.
        lengths: number of real steps of each sequence, shape (batch,); None: all are real.
    """

    layer: Layer
    outputs: Tensor
    state: Tensor | None
    lengths: Tensor | None

    def states(self) -> Tensor:
        """h_1 to h_T in the order in which they were made, shape (time, batch, hidden), without gradient."""
        return self._as_read(self.outputs.detach())

    def direct_gradients(self) -> Tensor:
        """What reaches each state past the later steps of its layer, after the backward pass; zero at padding.

        Returns:
            A new tensor, in the order and shape of :meth:`states`.
        """
        direct = self._as_read(_gradient(self.outputs)).clone()  # total_gradients adds to it
        last: tuple[int | Tensor, ...] = (-1,)
        if self.lengths is not None:
            steps, columns = (torch.arange(size, device=direct.device) for size in direct.shape[:2])
            direct[steps.unsqueeze(1) >= self.lengths] = 0.0
            last = (self.lengths - 1, columns)
        if self.state is not None:
            # The last state leaves a layer by two ways, as its last output and as its state.
            direct[last] += _gradient(self.state)
        return direct

    def total_gradients(self) -> Tensor:
        """``d_k = dE/dh_k`` through all later steps and layers, after the backward pass, as :meth:`states`.

        In an Elman network ``dh_{k+1}/dh_k = diag(f'_{k+1}) U``, and f' is a function of h. So the total gradients
        follow from the direct ones e, backwards in time: ``d_k = e_k + (d_{k+1} * f'_{k+1}) U``.
        """
        weight, slopes = self.layer.cell.recur.weight.detach(), slope(self.layer.cell, self.states())
        totals = self.direct_gradients()
        steps = totals.unbind()
        # (T-1, T), (T-2, T-1), ..., (1, 2), each with the slope of its later step.
        for here, later, bend in zip(steps[-2::-1], steps[:0:-1], slopes.unbind()[:0:-1], strict=True):
            here.addmm_(later * bend, weight)  # a view of one step of the totals
        return totals

    def _as_read(self, sequences: Tensor) -> Tensor:
        return reverse(sequences, self.lengths) if self.layer.way == "backward" else sequences


@contextmanager
def trace_layers(network: RecurrentNetwork) -> Iterator[Sequence[Trace]]:
    """Within, what the layers of an Elman network give is found in the order in which they read.

    Nothing is computed otherwise than without: each layer hands on views of its results, whose gradients are kept.

    Raises:
        UserError: a cell is no Elman network.
    """
    traces: list[Trace] = []

    def trace(layer: Layer, _: Any, kwargs: dict[str, Any], reading: Reading) -> Reading:
        outputs, state = _kept(reading.outputs), reading.state and tuple(map(_kept, reading.state))
        traces.append(Trace(layer, outputs, state[0] if state else None, kwargs["lengths"]))
        return replace(reading, outputs=outputs, state=state)

    for layer in network.layers():
        check_elman(layer.cell)
    hooks = [layer.register_forward_hook(trace, with_kwargs=True) for layer in network.layers()]
    try:
        yield traces
    finally:
        for hook in hooks:
            hook.remove()


def slope(cell: Cell, states: Tensor) -> Tensor:
    """The derivative of an Elman network's activation where it took these values.

    Raises:
        UserError: the cell is no Elman network.
    """
    check_elman(cell)
    match cell.activation if isinstance(cell, Elman) else "relu":
        case "tanh":
            return 1 - states.square()
        case "logistic":
            return states * (1 - states)
        case _:
            return (states > 0).to(states.dtype)


def check_elman(cell: Cell) -> None:
    """Refuse what Omega is not defined for.

    Raises:
        UserError: the cell is no Elman network.
    """
    if not isinstance(cell, Elman | IRNN):
        raise UserError("Omega is defined for Elman networks, elman and irnn", received=type(cell).__name__)


def _kept(result: Tensor) -> Tensor:
    """A view that collects its own gradient and no other's."""
    view = result.view_as(result)
    view.retain_grad()
    return view


def _gradient(result: Tensor) -> Tensor:
    """Zero where the loss does not depend on it."""
    return torch.zeros_like(result) if result.grad is None else result.grad
