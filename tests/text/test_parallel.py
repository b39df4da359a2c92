"""Parallel corpora: what every kind promises, and the toy language with its translation."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.text.parallel import ParallelCorpus, ParallelData, ParallelText, load
from tasks.text.parallel.settings import READERS
from tasks.text.toy import generate
from unroll.contract import find_locations, find_measurements


def pairs_of(corpus: ParallelCorpus, text: ParallelText) -> list[tuple[str, str, str]]:
    """Tokens of both sides with a blank between each two, and the reference."""
    found = []
    for place, reference in enumerate(text.references):
        sides = [
            " ".join(words.decode(side.words[slice(*side.begins[place : place + 2])]))
            for side, words in ((text.source, corpus.vocabulary), (text.target, corpus.target_vocabulary))
        ]
        found.append((sides[0], sides[1], reference))
    return found


# Every kind


def test_every_reader_is_a_kind_of_corpus(root: Path) -> None:
    files = (root / "tasks" / "text" / "parallel" / "readers").glob("[!_]*.py")
    assert set(READERS.names) == {file.stem for file in files}


@pytest.mark.parametrize("corpus", READERS.names)
def test_a_kind_of_corpus_is_built_of_its_settings_and_no_others(corpus: str) -> None:
    options = set(READERS.options(corpus))
    assert options <= set(ParallelData.model_fields) - {"corpus"}
    content = READERS.build(ParallelData(corpus=corpus)).content()
    assert set(content) - {"reader", "version"} == options - {"path"}


def test_an_editor_can_offer_the_kinds_and_explain_the_fields() -> None:
    properties = ParallelData.model_json_schema()["properties"]
    assert properties["corpus"]["enum"] == list(READERS.names)
    assert all(field["description"] for field in properties.values())
    assert find_locations(ParallelData) == {"path"}
    assert not find_measurements(ParallelData)


def test_a_corpus_travels_and_is_mapped_from_the_cache(tmp_path: Path) -> None:
    corpus = load(ParallelData(sentences=5), tmp_path)
    assert isinstance(corpus.train.source.words, np.memmap)
    copy = pickle.loads(pickle.dumps(corpus))
    assert (copy.fingerprint, copy.target_vocabulary) == (corpus.fingerprint, corpus.target_vocabulary)
    assert pairs_of(copy, copy.train) == pairs_of(corpus, corpus.train)


# The toy language


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> ParallelCorpus:
    return load(ParallelData(), tmp_path_factory.mktemp("cache"))


def test_the_toy_language_is_the_default_and_needs_nothing(toy: ParallelCorpus) -> None:
    assert [len(text) for text in (toy.train, toy.validation, toy.test)] == [3000, 600, 600]
    expected = [(each.words, each.translation) for each in generate(1, "train", 3000)]
    expected_pairs = [(" ".join(words), " ".join(other), " ".join(other)) for words, other in expected]
    assert pairs_of(toy, toy.train) == expected_pairs
    assert toy.bounds["test/bleu"] == 100
    assert {"<eos>", "<unk>"} <= set(toy.vocabulary.words) & set(toy.target_vocabulary.words)
    assert not toy.warnings


def test_backward_is_the_same_the_other_way_round(tmp_path: Path, toy: ParallelCorpus) -> None:
    back = load(ParallelData(direction="backward"), tmp_path)
    assert (back.vocabulary, back.target_vocabulary) == (toy.target_vocabulary, toy.vocabulary)
    assert [(source, target) for source, target, _ in pairs_of(back, back.test)] == [
        (target, source) for source, target, _ in pairs_of(toy, toy.test)
    ]


@pytest.mark.parametrize("settings", [{}, {"tokens": "characters"}, {"tokens": "subwords", "vocabulary_size": 150}])
def test_tokens_become_the_reference_again(tmp_path: Path, settings: dict[str, Any]) -> None:
    corpus = load(ParallelData(sentences=200, vocabularies="shared", **settings), tmp_path)
    assert corpus.vocabulary == corpus.target_vocabulary
    text = corpus.test
    for place, reference in enumerate(text.references):
        numbers = text.target.words[slice(*text.target.begins[place : place + 2])]
        assert corpus.detokenize(corpus.target_vocabulary.decode(numbers)) == reference


def test_what_is_kept_encodes_a_line_as_the_corpus_did(tmp_path: Path) -> None:
    corpus = load(ParallelData(sentences=50, tokens="subwords", vocabulary_size=100), tmp_path)
    restored = ParallelCorpus.restored(corpus.kept())
    source = corpus.test.source
    for place, each in enumerate(generate(1, "test", 10)):
        numbers = source.words[slice(*source.begins[place : place + 2])]
        np.testing.assert_array_equal(restored.encode(f"  {' '.join(each.words)}\n"), numbers)
    assert not len(restored.train)
    assert not len(restored.encode(" "))


def test_this_fingerprint_changes_only_together_with_the_version(toy: ParallelCorpus) -> None:
    """When this fails on purpose, raise the reader's ``version``."""
    assert toy.fingerprint.startswith("6d613954")
