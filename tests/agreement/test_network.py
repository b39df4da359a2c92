"""What a network sees, and what it says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tasks.agreement.batches import PrefixMaker, SentenceMaker
from tasks.agreement.corpus import AgreementCorpus
from tasks.agreement.settings import AgreementSettings
from tasks.agreement.task import Agreement, build_network

OBJECTIVES = ["number", "language_model"]
NETWORKS: list[dict[str, Any]] = [
    {"kind": "window", "order": 3},
    {"kind": "window", "order": 9},
    {"cell": "gru"},
    {"cell": "elman", "depth": 2},
]


@pytest.fixture
def corpus(toy: Callable[[int], AgreementCorpus]) -> AgreementCorpus:
    return toy(40)


def settings_of(network: dict[str, Any], objective: str = "number") -> AgreementSettings:
    sizes = {"hidden": 6, "embedding": 5}
    return AgreementSettings.model_validate({"network": {**sizes, **network}, "training": {"objective": objective}})


def network_of(corpus: AgreementCorpus, network: dict[str, Any], objective: str = "number") -> Any:
    module: Any = Agreement().module(settings_of(network, objective), corpus)
    module.initialise(1)
    return module.network.double()


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_what_stands_at_padding_changes_nothing(
    corpus: AgreementCorpus, network: dict[str, Any], objective: str
) -> None:
    built, start = network_of(corpus, network, objective), corpus.start
    maker: Any = PrefixMaker if objective == "number" else SentenceMaker
    batch = maker(corpus.train, start=start).make(np.arange(30))
    padding = torch.arange(len(batch.words)).unsqueeze(1) >= batch.lengths
    assert padding.any()
    other = batch._replace(words=batch.words.where(~padding, 7))
    torch.testing.assert_close(built.loss(batch), built.loss(other), rtol=0, atol=0)
    verbs = PrefixMaker(corpus.train, start=start)
    together = built.predicts_plural(verbs.make(np.arange(30)))
    alone = [built.predicts_plural(verbs.make(np.array([place]))) for place in range(30)]
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize("n", [2, 3, 5])
def test_a_window_sees_the_last_words_alone(corpus: AgreementCorpus, n: int) -> None:
    reader = network_of(corpus, {"kind": "window", "order": n}).reader
    words = torch.randint(len(corpus.vocabulary), (9, 1), generator=torch.Generator().manual_seed(2))
    words[0] = corpus.start
    last = reader(words, torch.tensor([9]))[-1]
    for place in range(9):
        changed = words.clone()
        changed[place] += 1
        seen = not torch.equal(reader(changed, torch.tensor([9]))[-1], last)
        assert seen == (place >= 9 - (n - 1)), place


def test_before_a_sentence_a_window_sees_its_start_again_and_again(corpus: AgreementCorpus) -> None:
    reader = network_of(corpus, {"kind": "window", "order": 4}).reader
    start, read = corpus.start, reader.network.read
    known = reader(torch.tensor([[start], [3], [4]]), torch.tensor([3]))[:, 0]
    for step, seen in enumerate([[start, start, start], [start, start, 3], [start, 3, 4]]):
        vectors = reader.embedding(torch.tensor(seen)).flatten()
        torch.testing.assert_close(known[step], torch.tanh(read.weight @ vectors + read.bias))


def test_a_language_model_compares_the_probabilities_of_two_words(corpus: AgreementCorpus) -> None:
    built = network_of(corpus, {"cell": "lstm"}, "language_model")
    batch = PrefixMaker(corpus.train, start=corpus.start).make(np.arange(40))
    logits = built.output(built.reader(batch.words, batch.lengths))
    said = []
    for column, (singular, plural) in enumerate(batch.forms.tolist()):
        probabilities = logits[batch.lengths[column] - 1, column].softmax(0)
        said.append(bool(probabilities[plural] > probabilities[singular]))
    assert built.predicts_plural(batch).tolist() == said
    assert 0 < sum(said) < 40


def test_a_backward_layer_ends_at_the_beginning(corpus: AgreementCorpus) -> None:
    built = network_of(corpus, {"cell": "gru", "direction": "bidirectional"})
    batch = PrefixMaker(corpus.train, start=corpus.start).make(np.array([0]))
    states = built.reader(batch.words, batch.lengths)[:, 0]
    known = torch.cat([states[-1, :6], states[0, 6:]])
    torch.testing.assert_close(built(batch), built.output(known))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_operations_are_those_of_the_matrices(corpus: AgreementCorpus, objective: str) -> None:
    vocabulary, words = len(corpus.vocabulary), 1 + corpus.train.lengths.mean()
    answer = 2 * 6 / words if objective == "number" else 2 * 6 * vocabulary
    for network, matrices in (({"kind": "window", "order": 4}, 3 * 5 * 6), ({"cell": "gru"}, 3 * (5 * 6 + 6 * 6))):
        settings = settings_of(network, objective)
        assert Agreement().flops_per_token(settings, corpus) == round(2 * matrices + answer)


def test_networks_of_one_seed_share_what_they_can(corpus: AgreementCorpus) -> None:
    weights = []
    for network in NETWORKS[:3]:
        module: Any = Agreement().module(settings_of(network), corpus)
        module.initialise(5)
        weights.append(module.network.state_dict())
    for name in ("reader.embedding.weight", "output.weight"):
        assert all(torch.equal(each[name], weights[0][name]) for each in weights)
    with torch.device("meta"):
        build_network(settings_of(NETWORKS[0]), corpus)
