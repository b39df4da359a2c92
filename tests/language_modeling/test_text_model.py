"""Text that a language model writes: every kind against scoring it token by token, the slow way."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.decoding.decodings.beam import Beam
from tasks.decoding.decodings.greedy import Greedy
from tasks.decoding.decodings.sampling import Sampling
from tasks.decoding.decodings.variable_beam import VariableBeam
from tasks.language_modeling.kneser_ney import KneserNey
from tasks.language_modeling.network import NextToken
from tasks.language_modeling.settings import Network
from tasks.language_modeling.task import build_network
from tasks.language_modeling.text_model import CountedModel, TextModel, continuation_request
from tasks.recurrent.initialization import Initialization

VOCABULARY, END = 6, 0
TEXT = [END, 3, 1, 1, 4, END, 2, 5]
DECODINGS = [Greedy(), Sampling(samples=4), Beam(width=4, length_normalization="none"), VariableBeam(width=6)]
NETWORKS: dict[str, dict[str, Any]] = {
    "lstm": {"cell": "lstm", "hidden": 5, "depth": 2},
    "gru": {"cell": "gru", "hidden": 4, "loop": "plain"},
    "skip": {"cell": "elman", "hidden": 4, "depth": 2, "connections": "skip"},
    "window": {"kind": "window", "order": 4, "hidden": 5, "direct": True},
    "bigram window": {"kind": "window", "order": 2, "hidden": 5},
}


def network(name: str) -> NextToken:
    made = build_network(Network(**NETWORKS[name]), vocabulary=VOCABULARY).double().eval()
    Initialization(scale=1.5).fill(made, seed=2)
    return made


def counted(order: int) -> KneserNey:
    text = np.random.default_rng(4).integers(0, VOCABULARY, 300)
    return KneserNey.count(text, order=order, vocabulary=VOCABULARY, boundary=END)


def of_network(model: NextToken) -> Callable[[Sequence[int]], float]:
    """Log-probability of the last token of a text: the whole text in one pass from its start."""

    def score(text: Sequence[int]) -> float:
        logits, _ = model(torch.tensor(text[:-1]).unsqueeze(1), model.initial_state(1))
        return float(logits[-1, 0].log_softmax(0)[text[-1]])

    return score


def of_counts(model: KneserNey) -> Callable[[Sequence[int]], float]:
    """The same of n-grams."""
    return lambda text: math.log(model.probabilities(np.array(text[1:]))[-1])


MODELS: dict[str, tuple[TextModel, Callable[[Sequence[int]], float]]] = {
    **{name: (model, of_network(model)) for name in NETWORKS for model in [network(name)]},
    **{f"{order}-gram": (CountedModel(model), of_counts(model)) for order in (1, 2, 4) for model in [counted(order)]},
}


@pytest.mark.parametrize("decoding", DECODINGS, ids=lambda d: type(d).__name__)
@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_what_is_written_has_the_models_own_probability(name: str, decoding: Any) -> None:
    model, score = MODELS[name]
    (found,) = decoding.decode(continuation_request(model, TEXT, limit=6, end=END, seed=3))
    assert found
    for one in found:
        whole = [*TEXT, *one.tokens]
        slow = sum(score(whole[: len(TEXT) + t + 1]) for t in range(len(one.tokens)))
        assert one.log_probability == pytest.approx(slow, abs=1e-9)
        assert one.finished == (one.tokens[-1] == END)
        assert one.finished or len(one.tokens) == 6


@pytest.mark.parametrize("name", MODELS)
@torch.no_grad()
def test_texts_are_read_side_by_side_as_they_are_alone(name: str) -> None:
    model, _ = MODELS[name]
    texts, state = torch.randint(VOCABULARY, (3, 7), generator=torch.Generator().manual_seed(0)), model.initial_state(3)
    for t in range(7):
        together, state = model.step(texts[:, t], state)
    alone = []
    for text in texts:
        asked = continuation_request(model, text.tolist(), limit=1, end=None, seed=0)
        alone.append(model.step(asked.start, asked.state)[0])
    torch.testing.assert_close(together, torch.cat(alone))
    torch.testing.assert_close(together.exp().sum(1), torch.ones(3, dtype=torch.float64))


texts = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=60)


@settings(deadline=None, max_examples=60)
@given(texts, texts, st.integers(1, 5))
def test_the_distribution_behind_a_history_is_that_of_each_word(train: list[int], text: list[int], order: int) -> None:
    model = KneserNey.count(np.array(train), order=order, vocabulary=VOCABULARY, boundary=END)
    found = model.distributions(model.histories(np.array(text)))
    for t in range(len(text)):
        slow = [model.probabilities(np.array([*text[:t], word]))[-1] for word in range(VOCABULARY)]
        np.testing.assert_allclose(found[t], slow, rtol=1e-12)
