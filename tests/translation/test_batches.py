"""Batches of pairs: words, ends, padding and order."""

from __future__ import annotations

import numpy as np

from tasks.remedies.remedy import PADDING
from tasks.text.parallel import ParallelCorpus
from tasks.text.vocabulary import EOS
from tasks.translation.batches import BatchMaker


def sentences(corpus: ParallelCorpus, place: int) -> tuple[list[int], list[int]]:
    text = corpus.train
    both = [side.words[side.begins[place] : side.begins[place + 1]].tolist() for side in (text.source, text.target)]
    return both[0], both[1]


def test_a_batch_holds_its_pairs_and_padding_is_marked(corpus: ParallelCorpus) -> None:
    end = corpus.target_vocabulary.number(EOS)
    for reverse in (False, True):
        maker = BatchMaker(corpus.train, end=end, reverse=reverse, references=False)
        batch = maker.make(np.array([4, 1, 9]))
        for column, place in enumerate((4, 1, 9)):
            source, target = sentences(corpus, place)
            read, written = batch.source[:, column].tolist(), batch.targets[:, column].tolist()
            assert read[: len(source)] == (source[::-1] if reverse else source)
            assert not any(read[len(source) :])
            assert written[: len(target) + 1] == [*target, end]
            assert set(written[len(target) + 1 :]) <= {PADDING}
            assert batch.lengths[column] == len(source)
            assert maker.lengths[place] == len(source) + len(target)
        assert (len(batch.source), len(batch.targets)) == (max(batch.lengths), max((batch.targets != PADDING).sum(0)))
        assert batch.places.tolist() == [4, 1, 9]
        assert not batch.references


def test_held_out_batches_hold_their_references(corpus: ParallelCorpus) -> None:
    maker = BatchMaker(corpus.validation, end=0, reverse=False, references=True)
    batch = maker.make(np.array([2, 0]))
    assert batch.references == [corpus.validation.references[2], corpus.validation.references[0]]
