"""The corpus of the toy language, and the floor that it promises."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tasks.text.running import TextData, TokenCorpus, load
from tasks.text.running.prepare import Level
from tasks.text.toy import generate, toy_grammar


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> TokenCorpus:
    return load(TextData(), tmp_path_factory.mktemp("cache"))


def sentences_of(corpus: TokenCorpus, split: str) -> list[str]:
    words = corpus.vocabulary.decode(getattr(corpus, split))
    return " ".join(words).removesuffix(" <eos>").split(" <eos> ")


def test_it_is_the_default_and_needs_nothing(corpus: TokenCorpus) -> None:
    assert [len(sentences_of(corpus, split)) for split in ("train", "validation", "test")] == [3000, 600, 600]
    assert corpus.facts["train tokens"] == corpus.train.size
    assert corpus.vocabulary.words[corpus.start] == "<eos>"
    assert set(corpus.bounds) == {"validation/perplexity", "test/perplexity"}


def test_this_fingerprint_changes_only_together_with_the_version(corpus: TokenCorpus) -> None:
    """When this fails on purpose, raise the reader's ``version``: caches hold what the old version wrote."""
    assert corpus.fingerprint.startswith("a37ba9c964511dd5")


def test_the_vocabulary_is_the_language_however_small_the_text(tmp_path: Path) -> None:
    small = load(TextData(sentences=1), tmp_path)
    assert set(small.vocabulary.words) == {*toy_grammar().words(), "<eos>"}
    assert small.vocabulary.unknown is None
    assert len(sentences_of(small, "test")) == 1


def test_splits_are_streams_of_their_own(corpus: TokenCorpus, tmp_path: Path) -> None:
    train, validation, test = (sentences_of(corpus, split) for split in ("train", "validation", "test"))
    assert train[:600] != validation != test != train[:600]
    long = [{line for line in split if len(line.split()) > 14} for split in (train, validation, test)]
    assert all(long)
    assert not long[0] & long[1] | long[0] & long[2] | long[1] & long[2], "long sentences hardly ever come twice"
    one, other = (load(TextData(sentences=20, seed=seed), tmp_path).fingerprint for seed in (1, 2))
    assert one != other


@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_floor_is_the_perplexity_of_the_grammar(corpus: TokenCorpus, split: str) -> None:
    text = generate(1, split, 600)
    assert [" ".join(sentence.words) for sentence in text] == sentences_of(corpus, split)
    total = math.fsum(sentence.log_probability for sentence in text)
    floor = math.exp(-total / getattr(corpus, split).size)
    assert corpus.bounds[f"{split}/perplexity"] == pytest.approx(floor, rel=1e-12)


def test_characters_say_the_same_at_another_scale(corpus: TokenCorpus, tmp_path: Path) -> None:
    characters = load(TextData(level="character"), tmp_path)
    text = "".join(characters.vocabulary.decode(characters.test))
    assert text.removesuffix("\n").split("\n") == sentences_of(corpus, "test")
    assert characters.vocabulary.words[characters.start] == "\n"
    by_word, by_character = (math.log(each.bounds["test/perplexity"]) * each.test.size for each in (corpus, characters))
    assert by_word == pytest.approx(by_character, rel=1e-12), "the same text has the same probability"


def test_models_stay_above_the_floor(corpus: TokenCorpus) -> None:
    """Counting models, each seeing more of the past, come nearer to the floor and never below it."""
    size = len(corpus.vocabulary)
    train = np.concatenate([[corpus.start], corpus.train])
    test = np.concatenate([[corpus.start], corpus.test])
    singles = np.bincount(train[1:], minlength=size) + 1.0
    unigram = singles / singles.sum()
    pairs = Counter(zip(train[:-1].tolist(), train[1:].tolist(), strict=True))
    rows = Counter(train[:-1].tolist())
    bigram = [
        (pairs[before, word] + 5 * unigram[word]) / (rows[before] + 5)
        for before, word in zip(test[:-1].tolist(), test[1:].tolist(), strict=True)
    ]
    perplexities = [math.exp(-np.mean(np.log(p))) for p in (unigram[test[1:]], np.array(bigram))]
    assert perplexities[0] > 1.5 * perplexities[1] > 1.5 * corpus.bounds["test/perplexity"]


@pytest.mark.parametrize("level", ["word", "character"])
def test_every_token_can_be_predicted_from_the_start(level: Level, tmp_path: Path) -> None:
    corpus = load(TextData(sentences=5, level=level), tmp_path)
    for split in (corpus.train, corpus.validation, corpus.test):
        assert split[-1] == corpus.start, "a text ends with what precedes one"
        assert split[0] != corpus.start
