"""Every private name of torch that is used, in one place; ``tests/recurrent/test_torch_internals.py`` misses each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, TypeAlias

from torch import _VF, Tensor
from torch._decomp import get_decompositions
from torch.utils._python_dispatch import TorchDispatchMode as TorchDispatchMode
from torch.utils._python_dispatch import _disable_current_modes

KernelName: TypeAlias = Literal["rnn_tanh", "rnn_relu", "lstm", "gru"]


def recurrent_kernel(name: KernelName) -> Callable[..., tuple[Tensor, ...]]:
    """A fused recurrent kernel as ``torch.nn`` calls it: it takes weights that belong to no module of torch's."""
    kernel: Callable[..., tuple[Tensor, ...]] = getattr(_VF, name)
    return kernel


def decompositions(operations: Sequence[Any]) -> dict[Any, Callable[..., Any]]:
    """How torch writes operations, and their derivatives, by simpler ones."""
    return get_decompositions(list(operations))


def outside_dispatch_modes() -> AbstractContextManager[object]:
    """Within, no dispatch mode sees what is done; torch has no public way out of one."""
    modes: AbstractContextManager[object] = _disable_current_modes()
    return modes
