"""What can hardly be meant by pairs of sentences: lines that do not belong together, one text on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

_FEWEST: Final = 50
"""Pairs below which chance could be at work."""
_LEAST_CORRELATION: Final = 0.3
"""Of the characters of sources and targets (Gale & Church, 1993, align sentences by it): in Multi30k it is 0.89, and
-0.2 where one file is a line behind the other."""
_MOST_EQUAL: Final = 0.5
"""Share of pairs with equal sides from which on a text can hardly be in two languages."""


def pair_warnings(split: str, pairs: Sequence[Sequence[str]]) -> list[str]:
    """A warning for each doubt about a text.

    Args:
        split: what warnings call it.
        pairs: raw sentences and their translations; those of which a side is blank are not looked at.
    """
    warnings = []
    pairs = [pair for pair in pairs if all(map(str.strip, pair))]
    lengths = np.array([list(map(len, pair)) for pair in pairs])
    if len(pairs) >= _FEWEST and lengths.std(axis=0).all():
        correlation = float(np.corrcoef(lengths, rowvar=False)[0, 1])
        if correlation < _LEAST_CORRELATION:
            warnings.append(
                f"the lengths of {split} source and target sentences hardly go together (correlation "
                f"{correlation:.2f}): do line and line belong to each other?"
            )
    equal = sum(source == target for source, target in pairs)
    if equal > _MOST_EQUAL * len(pairs):
        warnings.append(f"{equal:,} of {len(pairs):,} {split} pairs have the same sentence twice: is that meant?")
    return warnings
