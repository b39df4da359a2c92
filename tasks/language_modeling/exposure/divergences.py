"""How far two distributions over a vocabulary are apart."""

from __future__ import annotations

import torch
from torch import Tensor


def total_variation(p: Tensor, q: Tensor) -> Tensor:
    """``1/2 sum_w |p(w) - q(w)|``, from 0 to 1, of rows; shape (rows,) from two of (rows, vocabulary)."""
    return (p - q).abs().sum(1) / 2


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    """``1/2 KL(p || m) + 1/2 KL(q || m)`` with ``m = (p + q) / 2``, in nats, from 0 to ln 2; shapes as above."""
    m = (p + q) / 2
    return (_kullback_leibler(p, m) + _kullback_leibler(q, m)) / 2


def _kullback_leibler(p: Tensor, m: Tensor) -> Tensor:
    """``sum_w p(w) ln(p(w) / m(w))``: a word that p gives nothing adds nothing."""
    found: Tensor = torch.special.xlogy(p, p) - torch.special.xlogy(p, m)
    return found.sum(1)
