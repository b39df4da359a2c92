"""Attention against its equations one number at a time; steps against whole sequences; batches against sentences."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tasks.decoding.decoding import Request
from tasks.decoding.decodings.beam import Beam
from tasks.decoding.decodings.greedy import Greedy
from tasks.encoder_decoder.attention import Attention
from tasks.encoder_decoder.attentions.additive import Additive
from tasks.encoder_decoder.attentions.dot import Dot
from tasks.encoder_decoder.attentions.general import General
from tasks.encoder_decoder.bridge import Bridge
from tasks.encoder_decoder.decoder import Decoder
from tasks.encoder_decoder.encoder import Encoder
from tasks.encoder_decoder.network import EncoderDecoder
from tasks.recurrent.stack import RecurrentNetwork
from tasks.remedies.kinds.scheduled_sampling import ScheduledSampling
from tasks.remedies.kinds.teacher_forcing import TeacherForcing
from tasks.remedies.remedy import PADDING, Examples

END, WORDS, EMBEDDING, HIDDEN, FEATURES = 0, 7, 5, 6, 6
LENGTHS = (4, 2, 3)
SOURCE = torch.tensor([[1, 2, 3], [4, 5, 6], [3, 0, 1], [2, 0, 0]])
KINDS = [
    (None, "after", False),
    ("additive", "before", False),
    ("dot", "after", False),
    ("general", "after", True),
    ("additive", "after", True),
]


def attention_of(name: str | None) -> Attention | None:
    if name is None:
        return None
    if name == "additive":
        return Additive(queries=HIDDEN, features=FEATURES, attention_size=3)
    return {"dot": Dot, "general": General}[name](queries=HIDDEN, features=FEATURES)


def built(
    name: str | None, looks: Any, feeding: bool, *, cell: str = "gru", depth: int = 1, bridge: Any = "dense"
) -> EncoderDecoder:
    torch.manual_seed(0)
    attention = attention_of(name)
    encoder = RecurrentNetwork(cell=cell, inputs=EMBEDDING, hidden=HIDDEN // 2, depth=depth, direction="bidirectional")
    reads = Decoder.reads(
        embedding=EMBEDDING,
        hidden=HIDDEN,
        features=FEATURES,
        attention=attention is not None,
        looks=looks,
        input_feeding=feeding,
    )
    network = RecurrentNetwork(cell=cell, inputs=reads, hidden=HIDDEN, depth=depth)
    parts = network.layers()[0].cell.parts
    decoder = Decoder(
        vocabulary=WORDS,
        embedding=EMBEDDING,
        network=network,
        hidden=HIDDEN,
        features=FEATURES,
        bridge=Bridge(bridge, depth=depth, parts=parts, features=FEATURES, hidden=HIDDEN),
        attention=attention,
        looks=looks,
        input_feeding=feeding,
        dropout=0.0,
    )
    model = EncoderDecoder(Encoder(vocabulary=WORDS, embedding=EMBEDDING, network=encoder), decoder).double()
    with torch.no_grad():
        for weight in model.parameters():
            weight.copy_(torch.randn(weight.shape, dtype=torch.float64) * 0.5)
    return model


def slow_score(attention: Attention, state: Tensor, word: Tensor) -> float:
    """One number, by the papers' equations."""
    if isinstance(attention, Additive):
        total = 0.0
        for unit in range(3):
            inner = attention.query.weight[unit] @ state + attention.key.weight[unit] @ word + attention.key.bias[unit]
            total += attention.score.weight[0, unit].item() * math.tanh(inner.item())
        return total
    if isinstance(attention, General):
        return (state @ attention.key.weight @ word).item()
    return (state @ word).item()


@pytest.mark.parametrize("name", ["additive", "dot", "general"])
def test_attention_is_its_equation_and_never_looks_at_padding(name: str) -> None:
    torch.manual_seed(1)
    attention = attention_of(name)
    assert attention is not None
    attention = attention.double()
    outputs, queries = torch.randn(4, 3, FEATURES).double(), torch.randn(3, 2, HIDDEN).double()
    outputs[3, 2] = math.nan  # padding may be anything that encoders leave there
    outputs = torch.where(torch.isnan(outputs), 1e3, outputs)
    contexts, weights = attention(queries, attention.remember(outputs, torch.tensor(LENGTHS)))
    for sentence, step in itertools.product(range(3), range(2)):
        words = [outputs[place, sentence] for place in range(LENGTHS[sentence])]
        scores = [slow_score(attention, queries[sentence, step], word) for word in words]
        whole = sum(map(math.exp, scores))
        expected = [math.exp(score) / whole for score in scores]
        assert weights[sentence, step, : len(words)].tolist() == pytest.approx(expected)
        assert not weights[sentence, step, len(words) :].any()
        context = torch.stack([share * word for share, word in zip(expected, words, strict=True)]).sum(0)
        assert torch.allclose(contexts[sentence, step], context)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize(("name", "looks", "feeding"), KINDS)
def test_reading_a_sequence_is_stepping_through_it(name: str | None, looks: Any, feeding: bool, cell: str) -> None:
    model = built(name, looks, feeding, cell=cell, depth=2)
    bound = model.bind(SOURCE, torch.tensor(LENGTHS))
    embedded = bound.embed(torch.randint(WORDS, (5, 3)))
    whole, state, steps = bound.read(embedded, bound.begin()), bound.begin(), []
    for word in embedded:
        features, state = bound.step(word, state)
        steps.append(features)
    assert torch.allclose(whole, torch.stack(steps))


@pytest.mark.parametrize(("name", "looks", "feeding"), KINDS)
def test_a_batch_is_its_sentences_and_repeating_repeats(name: str | None, looks: Any, feeding: bool) -> None:
    model = built(name, looks, feeding)
    lengths, words = torch.tensor(LENGTHS), torch.randint(WORDS, (4, 3))
    bound = model.bind(SOURCE, lengths)
    together = bound.logits(bound.read(bound.embed(words), bound.begin()))
    for sentence, length in enumerate(LENGTHS):
        alone = model.bind(SOURCE[:length, [sentence]], lengths[[sentence]])
        logits = alone.logits(alone.read(alone.embed(words[:, [sentence]]), alone.begin()))
        assert torch.allclose(together[:, [sentence]], logits)
    twice = bound.repeat(2)
    logits = twice.logits(twice.read(twice.embed(words.repeat_interleave(2, dim=1)), twice.begin()))
    assert torch.allclose(logits, together.repeat_interleave(2, dim=1))


@pytest.mark.parametrize("name", ["dense", "copy", "none"])
def test_a_bridge_is_its_equation(name: Any) -> None:
    model = built("additive", "before", False, cell="lstm", bridge=name)
    encoded = model.encoder(SOURCE, torch.tensor(LENGTHS))
    ((h, c),) = model.decoder.begin(encoded).layers
    (ways,) = encoded.finals
    finals = [torch.cat([way[part] for way in ways], 1) for part in range(2)]
    if name == "dense":
        linears: Any = model.decoder.bridge.layers[0]
        finals = [linears[0](finals[0]).tanh(), linears[1](finals[1])]
    if name == "none":
        finals = [torch.zeros_like(final) for final in finals]
    assert torch.allclose(h, finals[0])
    assert torch.allclose(c, finals[1])


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="received 6 and 4"):
        Dot(queries=6, features=4)
    with pytest.raises(ValueError, match="received 4 of the encoder and 6 of the decoder"):
        Bridge("copy", depth=1, parts=("h",), features=4, hidden=6)


@pytest.mark.parametrize(("name", "looks", "feeding"), KINDS)
def test_searches_and_remedies_take_it(name: str | None, looks: Any, feeding: bool) -> None:
    model = built(name, looks, feeding)
    bound = model.bind(SOURCE, torch.tensor(LENGTHS))
    request = Request(
        step=bound.next, state=bound.begin(), start=torch.zeros(3).long(), end=END, limits=torch.full((3,), 6)
    )
    with torch.no_grad():
        greedy, beam = Greedy().decode(request), Beam(width=1).decode(replace(request))
    assert [found[0].tokens for found in greedy] == [found[0].tokens for found in beam]
    targets = torch.tensor([[1, 2, 3], [2, END, 1], [END, PADDING, END]])
    examples = Examples(start=torch.zeros(3).long(), targets=targets, end=END, limit=5, update=0, updates=10)
    teacher = TeacherForcing(features=1).objective(bound, examples).loss
    right = ScheduledSampling(features=1, annealing="constant", right_tokens=1.0).objective(bound, examples).loss
    assert torch.allclose(teacher, right)
    teacher.backward()  # type: ignore[no-untyped-call]
    assert all(weight.grad is not None for weight in model.parameters())


def test_evaluating_reads_the_source_again_without_dropout() -> None:
    model = built("additive", "before", False)
    model.encoder.network.dropout._rate = 0.5
    model.train()
    bound = model.bind(SOURCE, torch.tensor(LENGTHS))
    with bound.evaluating() as quiet:
        first = quiet.begin().layers[0][0]
        assert not first.requires_grad
    with bound.evaluating() as quiet:
        assert torch.equal(quiet.begin().layers[0][0], first)
    assert model.training
    assert not torch.equal(bound.begin().layers[0][0], first)
