"""What pairs of lines cannot mean, or hardly: files of unequal lengths, lines that do not belong together."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import Final

import numpy as np

from tasks.text.doubts import Doubt
from unroll.contract import UserError

_FEWEST: Final = 50
"""Pairs below which chance could be at work."""
_LEAST_CORRELATION: Final = 0.3
"""Of the characters of sources and targets (Gale & Church, 1993, align sentences by it): in Multi30k it is 0.89, and
-0.2 where one file is a line behind the other."""
_MOST_EQUAL: Final = 0.5
"""Share of pairs with equal sides from which on a text can hardly be in two languages."""


def uneven(source: Sized, target: Sized, where: str) -> UserError | None:
    """The error of two files whose lines cannot be pairs; None where they are equally many.

    Args:
        source: lines of one file.
        target: lines of the other.
        where: what errors call both.
    """
    if len(source) == len(target):
        return None
    return UserError(
        "both languages must have equally many lines",
        where=where,
        received=f"{len(source):,} and {len(target):,}",
        advice="each line is a sentence, and the same line of the other file its translation",
    )


def find_pair_doubts(pairs: Sequence[Sequence[str]]) -> list[Doubt]:
    """What can hardly be meant by a text.

    Args:
        pairs: raw sentences and their translations; those of which a side is blank are not looked at.
    """
    whole = [place for place, pair in enumerate(pairs) if all(map(str.strip, pair))]
    lengths = np.array([[len(side) for side in pairs[place]] for place in whole])
    doubts = []
    if len(whole) >= _FEWEST and lengths.std(axis=0).all():
        correlation = float(np.corrcoef(lengths, rowvar=False)[0, 1])
        if correlation < _LEAST_CORRELATION:
            what = f"have lengths that hardly go together (correlation {correlation:.2f}), as if lines were missing"
            doubts.append(Doubt(what, len(whole), whole[0]))
    equal = [place for place in whole if len(set(pairs[place])) == 1]
    if len(equal) > _MOST_EQUAL * len(whole):
        doubts.append(Doubt("have the same sentence on both sides", len(equal), equal[0]))
    return doubts
