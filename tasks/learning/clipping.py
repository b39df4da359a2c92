"""Clipping of gradients: by the norm of all of them together, or value by value."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_value_, clip_grads_with_norm_, get_total_norm


@final
@dataclass(frozen=True, slots=True)
class Clipped:
    """What clipping saw and did.

    Args:
        norm: L2 norm of the gradient of all weights together, before clipping.
        active: whether clipping made the gradient smaller.
    """

    norm: float
    active: bool

    @property
    def usable(self) -> bool:
        """Whether a step may be taken with the gradient: its norm is a finite number."""
        return math.isfinite(self.norm)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Clipping:
    """How gradients are kept small; both bounds None: not at all.

    A gradient whose norm is NaN or infinite is left as it is, and no step may be taken with it: no scaling makes it
    right (torch's turns one infinite value into NaN in every weight), and to go on without it, or with another in its
    place as the code of Pascanu et al. does, would be another algorithm than the one under study. Whoever trains ends
    there, as diverged.

    Args:
        norm: largest L2 norm of the gradient of all weights together; larger ones are scaled down to it, which leaves
            their direction (Pascanu et al. 2013, arXiv 1211.5063, section 3.2).
        value: largest absolute value of each single derivative; larger ones are cut, which turns the gradient.
    """

    norm: float | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        if self.norm is not None and self.value is not None:
            raise ValueError(f"norm and value exclude each other, received {self.norm} and {self.value}")

    def apply(self, parameters: Iterable[nn.Parameter]) -> Clipped:
        """Clip the gradients of these weights in place; weights without a gradient are left out."""
        weights = [weight for weight in parameters if weight.grad is not None]
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        # On a GPU this waits for the gradients; without it nobody could know whether a step may be taken.
        total = _total_norm(gradients)
        norm = total.item()
        if not math.isfinite(norm):
            return Clipped(norm, active=False)
        if self.norm is not None:
            clip_grads_with_norm_(weights, self.norm, total)  # the norm is known: torch need not add it up again
            return Clipped(norm, active=norm > self.norm)
        if self.value is not None:
            largest = torch.stack([gradient.abs().amax() for gradient in gradients]).amax().item()
            clip_grad_value_(weights, self.value)
            return Clipped(norm, active=largest > self.value)
        return Clipped(norm, active=False)


def _total_norm(gradients: list[Tensor]) -> Tensor:
    """In float64 where the squares of finite values are too large for float32."""
    total = get_total_norm(gradients)
    return total if total.isfinite() else get_total_norm([gradient.double() for gradient in gradients])


@final
@dataclass(slots=True)
class ClipRate:
    """Counts how often clipping was active.

    Args:
        steps: optimizer steps counted.
        active: those among them whose gradient was clipped.
    """

    steps: int = 0
    active: int = 0

    def count(self, clipped: Clipped) -> None:
        """One more step."""
        self.steps += 1
        self.active += clipped.active

    def take(self) -> float:
        """Share of the counted steps that were clipped, NaN without any; counting begins anew."""
        rate = self.active / self.steps if self.steps else math.nan
        self.steps = self.active = 0
        return rate
