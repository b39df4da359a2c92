"""Corpus BLEU of many pieces of text of one length against one set of references of that length."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

LONGEST: Final = 4
"""Tokens of the longest n-grams."""


def corpus_bleu(pieces: Sequence[Sequence[int]], references: Iterable[Sequence[int]]) -> float:
    """Papineni et al. 2002: geometric mean of the clipped precisions of n-grams, from 0 to 100.

    Each piece may find its n-grams in any of the references, as often as one of them has it. All are equally long, so
    nothing is too short. No smoothing: 0 where no n-gram of some length is found.

    Args:
        pieces: tokens of each; at least :data:`LONGEST` of them.
        references: the same of text that is right, of the same length.
    """
    found, all_ = [0] * LONGEST, [0] * LONGEST
    most: Counter[tuple[int, ...]] = Counter()
    for reference in references:
        most |= _grams(reference)
    for piece in pieces:
        for gram, count in _grams(piece).items():
            found[len(gram) - 1] += min(count, most[gram])
            all_[len(gram) - 1] += count
    if not all(found):
        return 0.0
    return 100 * math.exp(sum(math.log(f / a) for f, a in zip(found, all_, strict=True)) / LONGEST)


def _grams(tokens: Sequence[int]) -> Counter[tuple[int, ...]]:
    return Counter(
        tuple(tokens[begin : begin + n]) for n in range(1, LONGEST + 1) for begin in range(len(tokens) - n + 1)
    )
