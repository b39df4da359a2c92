"""Characters of words: spelled rightly, read without their padding; word dropout."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import nn

from tasks.learning.loaders import BucketLoader
from tasks.recurrent.initialization import Initialization
from tasks.tagging.batches import BatchMaker
from tasks.tagging.characters import CHARACTERS, CharacterName
from tasks.tagging.settings import Network, TaggingSettings, Training
from tasks.tagging.spelling import LONGEST, Letters, Speller
from tasks.tagging.task import Tagging
from tasks.text import Vocabulary
from tasks.text.tagged import Spelling, TaggedCorpus

LENGTHS = [3, 1, 5, 2, 7]
WORDS = ("ab", "c", "abcde", "zz")


def spelling_of(words: tuple[str, ...], places: list[int]) -> Spelling:
    numbers = np.array(places, np.int32)
    return Spelling(
        characters=Vocabulary(("a", "b", "c", "d", "e", "<unk>")),
        forms=Vocabulary(words),
        train=numbers,
        validation=numbers,
        test=numbers,
    )


def words_at(letters: Letters, *place: int) -> str:
    column = letters.places[place]
    return "".join("abcde?"[c] for c in letters.characters[: letters.lengths[column], column].tolist())


def test_each_distinct_word_is_spelled_once() -> None:
    speller = Speller(spelling_of(WORDS, [2, 0, 0, 3, 1]), "train")
    letters = speller.spell(np.array([[0, 1], [2, 3]]))
    assert letters.characters.shape == (5, 3)
    assert [[words_at(letters, t, b) for b in (0, 1)] for t in (0, 1)] == [["abcde", "ab"], ["ab", "??"]]
    assert speller.mean_length() == (5 + 2 + 2 + 2 + 1) / 5


def test_of_a_long_word_both_ends_are_read() -> None:
    long = "a" * 50 + "b" * 50
    letters = Speller(spelling_of((long,), [0]), "train").spell(np.array([[0]]))
    assert words_at(letters, 0, 0) == "a" * (LONGEST // 2) + "b" * (LONGEST // 2)


@pytest.mark.parametrize("name", CHARACTERS)
def test_a_word_has_one_vector_beside_any_other(name: CharacterName) -> None:
    network = CHARACTERS[name](characters=6, embedding=4, hidden=3)
    Initialization().fill(network, seed=1)
    speller = Speller(spelling_of(WORDS, [0, 1, 2, 3]), "train")
    together = network(speller.spell(np.array([[0, 1, 2, 3]])))
    assert together.shape == (1, 4, network.outputs)
    for place in range(4):
        alone = network(speller.spell(np.array([[place]])))
        torch.testing.assert_close(alone[0, 0], together[0, place])
    dirty = speller.spell(np.array([[0, 1, 2, 3]]))
    padding = torch.arange(5)[:, None] >= dirty.lengths
    dirty = dirty._replace(characters=dirty.characters.masked_fill(padding, 4))
    assert torch.equal(network(dirty), together)


def test_the_convolution_is_the_largest_answer_to_three_neighbours() -> None:
    network = CHARACTERS["convolution"](characters=6, embedding=2, hidden=3)
    Initialization().fill(network, seed=1)
    filters = network.get_submodule("filters")
    assert isinstance(filters, nn.Conv1d)
    assert filters.bias is not None
    spelled = network.embedding(torch.tensor([0, 1, 2, 3, 4]))
    padded = torch.cat([torch.zeros(1, 2), spelled, torch.zeros(1, 2)])
    answers = [(filters.weight * padded[i : i + 3].T).sum((1, 2)) + filters.bias for i in range(5)]
    vector = network(Speller(spelling_of(WORDS, [2]), "train").spell(np.array([[0]])))[0, 0]
    torch.testing.assert_close(vector, torch.stack(answers).amax(0))


def test_the_lstm_is_that_of_torch() -> None:
    network = CHARACTERS["lstm"](characters=6, embedding=2, hidden=3)
    Initialization().fill(network, seed=1)
    other = nn.LSTM(2, 3, bidirectional=True)
    weights = dict(network.named_parameters())
    for way, suffix in (("forward", "l0"), ("backward", "l0_reverse")):
        cell = f"recurrent.{way}_layers.0.cell"
        other.get_parameter(f"weight_ih_{suffix}").data.copy_(weights[f"{cell}.read.weight"])
        other.get_parameter(f"bias_ih_{suffix}").data.copy_(weights[f"{cell}.read.bias"])
        other.get_parameter(f"weight_hh_{suffix}").data.copy_(weights[f"{cell}.recur.weight"])
        other.get_parameter(f"bias_hh_{suffix}").data.zero_()
    _, (last, _) = other(network.embedding(torch.tensor([0, 1])))
    vector = network(Speller(spelling_of(WORDS, [0]), "train").spell(np.array([[0]])))[0, 0]
    torch.testing.assert_close(vector, last.flatten())


def module_of(corpus: TaggedCorpus, **network: Any) -> Any:
    settings = TaggingSettings(network=Network.model_validate({"hidden": 4, "embedding": 3, **network}))
    module: Any = Tagging().module(settings, corpus)
    module.initialise(1)
    return module


def test_words_are_dropped_in_training_alone(corpus_of: Callable[..., TaggedCorpus]) -> None:
    corpus = corpus_of(LENGTHS)
    module = module_of(corpus, word_dropout=0.999999)
    batch = BatchMaker(corpus.train).make(np.arange(5))
    unknown = batch._replace(words=torch.full_like(batch.words, corpus.vocabulary.unknown or 0))
    module.eval()
    said, nothing = module.network.loss(batch), module.network.loss(unknown)
    assert not torch.equal(said, nothing)
    module.train()
    assert torch.equal(module.network.loss(batch), nothing)


@pytest.mark.parametrize("name", CHARACTERS)
def test_unknown_words_are_told_apart_by_their_characters(
    corpus_of: Callable[..., TaggedCorpus], trainer_of: Callable[..., pl.Trainer], name: str
) -> None:
    """Sentences learned by heart though every word is <unk>."""
    corpus = corpus_of([5] * 6, words=40)
    corpus.train.words[:] = corpus.vocabulary.unknown or 0
    corpus.spelling.train[:] = np.arange(30)
    network = {"hidden": 32, "embedding": 4, "characters": name, "character_hidden": 30}
    settings = TaggingSettings(
        network=Network.model_validate(network),
        training=Training(epochs=60, batch_size=3, learning_rate=0.02),
    )
    task = Tagging()
    module: Any = task.module(settings, corpus)
    module.initialise(0)
    trainer_of(epochs=60, limit_val_batches=0).fit(module, datamodule=task.data(settings, corpus, 0))
    batch = next(
        iter(BucketLoader(BatchMaker(corpus.train, speller=Speller(corpus.spelling, "train")), size=6, seed=0))
    )
    real = batch.tags >= 0
    assert (module.network.decode(batch) == batch.tags)[real].float().mean() > 0.95
