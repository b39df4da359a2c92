"""A model of sequences so small that all that it can write is listed, in float64."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tasks.remedies.remedy import PADDING, Examples

END, VOCABULARY, HIDDEN, LIMIT = 0, 4, 3, 3
START = 1


class Tiny(nn.Module):
    """``h_t = tanh(E[y_t] + U h_{t-1})`` from a first state for each sentence, ``p = softmax(V h)``."""

    def __init__(self, seed: int = 0, batch: int = 2) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)

        def weight(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=generator, dtype=torch.float64))

        self.embedding, self.recurrent = weight(VOCABULARY, HIDDEN), weight(HIDDEN, HIDDEN)
        self.output, self.first = weight(HIDDEN, VOCABULARY), weight(batch, HIDDEN)
        self.times = 1

    def begin(self) -> Tensor:
        return self.first.repeat_interleave(self.times, dim=0)

    def embed(self, tokens: Tensor) -> Tensor:
        return self.embedding[tokens]

    def step(self, embedded: Tensor, state: Any) -> tuple[Tensor, Any]:
        h = torch.tanh(embedded + state @ self.recurrent)
        return h, h

    def read(self, embedded: Tensor, state: Any) -> Tensor:
        features = []
        for now in embedded:
            feature, state = self.step(now, state)
            features.append(feature)
        return torch.stack(features)

    def logits(self, features: Tensor) -> Tensor:
        return features @ self.output

    def repeat(self, times: int) -> Tiny:
        other = Tiny.__new__(Tiny)
        nn.Module.__init__(other)
        for name, weight in self.named_parameters():
            setattr(other, name, weight)
        other.times = self.times * times
        return other

    @contextmanager
    def evaluating(self) -> Iterator[Tiny]:
        with torch.no_grad():
            yield self

    def log_probability(self, sentence: int, tokens: tuple[int, ...]) -> Tensor:
        """Of a whole sequence, one token after the other: the slow way."""
        h, last, total = self.first[sentence], START, torch.zeros((), dtype=torch.float64)
        for token in tokens:
            h = torch.tanh(self.embedding[last] + h @ self.recurrent)
            total = total + (h @ self.output).log_softmax(0)[token]
            last = token
        return total

    def gradients(self, loss: Tensor) -> list[Tensor]:
        """Of a loss with respect to every weight."""
        found = torch.autograd.grad(loss, list(self.parameters()), allow_unused=True, retain_graph=True)
        return [torch.zeros_like(w) if g is None else g for w, g in zip(self.parameters(), found, strict=True)]


def everything(limit: int = LIMIT) -> list[tuple[int, ...]]:
    """Every sequence that ends, and every one that the limit cuts."""
    others = [token for token in range(VOCABULARY) if token != END]
    ended = [(*tokens, END) for length in range(limit) for tokens in itertools.product(others, repeat=length)]
    return [*ended, *itertools.product(others, repeat=limit)]


def examples_of(*targets: tuple[int, ...], update: int = 0, updates: int = 100, limit: int = LIMIT) -> Examples:
    """A batch with these right sequences, each with its end symbol."""
    longest = max(map(len, targets))
    padded = [[*one, *[PADDING] * (longest - len(one))] for one in targets]
    return Examples(
        start=torch.full((len(targets),), START),
        targets=torch.tensor(padded).T.contiguous(),
        end=END,
        limit=limit,
        update=update,
        updates=updates,
    )


def same(left: list[Tensor], right: list[Tensor]) -> bool:
    return all(torch.allclose(a, b, atol=1e-10, rtol=1e-8) for a, b in zip(left, right, strict=True))


@pytest.fixture
def tiny() -> Tiny:
    return Tiny()


@pytest.fixture
def examples() -> Examples:
    return examples_of((2, 3, END), (3, END))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
