"""Perplexity of held-out text against a loop over single tokens in float64."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from tasks.language_modeling.batches import EVALUATION_TOKENS
from tasks.language_modeling.likelihood import Likelihood
from tasks.language_modeling.settings import LanguageModelingSettings, Network, Training
from tasks.language_modeling.task import LanguageModeling
from tasks.text.running import TokenCorpus
from tests.tasks.run import Run

TOKENS = 2 * EVALUATION_TOKENS + 77
"""Three segments of one column, the last one shorter; no multiple of the columns below."""


def slow_perplexity(network: Any, corpus: TokenCorpus, columns: int) -> float:
    """Each column from a zero state, one token at a time."""
    ids = [corpus.start, *corpus.test.tolist()]
    steps = math.ceil(len(corpus.test) / columns)
    nats = 0.0
    for begin in range(0, len(corpus.test), steps):
        state = network.initial_state(1)
        for place in range(begin, min(begin + steps, len(corpus.test))):
            logits, state = network(torch.tensor([[ids[place]]]), state)
            nats -= torch.log_softmax(logits[0, 0], dim=0)[ids[place + 1]].item()
    return math.exp(nats / len(corpus.test))


@pytest.mark.parametrize(("cell", "columns"), [("lstm", 1), ("lstm", 4), ("gru", 7), ("elman", 1)])
def test_perplexity_is_that_of_a_slow_loop(
    corpus_of: Callable[..., TokenCorpus], trainer_of: Callable[..., pl.Trainer], cell: str, columns: int
) -> None:
    corpus, task = corpus_of(train=40, test=TOKENS), LanguageModeling()
    settings = LanguageModelingSettings(
        network=Network(cell=cell, hidden=6, depth=2, dropout=0.5, initialization="uniform", initialization_scale=0.9),
        training=Training(evaluation_batch_size=columns),
    )
    module: Any = task.module(settings, corpus).double()
    module.initialise(1)
    (metrics,) = trainer_of().test(module, datamodule=task.data(settings, corpus, 1), verbose=False)
    module.eval()
    with torch.no_grad():
        expected = slow_perplexity(module.network, corpus, columns)
    assert metrics["test/perplexity"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "network", [{"hidden": 4}, {"kind": "window", "order": 3, "hidden": 4}, {"kind": "ngram", "order": 3}]
)
def test_bits_per_character_are_log2_of_perplexity_where_tokens_are_characters(
    network: dict[str, Any], tmp_path: Path
) -> None:
    task, told = LanguageModeling(), {}
    for level in ("character", "word"):
        settings = task.settings.model_validate(
            {"data": {"sentences": 40, "level": level}, "network": network, "training": {"epochs": 1}}
        )
        dataset = task.prepare(settings, tmp_path)
        told[level] = {name: value for _, name, value in Run(task, settings, dataset).rows}
        absent = [name for name in task.metrics if name not in told[level]]
        assert absent == list(task.absent(settings, dataset))
    for split in ("validation", "test"):
        bits = told["character"][f"{split}/bits_per_character"]
        assert bits == pytest.approx(math.log2(told["character"][f"{split}/perplexity"]), abs=1e-12)
        assert f"{split}/bits_per_character" not in told["word"]


def test_two_characters_of_one_bit_and_of_three_have_two() -> None:
    likelihood = Likelihood().plus(torch.tensor(math.log(2), dtype=torch.float64), 1)
    likelihood = likelihood.plus(torch.tensor(math.log(8), dtype=torch.float64), 1)
    scores = likelihood.scores(characters=True)
    assert scores == pytest.approx({"perplexity": 4, "bits_per_character": 2}, abs=1e-15)
    assert list(likelihood.scores(characters=False)) == ["perplexity"]


def test_a_uniform_model_has_the_vocabulary_as_its_perplexity(
    corpus_of: Callable[..., TokenCorpus], trainer_of: Callable[..., pl.Trainer]
) -> None:
    corpus, task, settings = corpus_of(train=40), LanguageModeling(), LanguageModelingSettings()
    module = task.module(settings, corpus)
    for parameter in module.parameters():
        torch.nn.init.zeros_(parameter)
    (metrics,) = trainer_of().test(module, datamodule=task.data(settings, corpus, 1), verbose=False)
    assert metrics["test/perplexity"] == pytest.approx(len(corpus.vocabulary), rel=1e-6)
