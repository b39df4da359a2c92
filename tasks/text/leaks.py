"""Held-out text that stands in the training text: what is measured on it was learned by heart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tasks.text.splits import SPLITS

MOST_REPEATED: Final = 0.25
"""Share of a held-out text, in words or characters, from which on a reader must know. Not of its sentences, for short
ones ("yes .") repeat by themselves: Tiny Shakespeare, highest of nine real corpora, has 0.041 (0.23 of its lines)."""


def leak_warnings(texts: Mapping[str, Sequence[tuple[str, ...] | str]], what: str = "sentences") -> list[str]:
    """A warning for each held-out text of which much stands in the training text too, word for word.

    Args:
        texts: for each split its sentences, each a tuple of words, or its lines, each a text.
        what: what they are.
    """
    seen = set(texts["train"])
    warnings = []
    for split in SPLITS[1:]:
        repeated = [each for each in texts[split] if each and each in seen]
        share = sum(map(len, repeated)) / max(1, sum(map(len, texts[split])))  # of words, or of a line's characters
        if share > MOST_REPEATED:
            warnings.append(
                f"{len(repeated):,} of {len(texts[split]):,} {split} {what} ({share:.0%} of that text) stand in the "
                "training text too: what is measured on them may have been learned by heart."
            )
    return warnings
