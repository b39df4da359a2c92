"""Perplexity from sums: exp(total negative log-likelihood / total tokens)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, final

import torch
from torch import Tensor

BITS_PER_CHARACTER: Final = "bits_per_character"
"""The metric that texts of characters have besides."""


def _nothing() -> Tensor:
    return torch.zeros((), dtype=torch.float64)


@final
@dataclass(frozen=True, slots=True)
class Likelihood:
    """How a segment of text was predicted, as two sums.

    The mean of batches' perplexities is another, larger number: exp(4) and exp(6) average to 229, the perplexity of
    the two halves together is exp(5) = 148.

    Args:
        nats: sum of the negative log-likelihoods, a scalar in float64 on the device that it was computed on.
        tokens: number of tokens predicted.
    """

    nats: Tensor = field(default_factory=_nothing)
    tokens: int = 0

    def plus(self, nats: Tensor, tokens: int) -> Likelihood:
        """With ``tokens`` more tokens whose negative log-likelihoods sum to the scalar ``nats``."""
        return Likelihood(self.nats + nats, self.tokens + tokens)

    def since(self, earlier: Likelihood) -> Likelihood:
        """What came after ``earlier``, which is a beginning of the same text."""
        return Likelihood(self.nats - earlier.nats, self.tokens - earlier.tokens)

    def mean(self) -> Tensor:
        """Nats per token, a scalar in float64; NaN without tokens."""
        return self.nats / self.tokens

    def perplexity(self) -> Tensor:
        """``exp(mean)``, a scalar in float64; infinite where that overflows."""
        return self.mean().exp()

    def scores(self, *, characters: bool) -> dict[str, float]:
        """The scores of a held-out text, by name without its split.

        Of a text whose tokens are characters that is bits per character too, ``log2(perplexity)``.
        """
        scores = {"perplexity": self.perplexity().item()}
        return scores | ({BITS_PER_CHARACTER: (self.mean() / math.log(2)).item()} if characters else {})
