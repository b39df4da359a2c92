"""Right words against own words, by place and in all; examples with the weights of the attention."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
import torch

from tasks.remedies.remedy import PADDING
from tasks.text.parallel import ParallelCorpus
from tasks.translation.exposure import ByPlace, own_nats
from tests.translation.conftest import TASK, module_of, settings_of
from tests.translation.test_module import KINDS, batch_of, every_kind
from unroll.contract import distance_metric


@every_kind
@torch.no_grad()
def test_places_are_counted_as_one_by_one(corpus: ParallelCorpus, network: dict[str, Any]) -> None:
    module = module_of(settings_of(network=network), corpus)
    tokens, forced, free = Counter[int](), Counter[int](), Counter[int]()
    module.begin_counting()
    for place in range(4):
        batch = batch_of(corpus, network, place, split="validation")
        module.count(batch)
        model = module.sequence_model(batch)
        written = module.translate(model, batch.lengths, [0])[0][0].tokens
        state, last = model.begin(), module.examples(batch).start
        for step, right in enumerate(batch.targets[:, 0].tolist()):
            log_probabilities, state = model.next(last, state)
            tokens[step + 1] += 1
            forced[step + 1] += int(log_probabilities[0].argmax()) == right
            free[step + 1] += step < len(written) and written[step] == right
            last = batch.targets[step]
    scores = module.scores()
    for place in tokens:
        assert scores[distance_metric("accuracy", place)] == forced[place] / tokens[place]
        assert scores[distance_metric("free_running_accuracy", place)] == free[place] / tokens[place]
    assert scores["accuracy"] == forced.total() / tokens.total()
    assert scores["accuracy_gap"] == pytest.approx(scores["accuracy"] - scores["free_running_accuracy"])
    assert "free_running_loss" not in scores


def test_places_that_few_translations_have_are_left_out() -> None:
    by_place = ByPlace()
    for length in (3, *[2] * 19):
        by_place.add([True] * length, [True])
    scores = by_place.scores()
    assert scores == {
        "accuracy/distance_1": 1,
        "free_running_accuracy/distance_1": 1,
        "accuracy/distance_2": 1,
        "free_running_accuracy/distance_2": 0,
    }


@every_kind
@torch.no_grad()
def test_the_loss_behind_own_words_is_that_of_a_slow_version(corpus: ParallelCorpus, network: dict[str, Any]) -> None:
    module = module_of(settings_of(network=network), corpus)
    batch = batch_of(corpus, network, 0, 1, 2, 3, split="test")
    nats = 0.0
    for column, length in enumerate(batch.lengths.tolist()):
        model = module.network.bind(batch.source[:length, [column]], batch.lengths[[column]])
        state, last = model.begin(), module.examples(batch).start[[column]]
        for right in batch.targets[:, column].tolist():
            if right == PADDING:
                break
            log_probabilities, state = model.next(last, state)
            nats -= log_probabilities[0, right].item()
            last = log_probabilities.argmax(1)
    assert own_nats(module.sequence_model(batch), module.examples(batch)) == pytest.approx(nats)
    module.on_test_epoch_start()
    module.count(batch)
    scores = module.scores()
    assert scores["free_running_loss"] == pytest.approx(nats / int((batch.targets != PADDING).sum()))
    assert scores["free_running_loss"] != pytest.approx(scores["loss"])


@every_kind
@torch.no_grad()
def test_examples_show_where_was_looked(corpus: ParallelCorpus, network: dict[str, Any]) -> None:
    settings = settings_of(network=network)
    module = module_of(settings, corpus)
    examples = TASK.examples(settings, corpus, module)
    assert len({example.title for example in examples}) == len(examples) > 1
    for example in examples:
        words = example.texts["source"].split()
        assert 4 <= len(words) <= 20
        assert example.texts["reference"] in list(corpus.test.references)
        if network["attention"] == "none":
            assert not example.rows
            continue
        assert list(example.columns) == words
        assert corpus.detokenize([row for row in example.rows if row != "<eos>"]) == example.texts["translation"]
        for row in example.values:
            assert math.fsum(row) == pytest.approx(1)


@torch.no_grad()
def test_a_source_that_is_read_backwards_is_shown_forwards(corpus: ParallelCorpus) -> None:
    """Positions count: weights must stand at the words that they were given to."""
    network = KINDS[2]
    assert network["reverse_source"]
    settings = settings_of(network=network)
    module = module_of(settings, corpus)
    example = TASK.examples(settings, corpus, module)[0]
    place = int(example.title.split()[-1]) - 1
    batch = batch_of(corpus, network, place, split="test")
    model = module.sequence_model(batch)
    features, _ = model.look(model.embed(module.examples(batch).start), model.begin())
    assert features.weights is not None
    expected = dict(enumerate(features.weights[0].tolist()))
    backwards = corpus.vocabulary.decode(batch.source[:, 0].tolist())
    assert list(example.columns) == list(backwards)[::-1]
    assert example.values[0] == pytest.approx([expected[len(backwards) - 1 - n] for n in range(len(backwards))])
