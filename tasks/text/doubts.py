"""What can hardly be meant by a text: counters, masked words, labels among the words, trees in brackets.

Readers report it as warnings, an inspection as oddities; what cannot be meant at all is refused by the readers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

_NEARLY_ALL: Final = 0.9
"""Share of sentences from which on something is a property of the text."""
_FEWEST: Final = 5
"""Sentences below which chance could be at work."""
_FEWEST_WORDS: Final = 50
_MOST_OF_A_TEXT: Final = 0.5
"""Share of one word that no language has: of nine real corpora the highest is 0.096 ("?" in TREC)."""
_MANY_MASKED: Final = 0.05
"""Share of ``_`` from which on it stands for words that may not be given."""
_NUMBER: Final = re.compile(r"\d{1,18}")
_MARKS: Final = ".:)\t"
"""What may follow a line's number."""


class Doubt(NamedTuple):
    """A property of a text.

    Args:
        what: a predicate of sentences: "begin with a number that counts them".
        times: sentences that have it.
        first: place of the first of them, from 0.
    """

    what: str
    times: int
    first: int


def find_doubts(sentences: Iterable[Sequence[str]], labels: Sequence[str] = ()) -> list[Doubt]:
    """What can hardly be meant by a text.

    Args:
        sentences: words of each, at least one; an iterable that can be iterated twice.
        labels: of each sentence, or none.
    """
    words: Counter[str] = Counter()
    firsts: list[int | None] = []
    trees: list[int] = []
    numbered: list[int] = []
    for place, sentence in enumerate(sentences):
        words.update(sentence)
        # One pass over a text that may be large, which is why only places are kept.
        firsts.append(_number(sentence[0]))
        if _is_tree(sentence):
            trees.append(place)
        if counts_words(sentence):
            numbered.append(place)
    found = {
        "begin with a number that counts them": _counted(firsts),
        "are trees in brackets": trees,
        "have numbers that count for words": numbered,
        "have their own label among their words": [
            place
            for place, (label, sentence) in enumerate(zip(labels, sentences, strict=False))
            if label.casefold() in map(str.casefold, sentence)
        ],
    }
    doubts = [
        Doubt(what, len(places), places[0])
        for what, places in found.items()
        # Nearly all, not all: a header or a stray line does not change what the text is.
        if len(places) >= max(_FEWEST, _NEARLY_ALL * len(firsts))
    ]
    return [*doubts, *_commonest(words, sentences)]


def doubt_warnings(
    texts: Mapping[str, Iterable[Sequence[str]]], labels: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """A warning for each doubt about a text.

    Args:
        texts: by split, or ``all``: words of each sentence or line.
        labels: of each sentence, if it has one.
    """
    return [
        f"{doubt.times:,} {'' if split == 'all' else f'{split} '}sentences {doubt.what}: is that meant?"
        for split, sentences in texts.items()
        for doubt in find_doubts(sentences, (labels or {}).get(split, ()))
    ]


def counts_words(sentence: Sequence[str]) -> bool:
    """Whether the words are whole numbers, each one more than the one before: those of a sentence or of a file."""
    if len(sentence) < 2 or not sentence[0].isascii() or not _NUMBER.fullmatch(sentence[0]):
        return False
    return all(word == str(number) for number, word in enumerate(sentence, start=int(sentence[0])))


def counts(texts: Sequence[str]) -> bool:
    """Whether texts are nearly all numbers, each one more than the one before."""
    numbers = [_number(text) for text in texts]
    return len(texts) >= _FEWEST and len(_counted(numbers)) >= _NEARLY_ALL * len(texts)


def is_tree(label: str, sentence: Sequence[str]) -> bool:
    """Whether a label and a text are the halves of a tree, as ``(3 (2 It) (4 (2 works) (2 .)))`` is cut at a blank."""
    return label.count("(") > label.count(")") and _is_tree([label, *sentence])


def _number(word: str) -> int | None:
    text = word.rstrip(_MARKS)
    return int(text) if _NUMBER.fullmatch(text) and text.isascii() else None


def _counted(numbers: Sequence[int | None]) -> list[int]:
    """Places of numbers that go on from the one before; with them the first."""
    places = [
        place
        for place, (before, number) in enumerate(pairwise(numbers), start=1)
        if before is not None and number == before + 1
    ]
    # The number that the first of them goes on from belongs to the count.
    return [places[0] - 1, *places] if places else []


def _is_tree(sentence: Sequence[str]) -> bool:
    if not sentence[0].startswith("(") or not sentence[-1].endswith(")"):
        return False
    opened, closed = (sum(word.count(bracket) for word in sentence) for bracket in "()")
    return opened == closed > 1  # more than one pair: "(sigh)" is no tree


def _commonest(words: Counter[str], sentences: Iterable[Sequence[str]]) -> Iterable[Doubt]:
    total = words.total()
    # "_" is looked at even where another word is the commonest.
    # Of words in general the commonest is enough to look at: no other can be more of the text.
    for word, most in {**{word: _MOST_OF_A_TEXT for word, _ in words.most_common(1)}, "_": _MANY_MASKED}.items():
        if total >= _FEWEST_WORDS and words[word] > most * total:
            places = [place for place, sentence in enumerate(sentences) if word in sentence]
            yield Doubt(f"hold {word!r}, {words[word]:,} of all {total:,} words", len(places), places[0])
