"""Distributions that a recurrent matrix is drawn from, each a pure function of its generator and size.

All are computed on the CPU in float64. The spectral radius of ``sparse`` and the factorization of ``orthogonal`` come
from LAPACK, and are equal wherever LAPACK is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Generator, Tensor

RecurrentInitializer = Literal["orthogonal", "identity", "gaussian", "sparse"]

NON_ZEROS = 15
SPECTRAL_RADIUS = 0.95


def orthogonal(size: int, generator: Generator) -> Tensor:
    """Uniform among the orthogonal matrices (Saxe et al. 2014, arXiv 1312.6120), shape (size, size)."""
    q, r = torch.linalg.qr(_normal(size, generator))
    # A QR factorization fixes each column of q up to its sign; only with r's signs is q uniform (Mezzadri 2007,
    # arXiv math-ph/0609050).
    orthonormal: Tensor = q * r.diagonal().sign()
    return orthonormal


def identity(size: int, generator: Generator) -> Tensor:  # noqa: ARG001
    """The identity (Le et al. 2015, arXiv 1504.00941), shape (size, size)."""
    return torch.eye(size, dtype=torch.float64)


def gaussian(size: int, generator: Generator) -> Tensor:
    """``N(0, 1/size)``, whose spectral radius tends to 1, shape (size, size)."""
    return _normal(size, generator) / math.sqrt(size)


def sparse(size: int, generator: Generator) -> Tensor:
    """Fifteen normal values per row, rescaled to spectral radius 0.95, shape (size, size).

    The "smart tanh" of the code of Pascanu et al. 2013 (arXiv 1211.5063).
    """
    weights = _normal(size, generator)
    # The rank of each value in its row: fifteen columns of each row, all choices equally likely.
    ranks = torch.rand(size, size, dtype=torch.float64, generator=generator).argsort(dim=1).argsort(dim=1)
    weights[ranks >= NON_ZEROS] = 0
    radius: Tensor = torch.linalg.eigvals(weights).abs().max()
    return weights * (SPECTRAL_RADIUS / radius)


INITIALIZERS: Mapping[RecurrentInitializer, Callable[[int, Generator], Tensor]] = {
    "orthogonal": orthogonal,
    "identity": identity,
    "gaussian": gaussian,
    "sparse": sparse,
}


def _normal(size: int, generator: Generator) -> Tensor:
    return torch.empty(size, size, dtype=torch.float64).normal_(generator=generator)
