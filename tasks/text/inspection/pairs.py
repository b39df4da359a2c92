"""What is unusual in pairs of lines of two files, though no error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tasks.text.parallel.doubts import find_pair_doubts

_RATIO: Final = 3
"""Words of one side for each of the other from which on one can hardly translate the other, ..."""
_LONG: Final = 10
"""... if the longer one has so many words: short ones ("no ." for "by no means .") differ more."""

Lines = Sequence[str]


def odd_pairs(files: Mapping[str, tuple[Path, Path]], lines: Mapping[Path, Lines]) -> list[Mapping[str, int | str]]:
    """A row for each kind of oddity of each split's pairs: how many lines, and the first of them.

    Sentences are compared without regard to case and to white space.

    Args:
        files: both files of each split.
        lines: of each file, equally many in both of a split.
    """
    rows: list[Mapping[str, int | str]] = []
    before: dict[str, set[tuple[str, ...]]] = {}
    for split, (source, target) in files.items():
        raw = list(zip(lines[source], lines[target], strict=True))
        pairs = [tuple(" ".join(side.casefold().split()) for side in pair) for pair in raw]
        found: dict[str, list[int]] = {
            "lines that are blank on one side": [n for n, pair in enumerate(pairs) if any(pair) and not all(pair)],
            f"pairs with one side more than {_RATIO} times as long": [
                n for n, pair in enumerate(pairs) if all(pair) and _differ(pair)
            ],
            "pairs with equal sides": [n for n, (a, b) in enumerate(pairs) if a and a == b],
            "pairs that stood before": _repeated(pairs),
        }
        for other, seen in before.items():
            found[f"pairs that stand in {other} too"] = [n for n, pair in enumerate(pairs) if pair in seen]
        before[split] = {pair for pair in pairs if any(pair)}
        named = f"{source.name}, {target.name}"
        rows += [
            {"file": named, "what": what, "lines": len(places), "first": places[0] + 1}
            for what, places in found.items()
            if places
        ]
        rows += [
            {"file": named, "what": f"pairs that {doubt.what}", "lines": doubt.times, "first": doubt.first + 1}
            for doubt in find_pair_doubts(raw)
        ]
    return rows


def _differ(pair: Sequence[str]) -> bool:
    shorter, longer = sorted(len(side.split()) for side in pair)
    return longer >= _LONG and longer > _RATIO * shorter


def _repeated(pairs: Sequence[tuple[str, ...]]) -> list[int]:
    """Places of pairs that stand further above too, blank lines aside."""
    seen, places = set[tuple[str, ...]](), []
    for place, pair in enumerate(pairs):
        if any(pair) and pair in seen:
            places.append(place)
        seen.add(pair)
    return places
