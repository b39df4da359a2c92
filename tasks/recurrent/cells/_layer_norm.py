"""Layer normalization, written out so that any loop over time can read it."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn


@final
class LayerNorm(nn.Module):
    """``gain * (v - mean(v)) / sqrt(variance(v) + epsilon) + shift`` over features (Ba et al. 2016, arXiv 1607.06450).

    The paper has no epsilon; without one, the first step of a cell (U h = 0) would divide by zero.

    Args:
        features: size of the vectors.
        shift: whether there is one.
    """

    EPSILON = 1e-5

    def __init__(self, features: int, *, shift: bool) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(features))
        self.shift = nn.Parameter(torch.zeros(features)) if shift else None

    def forward(self, vectors: Tensor) -> Tensor:
        """Normalize vectors, shape (..., features)."""
        centred = vectors - vectors.mean(dim=-1, keepdim=True)
        variance = (centred * centred).mean(dim=-1, keepdim=True)  # divisor n, as in the paper
        scaled = self.gain * (centred * torch.rsqrt(variance + self.EPSILON))
        return scaled if self.shift is None else scaled + self.shift
