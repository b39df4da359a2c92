"""Counts of sentences, words and labels, as rows that people understand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tasks.text.format import Sentence
from unroll.contract import Rows

Splits = Mapping[str, Sequence[Sentence]]

_ENDS: Final = (5, 10, 20, 30, 40, 60, 80, 120, 240)
"""Longest sentence of each range of the histogram but the last one."""
MOST_LABELS: Final = 60
"""Labels with a row of their own, the most frequent first."""


def split_rows(splits: Splits, side: str) -> list[dict[str, int | float | str | None]]:
    """A row for each split: sizes, lengths, unknown words, repetitions inside it and of the splits before it.

    Sentences are compared without regard to case.
    """
    train = splits.get("train")
    known = {word for item in train for word in item.words} if train else None
    rows, before = [], dict[str, set[tuple[str, ...]]]()
    for split, items in splits.items():
        row = {"split": f"{split} {side}".strip(), **_sizes(items)}
        words = [word for item in items for word in item.words]
        unknown = None if known is None or split == "train" else sum(word not in known for word in words)
        row["unknown tokens"] = None if unknown is None else unknown / max(1, len(words))
        plain = [tuple(word.casefold() for word in item.words) for item in items]
        row["repeated"] = len(plain) - len(set(plain))
        row |= {f"also in {other}": sum(item in seen for item in plain) for other, seen in before.items()}
        # Each split is compared with those before it alone, so that a sentence is not counted from both sides.
        before[split] = set(plain)
        rows.append(row)
    return rows


def length_rows(splits: Splits) -> Rows:
    """A row for each range of sentence lengths that occurs, a column for each split."""
    counts = {
        # Place i is the range that ends at _ENDS[i]; the last one has no end.
        split: Counter(np.searchsorted(_ENDS, [len(item.words) for item in items]).tolist())
        for split, items in splits.items()
    }
    places = {place for count in counts.values() for place in count}
    return [
        {"words": _range(place), **{split: count[place] for split, count in counts.items()}}
        for place in range(min(places), max(places) + 1)
    ]


def label_rows(splits: Splits) -> Rows:
    """A row for each label, the most frequent of the first split first; a column and a share for each split."""
    counts = {split: Counter(label for item in items for label in item.labels) for split, items in splits.items()}
    counts = {split: count for split, count in counts.items() if count}
    total: Counter[str] = sum(counts.values(), Counter())
    first = next(iter(counts.values()), total)  # the training text, where there is one
    ranked = sorted(total, key=lambda label: (-first[label], -total[label], label))
    rows = [_label_row(label, [label], counts) for label in ranked[:MOST_LABELS]]
    rest = ranked[MOST_LABELS:]
    return [*rows, _label_row(f"({len(rest):,} others)", rest, counts)] if rest else rows


def _label_row(name: str, labels: Sequence[str], counts: Mapping[str, Counter[str]]) -> dict[str, int | float | str]:
    row: dict[str, int | float | str] = {"label": name}
    for split, count in counts.items():
        times = sum(count[label] for label in labels)
        row |= {split: times, f"{split} share": times / count.total()}
    return row


def _sizes(items: Sequence[Sentence]) -> dict[str, int | float | str | None]:
    lengths = [len(item.words) for item in items]
    return {
        "sentences": len(items),
        "tokens": sum(lengths),
        "types": len({word for item in items for word in item.words}),
        "mean length": float(np.mean(lengths)),
        "median": float(np.median(lengths)),
        "longest": max(lengths),
    }


def _range(place: int) -> str:
    first = _ENDS[place - 1] + 1 if place else 1
    return f"{first}-{_ENDS[place]}" if place < len(_ENDS) else f"{first} and more"
