"""Precision, recall and F1 of entities equal those of seqeval's default mode, on valid and invalid sequences."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score

from tasks.tagging.batches import PADDING
from tasks.tagging.entities import ILLEGAL_MOVES, METRICS, EntityScorer, EntityTally
from tasks.text.tagged.corpus import UNSEEN_TAG
from tasks.text.tagged.schemes import Reading, Scheme

TAGS = ("O", "B-x", "I-x", "B-y", "I-y", "B-x-z", "I-x-z")
Sentence = list[tuple[int, int]]
"""A guess and the right tag for each word."""


def scores(sentences: list[Sentence]) -> dict[str, float]:
    longest = max(map(len, sentences))
    columns = [[*sentence, *[(3, PADDING)] * (longest - len(sentence))] for sentence in sentences]
    guesses, tags = torch.tensor(columns).permute(2, 1, 0)
    found = EntityScorer(TAGS).count(guesses, tags, EntityTally()).scores()
    assert found.pop(ILLEGAL_MOVES) == sum(map(illegal_moves, sentences)) / len(sentences)
    return found


def illegal_moves(sentence: Sentence) -> int:
    """Guesses ``I-x`` that no ``B-x`` or ``I-x`` stands before."""
    guesses = ["O", *(TAGS[guess] for guess, _ in sentence)]
    return sum(tag[0] == "I" and before[1:] != tag[1:] for before, tag in pairwise(guesses))


def by_seqeval(sentences: list[Sentence]) -> dict[str, float]:
    guesses, tags = ([[TAGS[pair[i]] for pair in sentence] for sentence in sentences] for i in (0, 1))
    return by_seqeval_of(tags, guesses)


def by_seqeval_of(tags: list[list[str]], guesses: list[list[str]]) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own, where there is nothing to divide by
        return {
            name: float(score(tags, guesses))
            for name, score in zip(METRICS, (f1_score, precision_score, recall_score), strict=True)
        }


PAIRS = st.tuples(*[st.integers(0, len(TAGS) - 1)] * 2)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(PAIRS, min_size=1, max_size=9), min_size=1, max_size=5))
def test_any_sequences_score_as_seqeval_says(sentences: list[Sentence]) -> None:
    ours = scores(sentences)
    if not ours:
        assert all(TAGS[tag] == "O" for sentence in sentences for _, tag in sentence)
        return
    assert ours == pytest.approx(by_seqeval(sentences), abs=1e-12)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(["bio", "iob1", "bioes"]), st.data())
def test_repaired_entities_score_as_seqeval_says_of_those_that_were_written(
    scheme: Scheme, data: st.DataObject
) -> None:
    letters = "BIES" if scheme == "bioes" else "BI"
    tag = st.sampled_from(["O", *(f"{letter}-{kind}" for letter in letters for kind in ("x", "y", "x-z"))])
    written = data.draw(st.lists(st.lists(tag, min_size=1, max_size=9), min_size=1, max_size=4))
    guesses = [data.draw(st.lists(st.sampled_from(TAGS), min_size=len(tags), max_size=len(tags))) for tags in written]
    repaired = [Reading(scheme).convert(tags).tags for tags in written]
    pairs = [
        [(TAGS.index(guess), TAGS.index(tag)) for guess, tag in zip(*each, strict=True)]
        for each in zip(guesses, repaired, strict=True)
    ]
    expected = by_seqeval_of(written, guesses) if any(tag != "O" for tags in written for tag in tags) else {}
    assert scores(pairs) == pytest.approx(expected, abs=1e-12)


def valid(random: np.random.Generator) -> list[int]:
    entities = [(0, 1), *((2 * kind - 1, length) for kind in (1, 2, 3) for length in (1, 2, 3))]
    chosen = [entities[i] for i in random.integers(0, len(entities), 6)]
    return [first + (1 if first and i else 0) for first, length in chosen for i in range(length)]


def test_valid_sequences_that_are_mostly_right_score_as_seqeval_says() -> None:
    random = np.random.default_rng(1)
    sentences = []
    for _ in range(300):
        gold, other = valid(random), valid(random)
        guess = [g if random.random() < 0.8 else other[i % len(other)] for i, g in enumerate(gold)]
        sentences.append(list(zip(guess, gold, strict=True)))
    ours = scores(sentences)
    assert 0.3 < ours["entity_f1"] < 0.9
    assert ours == pytest.approx(by_seqeval(sentences), abs=1e-12)


def test_an_example_by_hand() -> None:
    """Gold: x over two words, y. Guessed: x over one word, y begun by an I that goes on with nothing."""
    assert scores([[(1, 1), (0, 2), (0, 0), (4, 3)]]) == {
        "entity_f1": 0.5,
        "entity_precision": 0.5,
        "entity_recall": 0.5,
    }


def test_illegal_moves_are_counted_per_sentence_over_batches() -> None:
    scorer, tally = EntityScorer(TAGS), EntityTally()
    for guesses in ([2, 2, 0, 4], [1, 2, 4, 6], [1, 2, 0, 5]):  # I-x I-x O I-y; B-x I-x I-y I-x-z; B-x I-x O B-x-z
        column = torch.tensor(guesses).unsqueeze(1)
        tally = scorer.count(column, torch.zeros_like(column), tally)
    assert tally.scores() == {ILLEGAL_MOVES: 4 / 3}, "of a text without entities, that alone"
    assert EntityTally().scores() == {}


def test_a_type_that_training_lacks_is_an_entity_that_nobody_finds() -> None:
    assert scores([[(1, UNSEEN_TAG), (2, UNSEEN_TAG), (0, 0), (1, 1)]])["entity_recall"] == 0.5


def test_a_text_without_entities_has_no_scores_and_no_guess_has_precision_0() -> None:
    assert scores([[(1, 0)]]) == {}
    assert scores([[(0, 1)]]) == {"entity_f1": 0, "entity_precision": 0, "entity_recall": 0}
