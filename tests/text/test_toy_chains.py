"""The dialect with up to four nouns between subject and verb: nothing but the subject tells the verb's number."""

import hashlib
from collections import Counter

import pytest

from tasks.text.toy import ToySentence, generate, toy_grammar, verb_forms

SINGULAR_WORDS = {"this", "every", "one"}
PLURAL_WORDS = {"these", "many", "two"}


@pytest.fixture(scope="module")
def sentences() -> list[ToySentence]:
    return generate(1, "test", 4000, "chains")


def numbers_between(sentence: ToySentence) -> list[bool]:
    """Whether each noun between subject and verb is plural, told by its form alone."""
    between = range(sentence.subject_index + 1, sentence.verb_index)
    nouns = [sentence.words[place] for place in between if sentence.parts_of_speech[place] == "NOUN"]
    return [(noun.endswith("s") and noun != "waitress") or noun in {"men", "women"} for noun in nouns]


def test_known_truth_is_that_of_the_words(sentences: list[ToySentence]) -> None:
    for sentence in sentences:
        plural = sentence.subject_number == "plural"
        assert sum(number != plural for number in numbers_between(sentence)) == sentence.attractors
        before = set(sentence.words[: sentence.subject_index])
        assert not before & (SINGULAR_WORDS if plural else PLURAL_WORDS)
        assert sentence.words[sentence.verb_index] in verb_forms("chains")
        assert sentence.words[sentence.verb_index] == verb_forms("chains")[sentence.words[sentence.verb_index]][plural]


def test_nouns_between_are_none_to_four_and_independent_of_the_subject(sentences: list[ToySentence]) -> None:
    lengths = Counter(len(numbers_between(sentence)) for sentence in sentences)
    assert set(lengths) == {0, 1, 2, 3, 4}
    for times in lengths.values():
        assert times == pytest.approx(800, abs=100)  # four standard deviations
    alike = [n == (s.subject_number == "plural") for s in sentences for n in numbers_between(s)]
    assert sum(alike) / len(alike) == pytest.approx(0.5, abs=0.025)
    assert {sentence.attractors for sentence in sentences} == {0, 1, 2, 3, 4}


def test_its_words_are_those_that_it_can_say(sentences: list[ToySentence]) -> None:
    said = {word for sentence in generate(1, "more", 20_000, "chains") for word in sentence.words}
    assert said == set(toy_grammar("chains").words())
    assert said < set(toy_grammar().words())


@pytest.mark.parametrize(
    ("dialect", "digest"),
    [("plain", "f5cb79a251ab3190"), ("homographs", "db1399eb57e287e2")],
)
def test_the_other_dialects_say_what_they_always_said(dialect: str, digest: str) -> None:
    """Recorded before there was a third dialect."""
    text = "\n".join(" ".join(sentence.words) for sentence in generate(1, "train", 500, dialect))  # type: ignore[arg-type]
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


def test_verbs_have_two_forms() -> None:
    assert verb_forms("chains")["are"] == ("is", "are")
    assert verb_forms("homographs")["walks"] == verb_forms("homographs")["walk"] == ("walks", "walk")
