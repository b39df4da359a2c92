"""Ranks and saved keys against typing each word by hand, and through the whole trainer."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tasks.language_modeling.completion import Completer, Completions
from tasks.language_modeling.kneser_ney import KneserNey
from tasks.language_modeling.metrics import COMPLETIONS, KEYSTROKES, RANK_SCORES, RANKS
from tasks.language_modeling.settings import LanguageModelingSettings
from tasks.language_modeling.task import LanguageModeling
from tasks.text import Vocabulary
from tasks.text.running import TokenCorpus

WORDS = ("<eos>", "a", "an", "and", "ant", "be", "bee", "<unk>", "ä", "antler", "b")
UNLISTED = (0, 7)


def slow(
    scores: Sequence[Sequence[float]],
    tokens: list[int],
    shown: int,
    words: tuple[str, ...] = WORDS,
    unlisted: tuple[int, ...] = UNLISTED,
) -> Completions:
    """One token after the other: sort the vocabulary, then type."""
    found = Completions()
    for row, token in zip(scores, tokens, strict=True):
        best = sorted(range(len(words)), key=lambda number: (-row[number], number))
        rank = best.index(token) + 1
        keys = all_keys = 0
        if token not in unlisted:
            word, all_keys = words[token], len(words[token]) + 1
            typed = ""
            while True:
                offered = [words[n] for n in best if n not in unlisted and words[n].startswith(typed)][:shown]
                keys += 1
                if typed == word or word in offered:
                    break
                typed += word[len(typed)]
        found = found.plus(Completions(1, tuple(int(rank <= k) for k in RANKS), 1 / rank, keys, all_keys))
    return found


@settings(deadline=None, max_examples=30)
@given(st.data(), st.integers(1, 8), st.integers(1, 6))
def test_ranks_and_keys_are_those_of_typing_by_hand(data: st.DataObject, rows: int, shown: int) -> None:
    """Scores are small integers, so that many are equal."""
    row = st.lists(st.integers(0, 4), min_size=len(WORDS), max_size=len(WORDS))
    scores = data.draw(st.lists(row, min_size=rows, max_size=rows))
    tokens = data.draw(st.lists(st.integers(0, len(WORDS) - 1), min_size=rows, max_size=rows))
    completer = Completer(Vocabulary(WORDS), shown=shown, unlisted=UNLISTED, words=True)
    found, expected = completer.rank(torch.tensor(scores), torch.tensor(tokens)), slow(scores, tokens, shown)
    assert found.scores() == pytest.approx(expected.scores(), abs=1e-12)
    assert (found.keys, found.all_keys) == (expected.keys, expected.all_keys)


def typed(scores: dict[str, float], word: str, shown: int) -> int:
    row = [scores.get(each, 0.0) for each in WORDS]
    completer = Completer(Vocabulary(WORDS), shown=shown, unlisted=UNLISTED, words=True)
    return completer.rank(torch.tensor([row]), torch.tensor([WORDS.index(word)])).keys


def test_a_word_takes_one_key_where_it_is_shown_at_once_and_one_per_letter_until_then() -> None:
    likely = {"be": 4.0, "bee": 3.0, "and": 2.0, "an": 1.0}
    assert typed(likely, "be", 1) == 1
    assert typed(likely, "bee", 2) == 1
    assert typed(likely, "and", 1) == 2  # a
    assert typed(likely, "an", 1) == 3  # a, n, and the blank: nothing was saved
    assert typed({"<eos>": 9.0, "<unk>": 8.0, "be": 1.0}, "be", 1) == 1  # neither is shown
    assert typed({}, "antler", 1) == 5  # of equal words the first one, "a", "an", "and", "ant", "antl" alone is it


def test_what_takes_no_letters_is_ranked_and_not_typed() -> None:
    completer = Completer(Vocabulary(WORDS), shown=3, unlisted=UNLISTED, words=True)
    scores = completer.rank(torch.zeros(2, len(WORDS)), torch.tensor(UNLISTED)).scores()
    assert scores == pytest.approx(dict(zip(RANK_SCORES, (0.5, 0.5, 0.5, 1, (1 + 1 / 8) / 2), strict=True)))
    characters = Completer(Vocabulary(("\n", "a")), shown=3, unlisted=(0,), words=False)
    assert KEYSTROKES not in characters.rank(torch.zeros(1, 2), torch.tensor([1])).scores()
    assert not Completions().scores()


@torch.no_grad()
def probabilities(module: Any, corpus: TokenCorpus, order: int) -> Tensor:
    """What stands in each place of the test text, one token at a time: shape (tokens, vocabulary)."""
    ids = [corpus.start, *corpus.test.tolist()]
    if hasattr(module, "network"):
        logits, _ = module.network(torch.tensor(ids[:-1]).unsqueeze(1), module.network.initial_state(1))
        return cast("Tensor", logits[:, 0])
    vocabulary = len(corpus.vocabulary)
    model = KneserNey.count(corpus.train.astype(np.int64), order=order, vocabulary=vocabulary, boundary=corpus.start)
    texts = [[np.array([*ids[1 : t + 1], word]) for word in range(vocabulary)] for t in range(len(corpus.test))]
    return torch.tensor([[model.probabilities(text)[-1] for text in row] for row in texts])


@pytest.mark.parametrize(
    "network", [{"hidden": 6}, {"kind": "window", "order": 3, "hidden": 4}, {"kind": "ngram", "order": 3}]
)
def test_the_test_text_is_completed_and_nothing_else_changes(
    corpus_of: Callable[..., TokenCorpus], trainer_of: Callable[..., pl.Trainer], network: dict[str, Any]
) -> None:
    corpus, task = corpus_of(train=60, test=40).sealed(), LanguageModeling()
    told = list[Mapping[str, float]]()
    for completions in ({}, {"completions": 2}):
        chosen = {"network": network, "training": {"epochs": 1, "batch_size": 4, **completions}}
        setting = LanguageModelingSettings.model_validate(chosen)
        module: Any = task.module(setting, corpus)
        module.initialise(1)
        trainer, data = trainer_of(epochs=1), task.data(setting, corpus, 1)
        trainer.fit(module, datamodule=data)
        told.append(trainer.test(module, datamodule=data, verbose=False)[0])
        absent = {name for name in task.metrics if name.startswith("test/") and name not in told[-1]}
        assert absent == {name for name in task.absent(setting, corpus) if name.startswith("test/")}
    plain, completed = told
    assert {name: value for name, value in completed.items() if name in plain} == plain
    module.eval()
    scores, words = probabilities(module, corpus, 3).tolist(), corpus.vocabulary.words
    expected = slow(scores, corpus.test.tolist(), 2, words=words, unlisted=(corpus.start,)).scores()
    assert {name: completed[f"test/{name}"] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert len(completed) - len(plain) == len(expected) == len(COMPLETIONS)


def test_chance_knows_the_ranks_of_frequencies(corpus_of: Callable[..., TokenCorpus]) -> None:
    corpus, task = corpus_of(train=200, test=50), LanguageModeling()
    chosen = LanguageModelingSettings.model_validate({"training": {"completions": 5}})
    chance = task.chance(chosen, corpus)
    counts = [corpus.train.tolist().count(number) for number in range(len(corpus.vocabulary))]
    best = sorted(range(len(counts)), key=lambda number: (-counts[number], number))
    ranks = [best.index(token) + 1 for token in corpus.test.tolist()]
    for k in RANKS:
        assert chance[f"test/top_{k}_accuracy"] == pytest.approx(sum(rank <= k for rank in ranks) / len(ranks))
    assert chance["test/mean_reciprocal_rank"] == pytest.approx(math.fsum(1 / rank for rank in ranks) / len(ranks))
    assert chance.keys() - task.chance(LanguageModelingSettings(), corpus).keys() == {
        f"test/{name}" for name in RANK_SCORES
    }
