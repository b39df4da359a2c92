"""The dialect whose persons and places share names; the other dialects are what they were before it came."""

import hashlib
from collections import defaultdict

import pytest

from tasks.text.toy import Dialect, generate


@pytest.mark.parametrize(
    ("dialect", "seed", "expected"),
    [
        ("plain", 1, "ffaf2ed0d782f531"),
        ("plain", 2, "37b2a5299c310325"),
        ("homographs", 1, "f121e3b339cb6748"),
        ("homographs", 2, "4872d875a818f7dd"),
    ],
)
def test_texts_of_the_other_dialects_are_what_they_were(dialect: Dialect, seed: int, expected: str) -> None:
    """Recorded before there were namesakes, of 500 sentences with all that is known about them."""
    text = repr(generate(seed, "train", 500, dialect)).encode()
    assert hashlib.sha256(text).hexdigest()[:16] == expected


def test_a_name_may_be_a_person_or_a_place_and_its_words_agree() -> None:
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for sentence in generate(3, "train", 3000, "namesakes"):
        before = "O"
        for word, tag in zip(sentence.words, sentence.entity_tags, strict=True):
            kinds[word].add(tag)
            assert not tag.startswith("I-") or before[2:] == tag[2:]
            before = tag
    assert kinds["florence"] == {"B-PER", "B-LOC"}
    assert kinds["lincoln"] == {"I-PER", "I-LOC", "B-LOC"}
    assert kinds["mary"] == {"B-PER"}
    assert kinds["cairo"] == {"B-LOC"}
    assert all(found == {"O"} for word, found in kinds.items() if word in {"the", "dog", "sings", "?"})


def test_a_question_at_the_end_tells_person_from_place() -> None:
    told = {
        (sentence.entity_tags[0], sentence.words[-2])
        for sentence in generate(3, "train", 20_000, "namesakes")
        if sentence.words[0] == "florence" and sentence.words[-1] == "?"
    }
    assert told == {("B-PER", "she"), ("B-LOC", "it")}
