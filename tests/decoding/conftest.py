"""Small models of the next token whose every sequence can be listed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from tasks.decoding.decoding import Request

END = 0


class Small:
    """A recurrent network with weights from a seed, in float64; a sentence is a first state of its own.

    It counts the rows that it was run on, and never mixes them.
    """

    def __init__(self, seed: int, *, vocabulary: int = 4, hidden: int = 5, sharpness: float = 2.0) -> None:
        generator = torch.Generator().manual_seed(seed)
        draw: Callable[..., Tensor] = lambda *shape: torch.randn(  # noqa: E731
            *shape, generator=generator, dtype=torch.float64
        )
        self.embedding, self.recurrent = draw(vocabulary, hidden), draw(hidden, hidden)
        self.output = sharpness * draw(hidden, vocabulary)
        self.vocabulary, self.hidden = vocabulary, hidden
        self.widths = list[int]()

    def __call__(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        self.widths.append(len(tokens))
        (h,) = state["h"]
        h = torch.tanh(self.embedding[tokens] + (h.unsqueeze(1) @ self.recurrent).squeeze(1))
        return (h.unsqueeze(1) @ self.output).squeeze(1).log_softmax(1), {"h": (h,)}

    def request(self, batch: int, limit: int, *, seed: int = 0, end: int | None = END) -> Request:
        """Sentences that differ in their states."""
        generator = torch.Generator().manual_seed(seed)
        first = torch.randn(batch, self.hidden, generator=generator, dtype=torch.float64)
        return Request(
            step=self,
            state={"h": (first,)},
            start=torch.full((batch,), 1),
            end=end,
            limits=torch.full((batch,), limit),
            seeds=tuple(range(batch)),
        )

    def score(self, request: Request, sentence: int, tokens: tuple[int, ...]) -> float:
        """Log-probability of given tokens, one after the other: the slow way."""
        state: Any = {"h": (request.state["h"][0][[sentence]],)}
        last, total = request.start[[sentence]], 0.0
        for token in tokens:
            log_probabilities, state = self(last, state)
            total += float(log_probabilities[0, token])
            last = torch.tensor([token])
        return total

    def everything(self, limit: int) -> Iterator[tuple[int, ...]]:
        """Every sequence that ends, and every one that the limit cuts."""
        others = [token for token in range(self.vocabulary) if token != END]
        for length in range(limit):
            yield from ((*tokens, END) for tokens in itertools.product(others, repeat=length))
        yield from itertools.product(others, repeat=limit)


@pytest.fixture(params=range(3))
def small(request: pytest.FixtureRequest) -> Small:
    return Small(request.param)
