from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.text import UNKNOWN, Vocabulary
from unroll.contract import UserError

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=4)


def test_frequent_words_come_first_and_equal_ones_by_code_point() -> None:
    assert Vocabulary.fit("bacbZ").words == ("b", "Z", "a", "c")


def test_no_unknown_word_without_need() -> None:
    vocabulary = Vocabulary.fit(["a", "b"])
    assert vocabulary.unknown is None
    with pytest.raises(UserError, match="every word must be in the vocabulary, which has no <unk>"):
        vocabulary.encode(["a", "c"])


def test_an_unknown_word_of_the_text_is_a_word_like_any_other() -> None:
    vocabulary = Vocabulary.fit(["a", UNKNOWN, UNKNOWN])
    assert vocabulary.words == (UNKNOWN, "a")
    assert vocabulary.unknown == 0
    assert vocabulary.with_unknown() is vocabulary


@pytest.mark.parametrize(
    ("size", "minimum_count", "expected"),
    [
        (None, 1, ("a", "b", "c", "d")),
        (4, 1, ("a", "b", "c", "d")),
        (3, 1, ("a", "b", "<unk>")),
        (None, 2, ("a", "b", "<unk>")),
        (2, 2, ("a", "<unk>")),
        (1, 1, ("<unk>",)),
    ],
)
def test_cuts(size: int | None, minimum_count: int, expected: tuple[str, ...]) -> None:
    vocabulary = Vocabulary.fit("aaabbcd", size=size, minimum_count=minimum_count)
    assert vocabulary.words == expected


def test_required_words_survive_every_cut() -> None:
    vocabulary = Vocabulary.fit("aaabbc", size=3, minimum_count=3, required=["c"])
    assert vocabulary.words == ("a", "c", "<unk>")
    assert Vocabulary.fit(["a"], required=["z"]).words == ("a", "z")


def test_a_size_without_room_for_what_is_required_is_refused() -> None:
    with pytest.raises(UserError) as caught:
        Vocabulary.fit(["a", "b", "c"], size=1, required=["c"])
    assert str(caught.value) == "the vocabulary must have room for <unk>, c (received size 1)"


def test_words_are_distinct() -> None:
    with pytest.raises(UserError, match=r"the words of a vocabulary must be distinct \(received 'a' twice\)"):
        Vocabulary(("a", "b", "a"))


@settings(deadline=None, max_examples=100)
@given(st.lists(words, min_size=1), st.integers(2, 9), st.integers(1, 3))
def test_numbers_and_back(tokens: list[str], size: int, minimum_count: int) -> None:
    vocabulary = Vocabulary.fit(tokens, size=size, minimum_count=minimum_count)
    counts = Counter(tokens)
    numbers = vocabulary.encode(tokens)
    assert numbers.dtype == np.int32
    assert len(vocabulary) <= size
    for token, back in zip(tokens, vocabulary.decode(numbers), strict=True):
        assert back == token or (back == UNKNOWN and token not in vocabulary)
    kept = {counts[word] for word in vocabulary.words if word != UNKNOWN}
    lost = {counts[word] for word in counts if word not in vocabulary}
    assert not kept or min(kept) >= max(lost, default=0), "no word is kept instead of a more frequent one"
    assert Vocabulary.fit(counts, size=size, minimum_count=minimum_count) == vocabulary, "counts say the same"


@settings(deadline=None, max_examples=50)
@given(st.lists(words, unique=True))
def test_saved_and_read(tmp_path_factory: pytest.TempPathFactory, listed: list[str]) -> None:
    path: Path = tmp_path_factory.mktemp("vocabulary") / "vocabulary.json"
    Vocabulary(tuple(listed)).save(path)
    assert Vocabulary.read(path) == Vocabulary(tuple(listed))
