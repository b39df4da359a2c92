"""Scales on which a metric is analysed, and the way back to its own unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unroll.contract import Scale

Values = NDArray[np.float64]

RANGES: Final[dict[Scale, tuple[float, float]]] = {
    "identity": (-np.inf, np.inf),
    "log": (0.0, np.inf),
    "logit": (0.0, 1.0),
}
"""What lies between a metric's bounds: the values that a scale can hold, ends excluded."""


@final
@dataclass(frozen=True, slots=True)
class Analysis:
    """The scale on which values are averaged and compared.

    Args:
        scale: the one that is used.
        declared: the one that the metric declares: its range holds, whatever is used.
    """

    scale: Scale
    declared: Scale

    @staticmethod
    def choose(declared: Scale, values: ArrayLike) -> Analysis:
        """The declared scale where every value lies inside its range; at a bound it would be infinite: identity."""
        known = np.asarray(values, dtype=np.float64)
        low, high = RANGES[declared]
        inside = bool(((known > low) & (known < high)).all())
        return Analysis(declared if inside else "identity", declared)

    def forward(self, values: ArrayLike) -> Values:
        """Values on the scale."""
        known = np.asarray(values, dtype=np.float64)
        if self.scale == "log":
            return np.log(known)
        return np.log(known) - np.log1p(-known) if self.scale == "logit" else known

    def slope(self, values: ArrayLike) -> Values:
        """How much longer a short step at each value is on the scale."""
        known = np.asarray(values, dtype=np.float64)
        if self.scale == "log":
            return 1 / known
        return 1 / (known * (1 - known)) if self.scale == "logit" else np.ones_like(known)

    def back(self, place: float) -> float:
        """The value at a place of the scale, in the metric's unit and never outside its range."""
        with np.errstate(over="ignore"):
            if self.scale == "log":
                return float(np.exp(place))
            if self.scale == "logit":
                return float(1 / (1 + np.exp(-place)))
        low, high = RANGES[self.declared]
        return min(max(place, low), high)

    def step(self, start: float, length: float) -> float:
        """What a step on the scale is in the metric's unit, from a place on; never out of its range."""
        return length if self.scale == "identity" == self.declared else self.back(start + length) - self.back(start)
