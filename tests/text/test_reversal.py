"""Sequences to reverse."""

from pathlib import Path

import numpy as np

from tasks.text.parallel import ParallelData, load


def test_every_sequence_is_reversed(tmp_path: Path) -> None:
    corpus = load(ParallelData(corpus="reversal", sentences=5_000), tmp_path)
    assert [len(text) for text in (corpus.train, corpus.validation, corpus.test)] == [5_000, 1000, 1000]
    for text in (corpus.train, corpus.test):
        assert set(text.source.lengths.tolist()) == {12}
        source, target = text.source.words.reshape(-1, 12), text.target.words.reshape(-1, 12)
        words = np.array(corpus.vocabulary.words), np.array(corpus.target_vocabulary.words)
        np.testing.assert_array_equal(words[0][source], words[1][target][:, ::-1])
        assert len(np.unique(source, axis=0)) == len(text)
    assert corpus.train.references[0].split() == [
        corpus.target_vocabulary.words[n] for n in corpus.train.target.words[:12]
    ]
    counts = np.bincount(corpus.train.source.words, minlength=14)[:12]  # 60,000 draws from 12
    assert abs(counts / 5_000 - 1).max() < 5 * (11 / 60_000) ** 0.5
    assert {len(corpus.vocabulary), len(corpus.target_vocabulary)} == {14}
    assert corpus.bounds["test/bleu"] == 100


def test_sequences_of_several_lengths_and_fewer_of_them(tmp_path: Path) -> None:
    data = ParallelData(corpus="reversal", symbols=3, length=1, longest=3, sentences=500)
    corpus = load(data, tmp_path)
    lengths = np.bincount(corpus.train.source.lengths)
    assert lengths.tolist()[0] == 0
    assert lengths[1:].min() > 120
    assert [name for name in corpus.bounds if "bleu" in name] == []  # no run of four words
    few = load(data.model_copy(update={"training_sentences": 7}), tmp_path)
    assert list(few.train.references) == list(corpus.train.references)[:7]
    assert set(few.vocabulary.words) == set(corpus.vocabulary.words)
    other = load(data.model_copy(update={"seed": 2}), tmp_path)
    assert list(other.test.references) != list(corpus.test.references)


def test_there_may_be_many_symbols(tmp_path: Path) -> None:
    corpus = load(ParallelData(corpus="reversal", symbols=2**16, length=1, sentences=5), tmp_path)
    assert len(corpus.vocabulary) == 2**16 + 2
