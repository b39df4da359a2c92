"""Cells made up for these tests, which do what a newcomer's cell may do."""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from tasks.recurrent.cell import Cell, State


class Patchwork(Cell):
    """Vectors, a learned rate, clamp, where, sums over a row, layer normalisation, several products, a number."""

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks="ab", parts=("h", "slow"))
        self.rate = nn.Parameter(torch.zeros(()))
        self.gain = nn.Parameter(torch.ones(hidden))
        self.norm = nn.LayerNorm(2 * hidden)
        self.narrow = nn.Linear(hidden, 3)
        self.wide = nn.Linear(3, hidden, bias=False)
        self.share: Tensor
        self.register_buffer("share", torch.tensor(0.5))

    def step(self, read: Tensor, state: State) -> State:
        h, slow = state
        a, b = self.norm(self.recurrence(h, "a", "b") + read).chunk(2, dim=-1)
        rate = torch.sigmoid(self.rate)
        slow = rate * slow + (1 - rate) * torch.tanh(a + self.gain * slow)
        inner = self.wide(torch.where(b[:, :3] > 0, self.narrow(h), self.share * slow[:, -3:]))
        mean = (h * h).mean(dim=-1, keepdim=True)
        return (torch.cat([b[:, :2], inner[:, 2:]], dim=1).clamp(-0.9, 0.8) / (1 + mean), slow)


class Smooth(Cell):
    """One of each function with a derivative of its own."""

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks="h")

    def step(self, read: Tensor, state: State) -> State:
        x = read + self.recur(state[0])
        f = nn.functional
        terms = [f.softplus(x), f.elu(x), f.silu(x), f.leaky_relu(x, 0.1), f.hardtanh(x), x.abs()]
        terms += [torch.exp(-x.square()), torch.log1p(x**2), torch.sqrt(x**2 + 1), torch.rsqrt(x**2 + 2), torch.sin(x)]
        terms += [
            torch.maximum(x, 0.3 * read),
            torch.minimum(x, read),
            torch.lerp(x, read, 0.3),
            1 / (2 + torch.cos(x)),
        ]
        terms += [torch.addcmul(x, x, read), torch.addcmul(read, x, read, value=0.5)]
        terms += [f.hardswish(x), f.gelu(x), f.mish(x), f.celu(x), f.logsigmoid(x), f.selu(x)]
        terms += [x.var(dim=1, keepdim=True) * x, torch.expm1(-x.abs()), x.erf()]
        return (torch.tanh(sum(terms[1:], terms[0]) / 8),)


class Linear(Cell):
    """A state that is a product and nothing else, beside one that is never touched and one that nothing computes."""

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks="h", parts=("h", "same", "new"))

    def step(self, read: Tensor, state: State) -> State:
        return self.recur(state[0]), state[1], torch.ones_like(state[2])


class Twin(Cell):
    """Two parts of the state that are the same value, of which the step sees only the sum."""

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks="h", parts=("h", "g"))

    def step(self, read: Tensor, state: State) -> State:
        h = torch.tanh(read + self.recur(state[0] + state[1]))
        return h, h


class Constant(Cell):
    """Makes tensors of numbers."""

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks="h")

    def step(self, read: Tensor, state: State) -> State:
        x, tenth = read + self.recur(state[0]), torch.tensor(0.1, dtype=read.dtype)
        return (torch.where(x > 0, torch.tanh(x) * torch.tensor(0.5, dtype=read.dtype), tenth * state[0]),)


class Unknown(Cell):
    """Uses an operation that no C is generated for."""

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks="h")

    def step(self, read: Tensor, state: State) -> State:
        return (torch.cumsum(torch.tanh(read + self.recur(state[0])), dim=1),)


class Mixing(Cell):
    """Mixes the sequences of a batch: no step of a single one."""

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks="h")

    def step(self, read: Tensor, state: State) -> State:
        x = read + self.recur(state[0])
        return (torch.tanh(x - x.mean(dim=0)),)


class Deciding(Cell):
    """Looks at a value to choose its way."""

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks="h")

    def step(self, read: Tensor, state: State) -> State:
        h = torch.tanh(read + self.recur(state[0]))
        return (h if bool(h.sum() > 0) else -h,)


class Detached(Cell):
    """Computes a gate through which no gradient goes."""

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks="h")

    def step(self, read: Tensor, state: State) -> State:
        x = read + self.recur(state[0])
        with torch.no_grad():
            gate = torch.sigmoid(x)
        return (torch.tanh(x) * gate,)


class _Sign(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


class _Reverse(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return -gradient


class Straight(Cell):
    """A straight-through estimator."""

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks="h")

    def step(self, read: Tensor, state: State) -> State:
        return (_Sign.apply(read + self.recur(state[0])),)  # type: ignore[no-untyped-call]


class Reversing(Cell):
    """A function that changes the gradient alone."""

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks="h")

    def step(self, read: Tensor, state: State) -> State:
        return (torch.tanh(read + _Reverse.apply(self.recur(state[0]))),)  # type: ignore[no-untyped-call]


class Unregistered(Cell):
    """Holds a tensor that is neither parameter nor buffer."""

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks="h")
        self.scale = torch.tensor(0.5)

    def step(self, read: Tensor, state: State) -> State:
        return (torch.tanh(read + self.recur(state[0])) * self.scale,)


class Locked(Cell):
    """Holds what cannot be copied."""

    def __init__(self, *, inputs: int, hidden: int) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks="h")
        self.lock = threading.Lock()

    def step(self, read: Tensor, state: State) -> State:
        return (torch.tanh(read + self.recur(state[0])),)


class Adjustable(Cell):
    """Depends on much that can be changed after it was made."""

    def __init__(self, *, inputs: int = 2, hidden: int = 3) -> None:
        super().__init__(inputs=inputs, hidden=hidden, blocks="h")
        self._scale, self.function = 0.5, torch.tanh
        self.options = {"powers": [1.0, 2.0]}

    def step(self, read: Tensor, state: State) -> State:
        x = read + self.recur(state[0])
        return (self._scale * self.function(x) ** self.options["powers"][0],)
