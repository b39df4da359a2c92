"""Documents against a loop over their sentences."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tasks.recurrent.hierarchy import HierarchicalNetwork
from tasks.recurrent.initialization import Initialization
from tasks.recurrent.stack import Direction, RecurrentNetwork
from tasks.recurrent.summary import SummaryName, build_summary

WORDS, SENTENCES, BATCH, INPUTS = 5, 4, 5, 3
LENGTHS = torch.tensor([[3, 5, 1, 2], [4, 0, 0, 0], [2, 0, 0, 5], [0, 0, 1, 0], [0, 0, 0, 0]]).T
"""Full documents, padded ones, ones with empty sentences before and between others, an empty one."""
SHAPES: list[tuple[Direction, SummaryName]] = [
    ("forward", "last"),
    ("bidirectional", "ends"),
    ("bidirectional", "attention"),
    ("bidirectional", "mean"),
    ("bidirectional", "max"),
]


def build(direction: Direction, name: SummaryName) -> HierarchicalNetwork:
    words = RecurrentNetwork(cell="lstm", inputs=INPUTS, hidden=4, direction=direction)
    sentences = RecurrentNetwork(cell="gru", inputs=words.outputs, hidden=6, direction=direction)
    network = HierarchicalNetwork(
        words=words,
        sentence=build_summary(name, words),
        sentences=sentences,
        document=build_summary(name, sentences),
    )
    Initialization(scale=0.5).fill(network, seed=2)
    return network.double()


def documents() -> Tensor:
    torch.manual_seed(1)
    return torch.randn(WORDS, SENTENCES, BATCH, INPUTS, dtype=torch.float64)


def slow(network: Any, document: Tensor, lengths: list[int]) -> Tensor:
    """One document of shape (words, sentences, inputs), one sentence at a time, each from its own start."""
    vectors = []
    for i, length in enumerate(lengths):
        if length:
            outputs, _ = network.words(document[:length, i : i + 1])
            vectors.append(network.sentence(outputs))
    if not vectors:
        return torch.zeros(network.outputs).double()
    outputs, _ = network.sentences(torch.stack(vectors))
    vector: Tensor = network.document(outputs)[0]
    return vector


@pytest.mark.parametrize(("direction", "name"), SHAPES)
def test_a_batch_of_documents_is_each_of_them_alone(direction: Direction, name: SummaryName) -> None:
    network, batch = build(direction, name), documents()
    vectors = network(batch, lengths=LENGTHS)
    assert vectors.shape == (BATCH, network.outputs)
    for i in range(BATCH):
        expected = slow(network, batch[:, :, i], LENGTHS[:, i].tolist())
        torch.testing.assert_close(vectors[i], expected, rtol=0, atol=1e-13)
    assert not vectors[-1].any(), "an empty document"


@pytest.mark.parametrize(("direction", "name"), SHAPES)
def test_padding_never_leaks(direction: Direction, name: SummaryName) -> None:
    network, batch = build(direction, name), documents()
    padding = (torch.arange(WORDS).view(-1, 1, 1) >= LENGTHS).unsqueeze(3)
    results = []
    for junk in (0.0, 1e6):
        filled = batch.masked_fill(padding, junk).requires_grad_()
        vectors = network(filled, lengths=LENGTHS)
        results.append((vectors, torch.autograd.grad(vectors.square().sum(), [filled, *network.parameters()])))
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=1e-12)
    assert not results[1][1][0].masked_select(padding).any()
