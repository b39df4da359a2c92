"""Probabilistic context-free grammars whose rules also have a translation and a meaning of their parts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Number = Literal["singular", "plural"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """A rule that joins parts.

    Args:
        parts: symbols from left to right.
        probability: of this rule among those of its symbol.
        head: which part is the phrase's head: the noun of a noun phrase, the agreeing verb of a clause.
        order: the parts in the order of the translation.
        sign: -1 where the phrase turns the sentiment of its parts around, else 1.
    """

    parts: tuple[str, ...]
    probability: float
    head: int
    order: tuple[int, ...]
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule that ends in words.

    Args:
        words: one word, or the several of a name.
        part_of_speech: of each of the words, a tag of Universal Dependencies.
        translation: words of the other language.
        probability: of this entry among those of its symbol.
        number: of a noun, a verb or a pronoun.
        entity: type of the entity that is named, such as ``PER``.
        polarity: 1 praises, -1 blames.
    """

    words: tuple[str, ...]
    part_of_speech: str
    translation: tuple[str, ...]
    probability: float = 1.0
    number: Number | None = None
    entity: str | None = None
    polarity: int = 0


Rule: TypeAlias = Phrase | Entry


@dataclass(frozen=True, slots=True)
class Grammar:
    """A grammar: the rules of every symbol.

    Args:
        start: symbol of a whole sentence.
        rules: for each symbol its alternatives, whose probabilities add up to one.
    """

    start: str
    rules: Mapping[str, tuple[Rule, ...]]

    def __post_init__(self) -> None:
        for symbol, rules in self.rules.items():
            total = math.fsum(rule.probability for rule in rules)
            if abs(total - 1) > 1e-12:  # written as decimals, which add up to 1 only nearly
                raise ValueError(f"the probabilities of {symbol} must add up to one, not {total}")
            missing = {part for rule in rules if isinstance(rule, Phrase) for part in rule.parts} - self.rules.keys()
            if missing:
                raise ValueError(f"{symbol} needs rules for {', '.join(sorted(missing))}")

    def words(self) -> tuple[str, ...]:
        """Every word of the language once, in the order of code points."""
        return tuple(sorted({word for entry in self._entries() for word in entry.words}))

    def translated_words(self) -> tuple[str, ...]:
        """Every word of the other language once, in the order of code points."""
        return tuple(sorted({word for entry in self._entries() for word in entry.translation}))

    def parts_of_speech(self) -> tuple[str, ...]:
        """Every part of speech once, in the order of code points."""
        return tuple(sorted({entry.part_of_speech for entry in self._entries()}))

    def _entries(self) -> Iterator[Entry]:
        return (rule for rules in self.rules.values() for rule in rules if isinstance(rule, Entry))


def phrase(probability: float, *parts: str, head: int = 0, order: Sequence[int] | None = None, sign: int = 1) -> Phrase:
    """A phrase, by default headed by its first part and translated in the same order."""
    places = tuple(range(len(parts))) if order is None else tuple(order)
    return Phrase(parts=parts, probability=probability, head=head, order=places, sign=sign)
