"""What a recurrent cell is: one step from state to state, written as its equations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ClassVar, NamedTuple, final

from torch import Generator, Tensor, nn
from torch.nn.functional import linear

from tasks.recurrent.torch_internals import KernelName

State = tuple[Tensor, ...]
"""What a cell carries from step to step, each part of shape (batch, hidden); the first part is its output h."""

InitialValue = float | Callable[[Tensor, Generator], Tensor]
"""The initial value of a parameter: a constant; or values of its shape, made of what would be drawn for it and of a
generator that is seeded by (seed, name, shape), on the CPU in float32, and of nothing else."""

# No argument of step: so a cell stays its equations. A context variable, since several threads may run cells.
_mask: ContextVar[Tensor | None] = ContextVar("what recurrent products multiply what they read with", default=None)


@contextmanager
def recurrent_mask(mask: Tensor | None) -> Iterator[None]:
    """Within, every product with a cell's U reads its vector times the mask, shape (batch, hidden); None: as it is."""
    token = _mask.set(mask)
    try:
        yield
    finally:
        _mask.reset(token)


def _product(h: Tensor, weight: Tensor) -> Tensor:
    mask = _mask.get()
    return linear(h if mask is None else h * mask, weight)


@final
class _Recurrent(nn.Linear):
    """``U h``, where recurrent dropout acts."""

    def forward(self, h: Tensor) -> Tensor:
        """Shape (..., blocks * hidden)."""
        return _product(h, self.weight)


class Kernel(NamedTuple):
    """A recurrent network of torch's own, which a cell computes too."""

    name: KernelName
    second_bias: Tensor | None = None
    """What torch adds to the recurrent product, shape (blocks * hidden,); None: zeros."""


class Cell(nn.Module, ABC):
    """One recurrent layer, written as one step. Final subclasses live in ``tasks/recurrent/cells/``, one per file.

    A loop over time calls :meth:`project` once, for all steps, and :meth:`step` for each. Weights are stacked in blocks
    of ``hidden`` rows, one per gate: ``read`` holds W and b, ``recur`` holds U, so that a layer has
    ``blocks * (hidden * inputs + hidden**2 + hidden)`` weights unless a cell adds some. Recurrent dropout acts in
    ``recur(h)`` and :meth:`recurrence`, on what they read, and nowhere else: h that leaks into the next step by another
    way stays whole.

    Args:
        inputs: size of the vector read at each step.
        hidden: size of each part of the state.
        blocks: names of the blocks, in the order in which they are stacked; a forget gate is called ``f``.
        parts: names of the state's parts, the output first.
    """

    recurrent_initialization: ClassVar[str | None] = None
    """Initializer of the recurrent blocks where that defines the cell: settings with another one are refused. None: the
    settings decide."""

    initial_values: ClassVar[Mapping[str, InitialValue]] = {}
    """Initial values that the cell sets itself, whatever the others are drawn from, by name as in the state dict."""

    def __init__(self, *, inputs: int, hidden: int, blocks: Sequence[str], parts: Sequence[str] = ("h",)) -> None:
        super().__init__()
        self.inputs, self.hidden = inputs, hidden
        self.blocks, self.parts = tuple(blocks), tuple(parts)
        self.read = nn.Linear(inputs, len(self.blocks) * hidden)
        self.recur = _Recurrent(hidden, len(self.blocks) * hidden, bias=False)

    def initial_state(self, batch: int) -> State:
        """The state before the first step: zeros, each part of shape (batch, hidden)."""
        return tuple(self.read.weight.new_zeros(batch, self.hidden) for _ in self.parts)

    def project(self, inputs: Tensor) -> Tensor:
        """All of a step that needs no state, for all steps at once: ``W x + b``.

        Args:
            inputs: shape (..., inputs).

        Returns:
            Shape (..., width), where width is what :meth:`step` takes; here len(blocks) * hidden.
        """
        projected: Tensor = self.read(inputs)
        return projected

    @abstractmethod
    def step(self, read: Tensor, state: State) -> State:
        """From one state to the next. Ordinary differentiable torch code, without side effects or randomness.

        Args:
            read: one step of what :meth:`project` gave, shape (batch, width).
            state: the state before the step.

        Returns:
            The state after it.
        """

    def activations(self, read: Tensor, state: State) -> Mapping[str, Tensor]:  # noqa: ARG002
        """Values of the gates at a step, by name, each of shape (..., hidden) within [0, 1]; none by default.

        Args:
            read: shape (..., width).
            state: the state before the step, parts of shape (..., hidden).
        """
        return {}

    def kernel(self) -> Kernel | None:
        """What torch has that computes the same function of the same weights; None where it has nothing."""
        return None

    @property
    def bounded(self) -> bool:
        """Whether no input can drive a state to infinity within a sequence."""
        return False

    def block(self, weight: Tensor, name: str) -> Tensor:
        """The rows of a stacked weight or bias that belong to one block: a view."""
        at = self.blocks.index(name) * self.hidden
        return weight[at : at + self.hidden]

    def recurrence(self, h: Tensor, *names: str) -> Tensor:
        """``U h`` of some neighbouring blocks alone, shape (batch, len(names) * hidden)."""
        # The rows of neighbouring blocks lie together: a view, no copy. Names that are no neighbours would read others.
        begin = self.blocks.index(names[0]) * self.hidden
        return _product(h, self.recur.weight[begin : begin + len(names) * self.hidden])

    def recurrent_blocks(self) -> Mapping[str, Tensor]:
        """The matrices through which the past acts, by name: views of shape (hidden, hidden)."""
        return {name: self.block(self.recur.weight, name) for name in self.blocks}

    def forget_bias(self) -> Tensor | None:
        """A view of the forget gate's bias, for settings to fill, shape (hidden,).

        None without a forget gate, and where the cell itself sets ``read.bias``.
        """
        own = "read.bias" in self.initial_values
        return self.block(self.read.bias, "f") if "f" in self.blocks and not own else None
