"""What the best reader can reach who sees one side of a word only, exactly: the study ``direction`` quotes it.

The tag of a word has a distribution given the word and all before it, and another given the word and all after it. Both
come from the grammar: sums over all derivations of all sentences that begin, or end, like the one that is read.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pytest

from tasks.text.toy import ToySentence, generate, toy_grammar
from tasks.text.toy.rules import Entry, Grammar

GRAMMAR = toy_grammar("homographs")
TAGS = GRAMMAR.parts_of_speech()
SYMBOLS = sorted(GRAMMAR.rules)
Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]


def last_parts(grammar: Grammar) -> Matrix:
    """How probably a symbol's last part is which symbol, shape (symbols, symbols)."""
    matrix = np.zeros((len(SYMBOLS), len(SYMBOLS)))
    for symbol, rules in grammar.rules.items():
        for rule in rules:
            if not isinstance(rule, Entry):
                matrix[SYMBOLS.index(symbol), SYMBOLS.index(rule.parts[-1])] += rule.probability
    return matrix


CLOSURE = np.linalg.inv(np.eye(len(SYMBOLS)) - last_parts(GRAMMAR))
"""Expected number of symbols on the right edge of a symbol's tree: a tree branches to the right without end."""


class Reader:
    """One sentence, read from either side."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self.memory: dict[tuple[str, int], dict[int, float]] = {}
        self.spans: defaultdict[tuple[str, int], dict[int, float]] = defaultdict(dict)
        for symbol in SYMBOLS:
            for begin in range(len(words)):
                for end, probability in self.ends(symbol, begin).items():
                    self.spans[symbol, end][begin] = probability

    def ends(self, symbol: str, begin: int) -> dict[int, float]:
        """Probability that the symbol becomes exactly the words from here to each place."""
        if (symbol, begin) not in self.memory:
            found: defaultdict[int, float] = defaultdict(float)
            for rule in GRAMMAR.rules[symbol]:
                chart = {begin: rule.probability}
                if isinstance(rule, Entry):
                    end = begin + len(rule.words)
                    chart = {end: rule.probability} if self.words[begin:end] == rule.words else {}
                else:
                    for part in rule.parts:
                        chart = self.longer(chart, part)
                for end, probability in chart.items():
                    found[end] += probability
            self.memory[symbol, begin] = dict(found)
        return self.memory[symbol, begin]

    def longer(self, chart: dict[int, float], part: str) -> dict[int, float]:
        reached: defaultdict[int, float] = defaultdict(float)
        for middle, probability in chart.items():
            for end, factor in self.ends(part, middle).items():
                reached[end] += probability * factor
        return reached

    def from_the_left(self, place: int) -> Counter[str]:
        """Tag of a word -> probability of all sentences that begin with the words up to it and have this tag there."""
        known: dict[tuple[str, int], Counter[str]] = {}

        def covers(symbol: str, begin: int) -> Counter[str]:
            """The symbol begins here and holds the word at ``place``; what comes after that is free."""
            if (symbol, begin) in known:
                return known[symbol, begin]
            found: Counter[str] = Counter()
            read = self.words[begin : place + 1]
            for rule in GRAMMAR.rules[symbol]:
                if isinstance(rule, Entry):
                    if rule.words[: len(read)] == read:
                        found[rule.part_of_speech] += rule.probability  # type: ignore[assignment]
                    continue
                chart = {begin: rule.probability}
                for part in rule.parts:
                    for middle, probability in chart.items():
                        for tag, factor in covers(part, middle).items():
                            found[tag] += probability * factor  # type: ignore[assignment]
                    chart = {end: p for end, p in self.longer(chart, part).items() if end <= place}
            known[symbol, begin] = found
            return found

        return covers(GRAMMAR.start, 0)

    def from_the_right(self, place: int) -> Counter[str]:
        """Tag of a word -> probability of all sentences that end with it and the words after it and have this tag."""
        covers: dict[int, Matrix] = {}
        for end in range(place + 1, len(self.words) + 1):
            rows = np.zeros((len(SYMBOLS), len(TAGS)))
            read = self.words[place:end]
            for row, symbol in enumerate(SYMBOLS):
                for rule in GRAMMAR.rules[symbol]:
                    if isinstance(rule, Entry):
                        if rule.words[-len(read) :] == read:
                            rows[row, TAGS.index(rule.part_of_speech)] += rule.probability
                        continue
                    chart = {end: rule.probability}
                    for part in reversed(rule.parts):
                        for middle, probability in chart.items():
                            if middle != end:
                                rows[row] += probability * covers[middle][SYMBOLS.index(part)]
                        chart = self.earlier(chart, part, place)
            covers[end] = CLOSURE @ rows
        last = covers[len(self.words)][SYMBOLS.index(GRAMMAR.start)]
        return Counter(dict(zip(TAGS, last.tolist(), strict=True)))

    def earlier(self, chart: dict[int, float], part: str, place: int) -> dict[int, float]:
        reached: defaultdict[int, float] = defaultdict(float)
        for middle, probability in chart.items():
            for begin, factor in self.spans[part, middle].items():
                if begin > place:
                    reached[begin] += probability * factor
        return reached


def best_accuracies(sentences: Sequence[ToySentence]) -> tuple[float, float]:
    """Accuracy of the likeliest tag given the left side, and given the right side, each with the word itself."""
    right, tokens = [0, 0], 0
    for sentence in sentences:
        reader = Reader(sentence.words)
        for place, tag in enumerate(sentence.parts_of_speech):
            tokens += 1
            for side, found in enumerate((reader.from_the_left(place), reader.from_the_right(place))):
                right[side] += max(TAGS, key=lambda each: found[each]) == tag
    return right[0] / tokens, right[1] / tokens


@pytest.fixture(scope="module")
def sentences() -> list[ToySentence]:
    return generate(3, "one side", 20_000, "homographs")


def test_the_first_words_are_as_probable_as_they_are_frequent(sentences: list[ToySentence]) -> None:
    for words in (["the"], ["the", "light"], ["mary"], ["new", "york"]):
        share = np.mean([list(sentence.words[: len(words)]) == words for sentence in sentences])
        assert sum(Reader(words).from_the_left(len(words) - 1).values()) == pytest.approx(share, abs=0.01)


def test_the_last_words_are_as_probable_as_they_are_frequent(sentences: list[ToySentence]) -> None:
    for words in (["."], ["it", "?"], ["small", "."], ["n't", "they", "?"], ["walks", "."]):
        share = np.mean([list(sentence.words[-len(words) :]) == words for sentence in sentences])
        assert sum(Reader(words).from_the_right(0).values()) == pytest.approx(share, abs=0.01)


def test_who_has_read_it_all_knows_the_probability_of_the_sentence(sentences: list[ToySentence]) -> None:
    for sentence in sentences[:50]:
        reader = Reader(sentence.words)
        whole = reader.ends(GRAMMAR.start, 0)[len(sentence.words)]
        for found, tag in (
            (reader.from_the_left(len(sentence.words) - 1), sentence.parts_of_speech[-1]),
            (reader.from_the_right(0), sentence.parts_of_speech[0]),
        ):
            assert whole == pytest.approx(np.exp(sentence.log_probability))
            assert found[tag] >= whole * (1 - 1e-9)


def test_a_garden_path_is_one_from_the_left_only() -> None:
    reader = Reader(["the", "light", "guards", "the", "king", "."])
    left, right = reader.from_the_left(2), reader.from_the_right(2)
    assert min(left["VERB"], left["NOUN"]) > 0.05 * sum(left.values())
    assert right["VERB"] == pytest.approx(sum(right.values()))


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [(60, (0.9894, 0.9909)), pytest.param(600, (0.9915, 0.9871), marks=pytest.mark.slow)],
)
def test_one_side_is_not_enough(sentences: int, expected: tuple[float, float]) -> None:
    """On the validation text of the default size, which is the second: ``studies/direction/README.md`` quotes it."""
    left, right = best_accuracies(generate(1, "validation", sentences, "homographs"))
    assert (round(left, 4), round(right, 4)) == expected
