"""How many sentences each split of the toy language has."""

from __future__ import annotations

from typing import Final

from tasks.text.splits import SPLITS

_HELD_OUT: Final = 5
"""Validation and test text are each this many times smaller than the training text."""

TOY_PLACES: Final = dict.fromkeys(SPLITS, "toy language")
"""What errors call the text of each split."""


def split_sizes(sentences: int, training_sentences: int | None = None) -> dict[str, int]:
    """Sentences by split.

    Args:
        sentences: of the whole training text; validation and test text have a fifth of it each, at least one.
        training_sentences: most sentences of the training text to learn from, its first ones; None: all.
    """
    sizes = {split: max(1, sentences // _HELD_OUT) for split in SPLITS}  # that of train is replaced below
    return {**sizes, "train": sentences if training_sentences is None else min(sentences, training_sentences)}
