"""The next word of the toy language, exactly: against all sentences of a small grammar, and against draws."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from random import Random

import pytest

from tasks.text.toy import Dialect, NextWord, generate, toy_grammar
from tasks.text.toy.derivation import draw
from tasks.text.toy.rules import Entry, Grammar, phrase

SMALL = Grammar(
    "S",
    {
        "S": (phrase(0.5, "N", "V"), phrase(0.2, "N", "V", "THAT", "T"), phrase(0.3, "N")),
        "T": (phrase(1, "N", "V"),),
        "N": (phrase(0.25, "A", "N1"), phrase(0.75, "N1")),
        "A": (Entry(("old",), "X", ()),),
        "N1": (
            Entry(("dog",), "X", (), 0.5),
            Entry(("old", "dog"), "X", (), 0.1),
            Entry(("new", "york"), "X", (), 0.4),
        ),
        "V": (Entry(("old",), "X", (), 0.4), Entry(("sings",), "X", (), 0.6)),
        "THAT": (Entry(("that",), "X", ()),),
    },
)
"""Ambiguous, with sentences that begin others and a word that begins a name, follows one and stands alone."""


def sentences(grammar: Grammar, symbol: str) -> Iterator[tuple[tuple[str, ...], float]]:
    """Every derivation of a grammar that has finitely many."""
    for rule in grammar.rules[symbol]:
        if isinstance(rule, Entry):
            yield rule.words, rule.probability
            continue
        for parts in itertools.product(*(list(sentences(grammar, part)) for part in rule.parts)):
            yield (
                tuple(itertools.chain(*(words for words, _ in parts))),
                rule.probability * math.prod(p for _, p in parts),
            )


def test_it_equals_the_list_of_all_sentences() -> None:
    listed: dict[tuple[str, ...], float] = defaultdict(float)
    for words, probability in sentences(SMALL, "S"):
        listed[words] += probability
    assert math.fsum(listed.values()) == pytest.approx(1)
    begun: dict[tuple[str, ...], dict[str | None, float]] = defaultdict(lambda: defaultdict(float))
    for words, probability in listed.items():
        for place in range(len(words) + 1):
            begun[words[:place]][words[place] if place < len(words) else None] += probability
    model = NextWord(SMALL)
    for words, follows in begun.items():
        whole = math.fsum(follows.values())
        beginning = model.read_all(words)
        assert beginning.log_probability == pytest.approx(math.log(whole), abs=1e-12)
        expected = {word: probability / whole for word, probability in follows.items()}
        assert model.distribution(beginning) == pytest.approx(expected, abs=1e-12)


def test_what_no_sentence_begins_with_has_no_next_word() -> None:
    model = NextWord(SMALL)
    beginning = model.read_all(("dog", "york"))
    assert not beginning
    assert beginning.log_probability == -math.inf
    assert not model.read(beginning, "sings")
    with pytest.raises(ValueError, match="no sentence of the language begins so"):
        model.distribution(beginning)


def test_the_words_of_a_sentence_have_its_probability_together() -> None:
    model = NextWord(toy_grammar())
    for sentence in generate(3, "prefixes", 150):
        beginning, total = model.start, 0.0
        for word in (*sentence.words, None):
            follows = model.distribution(beginning)
            assert math.fsum(follows.values()) == pytest.approx(1, abs=1e-12)
            total += math.log(follows[word])
            beginning = beginning if word is None else model.read(beginning, word)
        assert total == pytest.approx(sentence.log_probability, abs=1e-9)
        assert beginning.log_probability == pytest.approx(sentence.log_probability, abs=1e-9)


@pytest.fixture(scope="module")
def drawn() -> list[tuple[str, ...]]:
    grammar, random = toy_grammar(), Random(5)
    leaves = (draw(grammar, random).leaves() for _ in range(10_000))
    return [tuple(word for leaf in sentence for word in leaf.entry.words) for sentence in leaves]


@pytest.mark.parametrize("words", [(), ("the",), ("the", "king"), ("when",)])
def test_draws_follow_it(words: tuple[str, ...], drawn: list[tuple[str, ...]]) -> None:
    counts = Counter(sentence[len(words)] for sentence in drawn if sentence[: len(words)] == words)
    model = NextWord(toy_grammar())
    follows = model.distribution(model.read_all(words))
    assert counts.keys() <= follows.keys()
    for word, probability in follows.items():
        spread = math.sqrt(probability * (1 - probability) / counts.total())
        assert counts[word or ""] / counts.total() == pytest.approx(probability, abs=5 * spread + 1e-12)


@pytest.mark.parametrize("dialect", ["homographs", "chains"])
def test_dialects_without_ambiguity_agree_with_their_derivations(dialect: Dialect) -> None:
    model = NextWord(toy_grammar(dialect))
    for sentence in generate(3, "prefixes", 20, dialect):
        assert model.read_all(sentence.words).log_probability == pytest.approx(sentence.log_probability, abs=1e-9)


def test_left_recursion_is_refused() -> None:
    with pytest.raises(ValueError, match="no symbol may begin with itself: S -> N -> S"):
        NextWord(
            Grammar(
                "S", {"S": (phrase(1, "N"),), "N": (phrase(0.5, "S"), phrase(0.5, "W")), "W": (Entry(("w",), "X", ()),)}
            )
        )
