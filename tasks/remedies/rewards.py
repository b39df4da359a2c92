"""How good a sequence is, given the right one: a number in [0, 1]."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

Reward = Callable[[Sequence[int], Sequence[int]], float]
"""From a hypothesis and its reference, both without the end symbol."""

RewardName = Literal["bleu", "accuracy"]

LONGEST: Final = 4


def sentence_bleu(hypothesis: Sequence[int], reference: Sequence[int]) -> float:
    """BLEU of one sentence, with 1 added to matches and totals of n-grams longer than one.

    Papineni et al. 2002 (ACL) with the smoothing of Lin and Och 2004 (COLING, section 4); 0 without a common token.
    """
    if not hypothesis or not reference:
        return float(not hypothesis and not reference)
    logarithm = 0.0
    for order in range(1, LONGEST + 1):
        found, wanted = _ngrams(hypothesis, order), _ngrams(reference, order)
        matches, total = (found & wanted).total(), found.total()
        if order == 1 and not matches:
            return 0.0
        smoothing = 0 if order == 1 else 1
        logarithm += math.log((matches + smoothing) / (total + smoothing)) / LONGEST
    brevity = min(0.0, 1 - len(reference) / len(hypothesis))
    return math.exp(brevity + logarithm)


def token_accuracy(hypothesis: Sequence[int], reference: Sequence[int]) -> float:
    """Share of places with the right token, of the places of the longer of the two."""
    places = max(len(hypothesis), len(reference))
    if not places:
        return 1.0
    return sum(one == other for one, other in zip(hypothesis, reference, strict=False)) / places


REWARDS: Mapping[RewardName, Reward] = {"bleu": sentence_bleu, "accuracy": token_accuracy}


def _ngrams(tokens: Sequence[int], order: int) -> Counter[tuple[int, ...]]:
    return Counter(tuple(tokens[at : at + order]) for at in range(len(tokens) - order + 1))
