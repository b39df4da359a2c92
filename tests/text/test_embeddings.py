"""A corpus with word vectors: which words have one, how much of the text that is, and what it is known by."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.text import Vocabulary
from tasks.text.embeddings import WordVectorSettings, embedding_size, lookup, with_word_vectors
from tasks.text.running import TokenCorpus
from unroll.contract import UserError, find_locations

WORDS = ("the", "The", "Dogs", "unseen", "<unk>")
TABLE = {"the": [1.0, 2.0], "dogs": [3.0, 4.0], "The": [5.0, 6.0], "other": [7.0, 8.0]}
Prepare = Callable[..., TokenCorpus]


def ids(*numbers: int) -> Any:
    return np.array(numbers, np.int32)


CORPUS = TokenCorpus(
    vocabulary=Vocabulary(WORDS),
    train=ids(0, 0, 1, 3),
    validation=ids(2, 4),
    test=ids(4, 3, 3),
    start=0,
    facts={"vocabulary": 5},
    bounds={},
    fingerprint="of the text",
)


def write(file: Path, table: Mapping[str, list[float]]) -> Path:
    file.write_text("".join(f"{word} {' '.join(map(str, values))}\n" for word, values in table.items()))
    return file


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """Gives the corpus with the vectors of a table: ``prepare(TABLE, word_vectors_use="frozen")``."""

    def build(table: Mapping[str, list[float]] = TABLE, *, name: str = "vectors.txt", **more: Any) -> TokenCorpus:
        chosen = WordVectorSettings.model_validate({"word_vectors": write(tmp_path / name, table), **more})
        return with_word_vectors(CORPUS, chosen, tmp_path / "cache")

    return build


def test_a_word_has_the_vector_of_its_form_or_else_of_its_lower_case_form(prepare: Prepare) -> None:
    vectors = prepare().vectors
    assert vectors is not None
    np.testing.assert_array_equal(vectors.words, [0, 1, 2])
    np.testing.assert_array_equal(vectors.values, [[1, 2], [5, 6], [3, 4]])
    assert not vectors.frozen


def test_coverage_is_a_fact_beside_those_of_the_text(prepare: Prepare) -> None:
    norms = [np.hypot(1, 2), np.hypot(5, 6), np.hypot(3, 4)]
    assert prepare().facts == {
        "vocabulary": 5,
        "word vectors": 4,
        "repeated word vectors": 0,
        "word vectors of undecodable words": 0,
        "word vector size": 2,
        "word vectors' mean norm": pytest.approx(np.mean(norms)),
        "vocabulary with a word vector": 0.6,
        "vocabulary with that of the lower-case form": 0.2,
        "train tokens with a word vector": 0.75,
        "validation tokens with a word vector": 0.5,
        "test tokens with a word vector": 0.0,
    }


def test_the_fingerprint_holds_the_vectors_of_the_words_and_no_more(prepare: Prepare) -> None:
    fingerprint = prepare().fingerprint
    assert fingerprint != CORPUS.fingerprint
    assert prepare(name="elsewhere.txt").fingerprint == fingerprint
    assert prepare({**TABLE, "another": [0.0, 0.0]}).fingerprint == fingerprint
    assert prepare(word_vectors_use="frozen").fingerprint == fingerprint  # a setting, which has a place of its own
    assert prepare({**TABLE, "dogs": [3.0, 4.5]}).fingerprint != fingerprint
    assert prepare({word: TABLE[word] for word in ("the", "The")}).fingerprint != fingerprint
    assert prepare({**TABLE, "unseen": [0.0, 0.0]}).fingerprint != fingerprint


def test_a_file_is_read_once(prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepare()
    monkeypatch.setattr(lookup, "read_vectors", lambda *_: pytest.fail("read again"))
    again = prepare(word_vectors_use="frozen")
    assert first.vectors
    assert again.vectors
    np.testing.assert_array_equal(first.vectors.values, again.vectors.values)
    assert (again.facts, again.vectors.frozen) == (first.facts, True)


def test_another_vocabulary_is_looked_up_anew(tmp_path: Path) -> None:
    chosen = WordVectorSettings(word_vectors=write(tmp_path / "vectors.txt", TABLE))
    swapped = replace(CORPUS, vocabulary=Vocabulary(("other", *WORDS[1:])))
    for corpus, first in ((CORPUS, [1, 2]), (swapped, [7, 8])):
        vectors = with_word_vectors(corpus, chosen, tmp_path / "cache").vectors
        assert vectors
        np.testing.assert_array_equal(vectors.values[0], first)


def test_without_a_file_nothing_changes(tmp_path: Path) -> None:
    assert with_word_vectors(CORPUS, WordVectorSettings(), tmp_path) is CORPUS


def test_a_file_without_any_of_the_words_is_refused(prepare: Prepare, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        prepare({"hund": [1.0, 2.0]})
    assert str(caught.value) == (
        f"{tmp_path}/vectors.txt: a file of word vectors must have a word of the vocabulary (received none of "
        "5 words); is it of the same language? are tokens words, and not characters?"
    )


def test_the_size_is_that_of_the_file(prepare: Prepare) -> None:
    assert prepare(embedding=2).vectors
    assert prepare(embedding=None).vectors
    with pytest.raises(UserError) as caught:
        prepare(embedding=64)
    assert str(caught.value) == (
        "network.embedding: an embedding must be as large as the word vectors that it begins with "
        "(received 64, and vectors of 2 values); set network.embedding to 2, or leave it out"
    )


def test_an_embedding_is_as_large_as_asked_or_as_the_vectors(prepare: Prepare, tmp_path: Path) -> None:
    vectors = prepare().vectors
    assert embedding_size(WordVectorSettings(), None) == 64
    assert embedding_size(WordVectorSettings(), None, otherwise=7) == 7
    assert embedding_size(WordVectorSettings(embedding=5), None, otherwise=7) == 5
    assert embedding_size(WordVectorSettings(word_vectors=tmp_path), vectors) == 2


def test_frozen_without_a_file_is_refused() -> None:
    with pytest.raises(ValueError, match="word_vectors_use frozen needs word_vectors: name a file"):
        WordVectorSettings(word_vectors_use="frozen")


def test_the_file_is_a_location() -> None:
    assert find_locations(WordVectorSettings) == {"word_vectors"}
    path = WordVectorSettings(word_vectors=Path("vectors.txt")).word_vectors
    assert path
    assert path.is_absolute()
