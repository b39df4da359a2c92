"""How a sentence came about: a tree of rules, drawn at random or looked at."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from tasks.text.toy.rules import Entry, Grammar, Phrase, Rule


@dataclass(frozen=True, slots=True)
class Derivation:
    """A symbol, the rule that replaced it, and the derivations of the rule's parts (none of an entry)."""

    symbol: str
    rule: Rule
    parts: tuple[Derivation, ...]

    @property
    def entry(self) -> Entry:
        """The entry of a leaf."""
        if isinstance(self.rule, Entry):
            return self.rule
        raise TypeError(f"{self.symbol} is a phrase")

    def leaves(self) -> Iterator[Derivation]:
        """Derivations of entries from left to right."""
        if isinstance(self.rule, Entry):
            yield self
        for part in self.parts:
            yield from part.leaves()

    def translation(self) -> tuple[str, ...]:
        """Words of the other language, each phrase in that language's order."""
        if isinstance(self.rule, Entry):
            return self.rule.translation
        # `order` holds the places of the parts, in the order in which they are translated.
        return tuple(word for place in self.rule.order for word in self.parts[place].translation())

    def log_probability(self) -> float:
        """Natural logarithm of the product of the rules' probabilities."""
        return math.log(self.rule.probability) + math.fsum(part.log_probability() for part in self.parts)

    def sentiment(self) -> int:
        """Sum of the entries' polarities, turned around wherever a phrase turns it."""
        if isinstance(self.rule, Entry):
            return self.rule.polarity
        return self.rule.sign * sum(part.sentiment() for part in self.parts)

    def head_part(self) -> Derivation:
        """The part that is the head of this phrase."""
        if isinstance(self.rule, Phrase):
            return self.parts[self.rule.head]
        raise TypeError(f"{self.symbol} is an entry")

    def head(self) -> Derivation:
        """The leaf that is the head of it all."""
        return self.head_part().head() if isinstance(self.rule, Phrase) else self


def draw(grammar: Grammar, random: Random) -> Derivation:
    """A random sentence of the grammar, by one ``random.random()`` per rule from left to right."""
    return _draw(grammar, grammar.start, random)


def _draw(grammar: Grammar, symbol: str, random: Random) -> Derivation:
    rules = grammar.rules[symbol]
    limits = list(accumulate(rule.probability for rule in rules))
    # `hi`: rounding may leave the last limit a little below 1, and a number between the two means the last rule.
    rule = rules[bisect(limits, random.random(), hi=len(rules) - 1)]
    parts = rule.parts if isinstance(rule, Phrase) else ()
    return Derivation(symbol, rule, tuple(_draw(grammar, part, random) for part in parts))
