"""Accuracy from counts, over all verbs, by attractors and by distance; never the mean of batches' accuracies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final

import torch
from torch import Tensor

from tasks.agreement.sentences import MOST_ATTRACTORS
from unroll.contract import Formula, distance_metric

MOST_DISTANCE: Final = 20
"""Up to so many words between subject and verb have one."""
_GROUPS: Final = (MOST_ATTRACTORS + 2, MOST_DISTANCE + 2)
"""Numbers of attractors, and distances; the last of each is for all that are larger."""

FORMULAS: Final = {
    "accuracy": Formula.share("right"),
    **{
        f"accuracy/attractors_{n}": Formula.share(f"attractors_{n}/right", f"attractors_{n}/verbs")
        for n in range(MOST_ATTRACTORS + 1)
    },
}
"""How accuracies follow from what :func:`example_sums` gives, summed over verbs."""


def _nothing() -> Tensor:
    return torch.zeros(_GROUPS, dtype=torch.int64)


@final
@dataclass(frozen=True, slots=True)
class Tally:
    """How many verbs were seen, and of how many the number was predicted correctly.

    Args:
        right: shape (attractors, distances).
        verbs: shape (attractors, distances).
    """

    right: Tensor = field(default_factory=_nothing)
    verbs: Tensor = field(default_factory=_nothing)

    def plus(self, right: Tensor, attractors: Tensor, distances: Tensor) -> Tally:
        """With the verbs of one more batch, all of shape (batch,): whether it was right, and what stood between."""
        # One number for each pair of groups; what is beyond the last one is counted, and has no metric of its own.
        group = attractors.clamp(max=MOST_ATTRACTORS + 1) * _GROUPS[1] + distances.clamp(max=MOST_DISTANCE + 1)
        return Tally(self.right + _count(group[right]), self.verbs + _count(group))

    def accuracies(self) -> dict[str, float]:
        """Each accuracy that there are verbs for, by its name without the split."""
        right, verbs = self.right, self.verbs
        sums = {"accuracy": (right.sum(), verbs.sum())}
        for n in range(MOST_ATTRACTORS + 1):
            sums[f"accuracy/attractors_{n}"] = right[n].sum(), verbs[n].sum()
        for n in range(MOST_DISTANCE + 1):
            sums[distance_metric("accuracy", n)] = right[:, n].sum(), verbs[:, n].sum()
        return {name: int(good) / int(seen) for name, (good, seen) in sums.items() if seen}


def _count(groups: Tensor) -> Tensor:
    """How often each group is named, shape (attractors, distances)."""
    return torch.bincount(groups, minlength=_GROUPS[0] * _GROUPS[1]).reshape(_GROUPS).cpu()


def example_sums(right: Tensor, attractors: Tensor) -> dict[str, Tensor]:
    """What each verb adds to the sums of :data:`FORMULAS`; arguments and sums of shape (batch,)."""
    sums = {"right": right}
    for n in range(MOST_ATTRACTORS + 1):
        sums |= {f"attractors_{n}/right": right & (attractors == n), f"attractors_{n}/verbs": attractors == n}
    return sums
