"""The dialect whose words have several parts of speech: told by the whole sentence, not always by its beginning."""

from collections import defaultdict
from collections.abc import Sequence

import pytest

from tasks.text.toy import ToySentence, generate, toy_grammar
from tasks.text.toy.derivation import Derivation
from tasks.text.toy.rules import Entry, Grammar
from tasks.text.toy.sentence import annotate


class Parser:
    """Every derivation of a sentence, top-down with a memory; knows nothing of how sentences are drawn."""

    def __init__(self, grammar: Grammar, words: Sequence[str]) -> None:
        self.grammar, self.words = grammar, tuple(words)
        self.memory: dict[tuple[str, int], dict[int, list[Derivation]]] = {}

    def whole(self) -> list[Derivation]:
        return self.ends(self.grammar.start, 0).get(len(self.words), [])

    def ends(self, symbol: str, begin: int) -> dict[int, list[Derivation]]:
        if (symbol, begin) not in self.memory:
            found: defaultdict[int, list[Derivation]] = defaultdict(list)
            for rule in self.grammar.rules[symbol]:
                if isinstance(rule, Entry):
                    end = begin + len(rule.words)
                    if self.words[begin:end] == rule.words:
                        found[end].append(Derivation(symbol, rule, ()))
                    continue
                rows: list[tuple[int, tuple[Derivation, ...]]] = [(begin, ())]
                for part in rule.parts:
                    rows = [
                        (end, (*parts, more))
                        for middle, parts in rows
                        for end, derivations in self.ends(part, middle).items()
                        for more in derivations
                    ]
                for end, parts in rows:
                    found[end].append(Derivation(symbol, rule, parts))
            self.memory[symbol, begin] = dict(found)
        return self.memory[symbol, begin]


GRAMMAR = toy_grammar("homographs")


def tags(words: str) -> str:
    """Parts of speech of a sentence with one derivation."""
    (derivation,) = Parser(GRAMMAR, words.split()).whole()
    return " ".join(annotate(derivation).parts_of_speech)


@pytest.fixture(scope="module")
def sentences() -> list[ToySentence]:
    return generate(7, "homographs", 12_000, "homographs")


def test_thousands_of_sentences_have_one_derivation_and_so_one_reading(sentences: list[ToySentence]) -> None:
    longest = sorted(sentences, key=lambda sentence: len(sentence.words))[-400:]
    for sentence in sentences[:2000] + longest:
        assert tags(" ".join(sentence.words)) == " ".join(sentence.parts_of_speech)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("the light guards the king .", "DET NOUN VERB DET NOUN PUNCT"),
        ("the light guards sleep .", "DET ADJ NOUN VERB PUNCT"),
        ("the light guards that watch .", "DET NOUN VERB DET NOUN PUNCT"),
        ("the light guards that watch sleep .", None),
        ("the light guards that sleep wait .", "DET ADJ NOUN PRON VERB VERB PUNCT"),
        ("mary knows that dog .", "PROPN VERB DET NOUN PUNCT"),
        ("mary knows that that dog sleeps .", "PROPN VERB SCONJ DET NOUN VERB PUNCT"),
        ("the dog that walks sleeps .", "DET NOUN PRON VERB VERB PUNCT"),
        ("these walks fall .", "DET NOUN VERB PUNCT"),
    ],
)
def test_what_follows_decides(words: str, expected: str | None) -> None:
    if expected is None:
        assert not Parser(GRAMMAR, words.split()).whole()
    else:
        assert tags(words) == expected


def test_words_with_several_parts_of_speech_are_common(sentences: list[ToySentence]) -> None:
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for sentence in sentences:
        for word, tag in zip(sentence.words, sentence.parts_of_speech, strict=True):
            kinds[word].add(tag)
    several = {word for word, found in kinds.items() if len(found) > 1}
    assert {"guard", "guards", "light", "that", "walks"} <= several
    assert kinds["light"] == {"ADJ", "NOUN"}
    assert kinds["that"] == {"DET", "PRON", "SCONJ"}
    tokens = [word in several for sentence in sentences for word in sentence.words]
    assert 0.2 < sum(tokens) / len(tokens) < 0.35


def test_it_is_the_same_language_with_other_words() -> None:
    plain = toy_grammar()
    assert plain is not GRAMMAR
    assert plain.rules.keys() == GRAMMAR.rules.keys()
    for symbol, rules in plain.rules.items():
        if not isinstance(rules[0], Entry):
            assert rules == GRAMMAR.rules[symbol]
    assert plain.parts_of_speech() == GRAMMAR.parts_of_speech()
    assert generate(1, "train", 3) == generate(1, "train", 3, "plain") != generate(1, "train", 3, "homographs")
