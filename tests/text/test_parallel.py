"""Parallel corpora: what every kind promises, and the toy language with its translation."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tasks.text.parallel import ParallelCorpus, ParallelData, ParallelText, load
from tasks.text.parallel.settings import READERS
from tasks.text.parallel.tokenization import fit_subwords
from tasks.text.toy import generate
from unroll.contract import UserError, find_locations, find_measurements


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
    assert set(content) - {"reader", "version", "sacrebleu"} == options - {"path"}


@pytest.mark.parametrize("corpus", ["toy_language", "parallel_files"])
def test_prepared_text_is_that_of_the_library_that_cut_it(corpus: str) -> None:
    made = {
        tokens: {"tokenizers", "sacrebleu"} & set(READERS.build(ParallelData(corpus=corpus, tokens=tokens)).content())
        for tokens in ("words", "white_space", "subwords", "characters")
    }
    assert made == {"words": {"sacrebleu"}, "white_space": set(), "subwords": {"tokenizers"}, "characters": set()}


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
    best = {
        "loss": 0,
        "perplexity": 1,
        "accuracy": 1,
        "free_running_accuracy": 1,
        "exact_match": 1,
        "bleu": 100,
        "chrf": 100,
    }
    assert toy.bounds == {f"{split}/{name}": best[name] for split in ("validation", "test") for name in best}
    assert {"<eos>", "<unk>"} <= set(toy.vocabulary.words) & set(toy.target_vocabulary.words)
    assert not toy.warnings


def test_backward_is_the_same_the_other_way_round(tmp_path: Path) -> None:
    forth, back = (load(ParallelData(direction=each, sentences=50), tmp_path) for each in ("forward", "backward"))
    assert (back.vocabulary, back.target_vocabulary) == (forth.target_vocabulary, forth.vocabulary)
    assert [(source, target) for source, target, _ in pairs_of(back, back.test)] == [
        (target, source) for source, target, _ in pairs_of(forth, forth.test)
    ]
    assert forth.bounds
    assert not back.bounds  # two sentences may have the same translation


def test_one_sentence_has_all_words(tmp_path: Path, toy: ParallelCorpus) -> None:
    small = load(ParallelData(sentences=1), tmp_path)
    assert set(small.vocabulary.words) == set(toy.vocabulary.words)
    assert set(small.target_vocabulary.words) == set(toy.target_vocabulary.words)


def test_the_words_of_the_toy_language_can_be_cut(tmp_path: Path) -> None:
    corpus = load(ParallelData(sentences=300, vocabulary_size=90), tmp_path)
    assert (len(corpus.vocabulary), len(corpus.target_vocabulary)) == (90, 90)
    assert not corpus.bounds  # a word that is read as <unk> has no translation
    with pytest.raises(UserError, match="at most half of the train source tokens may be unknown"):
        load(ParallelData(sentences=300, vocabulary_size=2), tmp_path)


def test_equally_frequent_pieces_are_merged_in_the_same_order_every_time() -> None:
    """The library counts in tables whose order differs from one to the next."""
    texts = [f"{a}{b} {b}{c}" for a in "abcd" for b in "efgh" for c in "ijkl"]
    models = {fit_subwords(texts, size=60, lowercase=False).model for _ in range(5)}
    assert len(models) == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"corpus": "parallel"}, f"Input should be {' or '.join(map(repr, READERS.names))}"),
        (
            {"corpus": "reversal", "tokens": "characters"},
            "corpus reversal has no use for tokens: leave it out, or choose",
        ),
        ({"lowercase": True}, "corpus toy_language has no use for lowercase: leave it out, or choose parallel_files"),
        ({"corpus": "reversal", "longest": 11}, "longest must be at least length, received 11 and 12"),
        (
            {"corpus": "parallel_files", "source": "de", "target": "de"},
            "source and target must differ, received 'de' for both",
        ),
    ],
)
def test_mistakes_are_told(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ParallelData(**values)
    (error,) = caught.value.errors()
    assert message in error["msg"]


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
    restored = ParallelCorpus.restored(json.loads(json.dumps(corpus.kept())))
    source = corpus.test.source
    for place, each in enumerate(generate(1, "test", 10)):
        numbers = source.words[slice(*source.begins[place : place + 2])]
        np.testing.assert_array_equal(restored.encode(f"  {' '.join(each.words)}\n"), numbers)
    assert (len(restored.train), restored.train.source.words.size) == (50, 0)
    assert not len(restored.encode(" "))


def test_this_fingerprint_changes_only_together_with_the_version(toy: ParallelCorpus) -> None:
    """When this fails on purpose, raise the reader's ``version``."""
    assert toy.fingerprint.startswith("75b8a1ae050b212a")
