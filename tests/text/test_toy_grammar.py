"""The toy language is unambiguous and its probabilities are those of a language.

Checked with a parser of its own: it knows the rules, and nothing of how sentences are drawn.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from tasks.text.toy import ToySentence, generate, lexicon, toy_grammar
from tasks.text.toy.rules import Entry, Grammar, Rule, phrase

GRAMMAR = toy_grammar()
Chart = dict[int, tuple[int, float]]


class Parser:
    """Counts the derivations of a sentence and adds up their probabilities, top-down with a memory.

    It would recurse for ever in a left-recursive grammar, which the toy grammar is not.
    """

    def __init__(self, grammar: Grammar, words: Sequence[str]) -> None:
        self.grammar, self.words = grammar, tuple(words)
        self.memory: dict[tuple[str, int], Chart] = {}

    def whole(self) -> tuple[int, float]:
        return self.ends(self.grammar.start, 0).get(len(self.words), (0, 0.0))

    def ends(self, symbol: str, begin: int) -> Chart:
        """For every place at which the symbol may end: number of derivations, sum of their probabilities."""
        if (symbol, begin) not in self.memory:
            found: defaultdict[int, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
            for rule in self.grammar.rules[symbol]:
                if isinstance(rule, Entry):
                    end = begin + len(rule.words)
                    reached = {end: (1, rule.probability)} if self.words[begin:end] == rule.words else {}
                else:
                    reached = self.sequence(rule.parts, {begin: (1, rule.probability)})
                for end, (count, probability) in reached.items():
                    found[end] = (found[end][0] + count, found[end][1] + probability)
            self.memory[symbol, begin] = dict(found)
        return self.memory[symbol, begin]

    def sequence(self, parts: Sequence[str], chart: Chart) -> Chart:
        for part in parts:
            reached: defaultdict[int, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
            for middle, (count, probability) in chart.items():
                for end, (more, factor) in self.ends(part, middle).items():
                    reached[end] = (reached[end][0] + count * more, reached[end][1] + probability * factor)
            chart = dict(reached)
        return chart


@pytest.fixture(scope="module")
def sentences() -> list[ToySentence]:
    return generate(7, "ambiguity", 20_000)


def assert_one_derivation(sentences: Sequence[ToySentence]) -> None:
    for sentence in sentences:
        count, probability = Parser(GRAMMAR, sentence.words).whole()
        assert count == 1, " ".join(sentence.words)
        assert math.log(probability) == pytest.approx(sentence.log_probability, abs=1e-9)


def test_the_parser_finds_ambiguity() -> None:
    grammar = Grammar(
        "S",
        {
            "S": (phrase(0.5, "A", "S"), phrase(0.25, "A", "A"), phrase(0.25, "A", "B")),
            "A": (Entry(("a",), "X", ()),),
            "B": (Entry(("a",), "X", (), 0.5), Entry(("a", "a"), "X", (), 0.5)),
        },
    )
    assert Parser(grammar, ("a", "a")).whole() == (2, 0.25 + 0.25 * 0.5)
    assert Parser(grammar, ("a", "a", "a")).whole() == (3, 0.25 * 0.5 + 0.5 * (0.25 + 0.125))
    assert Parser(grammar, ("a",)).whole() == (0, 0.0)


def test_thousands_of_sentences_have_one_derivation(sentences: list[ToySentence]) -> None:
    assert_one_derivation(sentences[:3000])


def test_the_longest_of_many_sentences_have_one_derivation(sentences: list[ToySentence]) -> None:
    longest = sorted(sentences, key=lambda sentence: len(sentence.words))[-700:]
    assert len(longest[0].words) > 20
    assert_one_derivation(longest)


def mirrored(rule: Rule) -> Rule:
    """The rule of the other language, from right to left: read so, that grammar is not left-recursive."""
    if isinstance(rule, Entry):
        return replace(rule, words=rule.translation[::-1])
    return phrase(rule.probability, *(rule.parts[place] for place in reversed(rule.order)))


def test_a_translation_may_be_that_of_two_sentences() -> None:
    """*one horse that john blames sleeps* and *one horse that blames john sleeps*: nothing marks the object."""
    other = Grammar(GRAMMAR.start, {symbol: tuple(map(mirrored, rules)) for symbol, rules in GRAMMAR.rules.items()})
    derivations = {
        words: Parser(other, words.split()[::-1]).whole()[0]
        for words in ("un drumo kiu jono kulpas lente peras .", "un drumo lente peras .")
    }
    assert list(derivations.values()) == [2, 1]


@pytest.mark.parametrize(
    "words",
    [
        "the dogs near the house barks .",
        "the kings near the house sings .",
        "the king near the houses sing .",
        "the king sings , do n't they ?",
        "the king sings , does n't she ?",
        "the king sings , is n't he ?",
        "these king sings .",
        "the king that the queens sees sings .",
        "the king sings",
    ],
)
def test_what_breaks_agreement_is_no_sentence(words: str) -> None:
    assert Parser(GRAMMAR, words.split()).whole() == (0, 0.0)


@pytest.mark.parametrize(
    "words",
    [
        "the kings near the house sing .",
        "the king near the houses sings , does n't he ?",
        "the girl that the kings near the river see is not kind .",
        "mary knows that these boys sing , does n't she ?",
        "when it moves , they laugh .",
    ],
)
def test_what_agrees_is_a_sentence(words: str) -> None:
    assert Parser(GRAMMAR, words.split()).whole()[0] == 1


def test_the_annotated_verb_is_the_one_that_agrees(sentences: list[ToySentence]) -> None:
    """With the same verb in the other number it is no sentence any more."""
    pairs = [row[:2] for rows in lexicon.VERBS.values() for row in rows] + [("is", "are")]
    other = dict(pairs) | {plural: singular for singular, plural in pairs}
    for sentence in sentences[:1000]:
        words = list(sentence.words)
        words[sentence.verb_index] = other[words[sentence.verb_index]]
        assert Parser(GRAMMAR, words).whole() == (0, 0.0), " ".join(words)


Derivations = list[tuple[tuple[str, ...], float]]


@cache
def expand(symbol: str, room: int) -> Derivations:
    """Every derivation of a symbol with at most ``room`` words: its words and its probability."""
    found: Derivations = []
    for rule in GRAMMAR.rules[symbol]:
        if isinstance(rule, Entry):
            found += [(rule.words, rule.probability)] if len(rule.words) <= room else []
        else:
            found += [(words, rule.probability * rest) for words, rest in expand_parts(rule.parts, room)]
    return found


def expand_parts(parts: tuple[str, ...], room: int) -> Derivations:
    if not parts:
        return [((), 1.0)]
    return [
        (words + more, probability * factor)
        for words, probability in expand(parts[0], room - len(parts) + 1)
        for more, factor in expand_parts(parts[1:], room - len(words))
    ]


def mass_by_length(most: int) -> dict[int, Fraction]:
    """Probability of a sentence to have each length, from the rules alone."""
    known: dict[tuple[str, int], Fraction] = {}

    def symbol_mass(symbol: str, length: int) -> Fraction:
        if (symbol, length) not in known:
            total = Fraction(0)
            for rule in GRAMMAR.rules[symbol]:
                share = Fraction(rule.probability)
                if isinstance(rule, Entry):
                    total += share * (len(rule.words) == length)
                else:
                    total += share * parts_mass(rule.parts, length)
            known[symbol, length] = total
        return known[symbol, length]

    def parts_mass(parts: tuple[str, ...], length: int) -> Fraction:
        if len(parts) == 1:
            return symbol_mass(parts[0], length)
        firsts = range(1, length - len(parts) + 2)
        return sum(
            (symbol_mass(parts[0], first) * parts_mass(parts[1:], length - first) for first in firsts), Fraction(0)
        )

    return {length: symbol_mass(GRAMMAR.start, length) for length in range(1, most + 1)}


def test_all_short_sentences_are_different_and_share_their_part_of_the_probability() -> None:
    derivations = expand(GRAMMAR.start, 5)
    assert len(derivations) > 10_000
    assert len({words for words, _ in derivations}) == len(derivations), "a sentence has two derivations"
    total = math.fsum(probability for _, probability in derivations)
    assert total == pytest.approx(float(sum(mass_by_length(5).values())), rel=1e-9)
    assert 0 < total < 1


def test_lengths_are_distributed_as_the_rules_say(sentences: list[ToySentence]) -> None:
    expected = mass_by_length(12)
    lengths = np.array([len(sentence.words) for sentence in sentences])
    for length, share in expected.items():
        error = 5 * math.sqrt(float(share) / len(sentences)) + 1e-9
        assert np.mean(lengths == length) == pytest.approx(float(share), abs=error)


def symbol_matrix() -> tuple[list[str], np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """Expected number of parts of every kind that one symbol is replaced with."""
    symbols = sorted(GRAMMAR.rules)
    matrix = np.zeros((len(symbols), len(symbols)))
    for symbol, rules in GRAMMAR.rules.items():
        for rule in rules:
            for part in () if isinstance(rule, Entry) else rule.parts:
                matrix[symbols.index(symbol), symbols.index(part)] += rule.probability
    return symbols, matrix


def test_recursion_dies_out_so_the_probabilities_of_all_sentences_add_up_to_one() -> None:
    """A proper grammar is consistent when the mean number of descendants shrinks (Booth and Thompson, 1973)."""
    _, matrix = symbol_matrix()
    assert np.abs(np.linalg.eigvals(matrix)).max() < 0.9


def test_mean_log_probability_is_the_entropy_of_the_grammar(sentences: list[ToySentence]) -> None:
    """Entropy of a derivation = sum over symbols of their expected number times the entropy of their rules."""
    symbols, matrix = symbol_matrix()
    start = np.array([symbol == GRAMMAR.start for symbol in symbols], dtype=np.float64)
    expected_counts = np.linalg.solve(np.eye(len(symbols)) - matrix.T, start)
    entropies = [-sum(rule.probability * math.log(rule.probability) for rule in GRAMMAR.rules[s]) for s in symbols]
    surprises = np.array([-sentence.log_probability for sentence in sentences])
    error = 5 * surprises.std() / math.sqrt(len(sentences))
    assert surprises.mean() == pytest.approx(float(expected_counts @ entropies), abs=error)


def test_the_language_has_the_promised_size_and_one_word_of_two_kinds() -> None:
    words = GRAMMAR.words()
    assert 150 <= len(words) <= 250
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for entry in (rule for rules in GRAMMAR.rules.values() for rule in rules if isinstance(rule, Entry)):
        for word in entry.words:
            kinds[word].add(entry.part_of_speech)
    assert {word: tags for word, tags in kinds.items() if len(tags) > 1} == {"that": {"SCONJ", "PRON"}}


def test_a_grammar_checks_itself() -> None:
    with pytest.raises(ValueError, match=r"the probabilities of S must add up to one, not 0\.5"):
        Grammar("S", {"S": (Entry(("a",), "X", (), 0.5),)})
    with pytest.raises(ValueError, match="S needs rules for A, B"):
        Grammar("S", {"S": (phrase(1, "B", "A"),)})
