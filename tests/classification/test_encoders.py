"""Each kind of network against an obvious version, sentence by sentence and without any padding."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tasks.classification.batches import BatchMaker, LabelledBatch
from tasks.classification.build import build_network
from tasks.classification.encoders import ENCODERS
from tasks.classification.encoders.hierarchical import cut
from tasks.classification.network import Classifier
from tasks.classification.settings import Network
from tasks.recurrent.initialization import Initialization
from tasks.text.labelled import LabelledCorpus

LENGTHS = [3, 1, 5, 2, 2, 7, 1, 4, 6, 3, 3, 9]
KINDS: dict[str, dict[str, Any]] = {
    "recurrent": {"hidden": 4, "direction": "bidirectional", "depth": 2},
    "attention": {"hidden": 4, "cell": "gru", "summary": "attention"},
    "hierarchical": {"kind": "hierarchical", "hidden": 4},
    "convolution": {"kind": "convolution", "hidden": 6, "windows": [1, 2, 5]},
    "bag_of_embeddings": {"kind": "bag_of_embeddings", "hidden": 6},
}
KINDS |= {name: {"kind": name} for name in ENCODERS.names() if name not in KINDS}


@pytest.fixture
def corpus(corpus_of: Callable[..., LabelledCorpus]) -> LabelledCorpus:
    return corpus_of(LENGTHS)


def build(corpus: LabelledCorpus, **network: Any) -> Classifier:
    built = build_network(Network.model_validate({"embedding": 5, **network}), corpus).double().eval()
    Initialization(scale=0.5).fill(built, seed=1)
    return built


def everything(corpus: LabelledCorpus) -> LabelledBatch:
    return BatchMaker(corpus.train).make(np.arange(len(corpus.train)))


def alone(batch: LabelledBatch, place: int) -> LabelledBatch:
    length = int(batch.lengths[place])
    return LabelledBatch(batch.words[:length, [place]], batch.labels[[place]], batch.lengths[[place]])


@pytest.mark.parametrize("kind", KINDS)
def test_a_sentence_is_read_alike_alone_and_in_any_batch(corpus: LabelledCorpus, kind: str) -> None:
    network, batch = build(corpus, **KINDS[kind]), everything(corpus)
    together = network(batch)
    for place in range(len(LENGTHS)):
        torch.testing.assert_close(together[[place]], network(alone(batch, place)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_at_padding_changes_nothing(corpus: LabelledCorpus, kind: str) -> None:
    network, batch = build(corpus, **KINDS[kind]), everything(corpus)
    padding = torch.arange(len(batch.words)).unsqueeze(1) >= batch.lengths
    for word in (0, 7):
        other = batch._replace(words=batch.words.masked_fill(padding, word))
        assert torch.equal(network(batch), network(other))
    network.embedding.weight.data[3] = torch.nan
    clean = batch._replace(words=batch.words.masked_fill(batch.words == 3, 2))
    dirty = clean._replace(words=clean.words.masked_fill(padding, 3))
    assert network(dirty).isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_learns(corpus: LabelledCorpus, kind: str) -> None:
    network = build(corpus, **KINDS[kind])
    network.loss(everything(corpus)).backward()  # type: ignore[no-untyped-call]
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_a_convolution_is_the_largest_of_its_windows(corpus: LabelledCorpus) -> None:
    network, batch = build(corpus, **KINDS["convolution"]), everything(corpus)
    encoder: Any = network.encoder
    found = encoder(network.embedding(batch.words), batch)
    for place, length in enumerate(LENGTHS):
        expected = []
        for window in encoder.windows:
            width = window.kernel_size[0]
            zeros = torch.zeros(width - 1, 5, dtype=torch.float64)
            words = torch.cat([zeros, network.embedding(batch.words[:length, place]), zeros])
            values = [
                torch.einsum("mek,ke->m", window.weight, words[i : i + width]) + window.bias
                for i in range(length + width - 1)
            ]
            expected.append(torch.stack(values).relu().amax(0))
        torch.testing.assert_close(found[place], torch.cat(expected), rtol=0, atol=1e-12)


def test_a_bag_is_the_mean_of_its_words_in_any_order(corpus: LabelledCorpus) -> None:
    network, batch = build(corpus, **KINDS["bag_of_embeddings"]), everything(corpus)
    encoder: Any = network.encoder
    for place, length in enumerate(LENGTHS):
        words = batch.words[:length, place]
        expected = encoder.hidden(network.embedding(words).mean(0)).relu()
        found = encoder(network.embedding(batch.words), batch)[place]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
        turned = alone(batch, place)._replace(words=words.flip(0).unsqueeze(1))
        torch.testing.assert_close(network(turned), network(alone(batch, place)), rtol=0, atol=1e-12)


def test_a_document_is_cut_after_the_words_that_end_sentences() -> None:
    words = torch.tensor([[5, 0], [0, 0], [6, 7], [7, 9], [9, 9]])  # a . b c - and . . d
    lengths = torch.tensor([4, 3])
    vectors = words.unsqueeze(2).double() + 0.5
    sentences, found = cut(vectors, words == 0, lengths)
    assert found.tolist() == [[2, 1], [2, 1], [0, 1]]
    assert sentences.shape == (2, 3, 2, 1)
    assert sentences[:, :, 0, 0].T.tolist() == [[5.5, 0.5], [6.5, 7.5], [0, 0]]
    assert sentences[:, :, 1, 0].T.tolist() == [[0.5, 0], [0.5, 0], [7.5, 0]]


def test_a_hierarchical_network_reads_sentences_and_then_these(corpus: LabelledCorpus) -> None:
    network, batch = build(corpus, **KINDS["hierarchical"]), everything(corpus)
    encoder: Any = network.encoder
    assert (batch.words == 0).any()
    for place, length in enumerate(LENGTHS):
        words, sentences = batch.words[:length, place], list[Tensor]()
        ends = [i + 1 for i, word in enumerate(words.tolist()) if word == 0 or i + 1 == length]
        for begin, end in zip([0, *ends], ends, strict=False):
            outputs, _ = encoder.network.words(network.embedding(words[begin:end]).unsqueeze(1))
            sentences.append(outputs[-1])
        outputs, _ = encoder.network.sentences(torch.stack(sentences))
        expected = network.output(outputs[-1])
        torch.testing.assert_close(network(alone(batch, place)), expected, rtol=0, atol=1e-12)


# Output


def test_two_labels_are_one_number_and_more_are_one_each(corpus_of: Callable[..., LabelledCorpus]) -> None:
    two, three = corpus_of(LENGTHS, labels=2), corpus_of(LENGTHS, labels=3)
    logistic, softmax = (build(each, **KINDS["bag_of_embeddings"]) for each in (two, three))
    batch = everything(two)
    z = logistic(batch)
    assert z.shape == (12, 1)
    p = z.squeeze(1).sigmoid()
    expected = -torch.where(batch.labels == 1, p, 1 - p).log().mean()
    torch.testing.assert_close(logistic.loss(batch), expected)
    assert torch.equal(logistic.decode(batch), (p > 0.5).long())
    batch = everything(three)
    p = softmax(batch).softmax(1)
    torch.testing.assert_close(softmax.loss(batch), -p.log()[torch.arange(12), batch.labels].mean())
    assert torch.equal(softmax.decode(batch), p.argmax(1))


def test_rows_that_are_too_long_are_scaled_down_and_others_stay(corpus: LabelledCorpus) -> None:
    network = build(corpus, **KINDS["convolution"], row_norm=3.0)
    weight = network.output.weight
    with torch.no_grad():
        weight.copy_(nn.functional.normalize(weight) * torch.tensor([[1.0], [3.0], [12.0]]))
    before = weight.clone()
    network.constrain()
    assert torch.equal(weight[0], before[0])
    torch.testing.assert_close(weight[2], before[2] / 4, rtol=1e-6, atol=0)
    torch.testing.assert_close(weight.norm(dim=1), torch.tensor([1.0, 3, 3], dtype=torch.float64), rtol=1e-6, atol=0)
    free = build(corpus, **KINDS["convolution"], row_norm=None)
    free.output.weight.data *= 1000
    before = free.output.weight.clone()
    free.constrain()
    assert torch.equal(free.output.weight, before)
