"""The compiled loop against the plain one: every state and every gradient."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tasks.recurrent.cell import Cell, State
from tasks.recurrent.compiler import Compiled, run_compiled
from tasks.recurrent.loop.plain import plain_steps
from tasks.recurrent.noise import Noise

Loop = Callable[..., State]


def compiled(
    cell: Cell, inputs: Tensor, state: State, *, lengths: Tensor | None = None, noise: Noise | None = None
) -> State:
    """All states by the compiled loop, which must not refuse."""
    found = run_compiled(cell, inputs, state, lengths=lengths, noise=noise)
    assert isinstance(found, Compiled), found
    return found.states


def plain(
    cell: Cell, inputs: Tensor, state: State, *, lengths: Tensor | None = None, noise: Noise | None = None
) -> State:
    """All states by the plain loop."""
    steps = plain_steps(cell, cell.project(inputs), state, lengths=lengths, noise=noise)
    return tuple(torch.stack(part) for part in zip(*steps, strict=True))


def randomize(cell: Cell, *, dtype: torch.dtype = torch.float64, seed: int = 0) -> Cell:
    """The cell with random weights."""
    torch.manual_seed(seed)
    for weight in cell.parameters():
        torch.nn.init.uniform_(weight, -0.6, 0.6)
    return cell.to(dtype)


def gradients(loop: Loop, cell: Cell, inputs: Tensor, state: State, **asked: object) -> list[Tensor]:
    """All states, then the gradients of a fixed random function of them; zero where there is none."""
    states = loop(cell, inputs, state, **asked)
    generator = torch.Generator().manual_seed(7)
    weights = [torch.randn(part.shape, generator=generator, dtype=part.dtype) for part in states]
    total = torch.stack([(part * weight).sum() for part, weight in zip(states, weights, strict=True)]).sum()
    leaves = [inputs, *state, *cell.parameters()]
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    return [*states, *(torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True))]


def leaves(cell: Cell, *, time: int, batch: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, State]:
    """Random inputs and a random state that gradients can be taken of."""
    inputs = torch.randn(time, batch, cell.inputs, dtype=dtype, requires_grad=True)
    return inputs, tuple(torch.randn(batch, cell.hidden, dtype=dtype, requires_grad=True) for _ in cell.parts)


def assert_same(
    cell: Cell,
    *,
    time: int = 6,
    batch: int = 4,
    lengths: Tensor | None = None,
    noise: Noise | None = None,
    tolerance: float = 1e-12,
    dtype: torch.dtype = torch.float64,
) -> None:
    """Both loops give the same, and the compiled one does not refuse."""
    inputs, state = leaves(cell, time=time, batch=batch, dtype=dtype)
    expected = gradients(plain, cell, inputs, state, lengths=lengths, noise=noise)
    found = gradients(compiled, cell, inputs, state, lengths=lengths, noise=noise)
    for here, there in zip(found, expected, strict=True):
        scale = 1 + float(there.detach().abs().max())
        torch.testing.assert_close(here, there, rtol=0, atol=tolerance * scale)
