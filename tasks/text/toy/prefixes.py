"""What may follow the beginning of a sentence, and how probably: exact, from the grammar alone.

A left-to-right derivation (always the leftmost symbol first) has, behind the words that it has said, a rest: symbols
and words that are still to come. Of a beginning of a sentence all such rests are kept, each with the probability of
the beginning and this rest together. Their sum is the probability that a sentence begins so; what each rest can say
next gives that of the next word. The same sums as those of Stolcke 1995 (*An efficient probabilistic context-free
parsing algorithm that computes prefix probabilities*, section 4), without his chart: a grammar without left recursion
has finitely many rests.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final, final

from tasks.text.toy.rules import Entry, Grammar, Rule

_Rest = tuple["str | tuple[str, ...]", ...]
"""What is still to come, from left to right: symbols, and the words of a name that has begun."""

END: Final[None] = None
"""Stands for the end of a sentence where a next word is asked for."""


@final
@dataclass(frozen=True, slots=True)
class Beginning:
    """The beginning of a sentence.

    Args:
        rests: what may still come, each with its share of the beginning's probability; shares add up to one. Empty
            where no sentence of the language begins so.
        log_probability: natural logarithm of the probability that a sentence begins so; -inf where none does.
    """

    rests: Mapping[_Rest, float]
    log_probability: float

    def __bool__(self) -> bool:
        """Whether some sentence of the language begins so."""
        return bool(self.rests)


_NOTHING_BEGINS_SO: Final = Beginning(MappingProxyType({}), -math.inf)


@final
class NextWord:
    """``p(next word | words of the sentence so far)`` of a grammar, exact up to rounding.

    Args:
        grammar: one in which no symbol can begin with itself.

    Raises:
        ValueError: a symbol can begin with itself.
    """

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._steps: dict[str, Mapping[str, Mapping[_Rest, float]]] = {}
        for symbol in grammar.rules:
            self._expand(symbol, ())

    @cached_property
    def start(self) -> Beginning:
        """Before the first word."""
        return Beginning(MappingProxyType({(self._grammar.start,): 1.0}), 0.0)

    def read(self, beginning: Beginning, word: str) -> Beginning:
        """The beginning with one more word."""
        found: defaultdict[_Rest, float] = defaultdict(float)
        for rest, share in beginning.rests.items():
            for after, probability in self._say(rest, word):
                found[after] += share * probability
        total = math.fsum(found.values())
        if total <= 0:
            return _NOTHING_BEGINS_SO
        shares = {rest: share / total for rest, share in found.items()}
        return Beginning(MappingProxyType(shares), beginning.log_probability + math.log(total))

    def read_all(self, words: Sequence[str]) -> Beginning:
        """The beginning that these words are."""
        beginning = self.start
        for word in words:
            beginning = self.read(beginning, word)
        return beginning

    def distribution(self, beginning: Beginning) -> dict[str | None, float]:
        """Probability of every word that can follow, and of :data:`END`; adds up to one.

        Raises:
            ValueError: no sentence begins so, and nothing follows.
        """
        if not beginning:
            raise ValueError("no sentence of the language begins so")
        found: defaultdict[str | None, float] = defaultdict(float)
        for rest, share in beginning.rests.items():
            if not rest:
                found[END] += share
            elif isinstance(first := rest[0], tuple):
                found[first[0]] += share
            else:
                for word, probability in self._sums[first].items():
                    found[word] += share * probability
        return dict(found)

    def _say(self, rest: _Rest, word: str) -> Iterator[tuple[_Rest, float]]:
        """What is left of a rest behind this word, and how probable the word is there."""
        if not rest:
            return
        first, others = rest[0], rest[1:]
        if isinstance(first, tuple):
            if first[0] == word:
                yield ((first[1:], *others) if len(first) > 1 else others), 1.0
            return
        for begun, probability in self._steps[first].get(word, {}).items():
            yield begun + others, probability

    @cached_property
    def _sums(self) -> dict[str, dict[str, float]]:
        return {
            symbol: {word: math.fsum(rests.values()) for word, rests in steps.items()}
            for symbol, steps in self._steps.items()
        }

    def _expand(self, symbol: str, within: tuple[str, ...]) -> Mapping[str, Mapping[_Rest, float]]:
        """For every first word of a symbol what of the symbol follows it, with the probability of both."""
        if symbol in within:
            raise ValueError(f"no symbol may begin with itself: {' -> '.join((*within, symbol))}")
        if symbol not in self._steps:
            found: defaultdict[str, defaultdict[_Rest, float]] = defaultdict(lambda: defaultdict(float))
            for rule in self._grammar.rules[symbol]:
                for word, rest, probability in self._begin(rule, (*within, symbol)):
                    found[word][rest] += rule.probability * probability
            self._steps[symbol] = {word: dict(rests) for word, rests in found.items()}
        return self._steps[symbol]

    def _begin(self, rule: Rule, within: tuple[str, ...]) -> Iterator[tuple[str, _Rest, float]]:
        if isinstance(rule, Entry):
            yield rule.words[0], ((rule.words[1:],) if len(rule.words) > 1 else ()), 1.0
            return
        for word, rests in self._expand(rule.parts[0], within).items():
            for rest, probability in rests.items():
                yield word, rest + rule.parts[1:], probability
