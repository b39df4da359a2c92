"""Training against a raw PyTorch loop on ``torch.nn`` in float64, and its single parts."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tasks.language_modeling.settings import LanguageModelingSettings, Network, Training
from tasks.language_modeling.task import LanguageModeling
from tasks.text.running import TextData, TokenCorpus
from unroll.contract import UserError

Fit = Callable[..., Any]
COLUMNS, BPTT, HIDDEN = 4, 5, 6


@pytest.fixture
def corpus(corpus_of: Callable[..., TokenCorpus]) -> TokenCorpus:
    """Columns of 58 tokens, which are eleven windows of 5 steps and one of 3; two tokens are left out."""
    return corpus_of(train=4 * 58 + 2)


@pytest.fixture
def fit(corpus: TokenCorpus, trainer_of: Callable[..., pl.Trainer]) -> Fit:
    """Trains in float64 and gives the module back: ``fit(epochs=2, ...)`` with fields of Training."""

    def run(*, validate: bool = True, **training: Any) -> Any:
        task = LanguageModeling()
        settings = LanguageModelingSettings(
            network=Network(hidden=HIDDEN, depth=2),
            training=Training(**{"batch_size": COLUMNS, "bptt": BPTT, "epochs": 1, "optimizer": "sgd", **training}),
        )
        module: Any = task.module(settings, corpus).double()
        module.initialise(1)
        trainer = trainer_of(epochs=settings.training.epochs, limit_val_batches=None if validate else 0)
        trainer.fit(module, datamodule=task.data(settings, corpus, 1))
        assert trainer.global_step == task.steps(settings, corpus)
        return module

    return run


class Raw(nn.Module):
    """Embedding, deep LSTM and output of ``torch.nn``, with a module's weights; its second biases stay zero."""

    def __init__(self, vocabulary: int, start: dict[str, Tensor]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, HIDDEN)
        self.lstm = nn.LSTM(HIDDEN, HIDDEN, num_layers=2)
        self.output = nn.Linear(HIDDEN, vocabulary)
        self.double().load_state_dict(start)
        for name, bias in self.lstm.named_parameters():
            bias.requires_grad_(not name.startswith("bias_hh"))


def renamed(module: Any) -> dict[str, Tensor]:
    """A module's weights under the names of :class:`Raw`."""
    found = {}
    for name, weight in module.network.state_dict().items():
        if name.startswith("recurrent."):
            _, _, layer, _, part, kind = name.split(".")
            name = f"lstm.{kind}_{'ih' if part == 'read' else 'hh'}_l{layer}"
            if kind == "bias":
                found[name.replace("ih", "hh")] = torch.zeros_like(weight)
        found[name] = weight.clone()
    return found


def train_raw(model: Raw, corpus: TokenCorpus, *, rates: list[float], ceiling: float) -> list[float]:
    """Truncated BPTT with the loss summed over time; gives the norms of the gradients before they were clipped."""
    steps = len(corpus.train) // COLUMNS
    text = torch.from_numpy(np.concatenate(([corpus.start], corpus.train[: steps * COLUMNS])).astype(np.int64))
    norms = []
    for rate in rates:
        optimizer, state = torch.optim.SGD(model.parameters(), lr=rate), None
        for begin in range(0, steps, BPTT):
            places = [range(c * steps + begin, c * steps + min(begin + BPTT, steps)) for c in range(COLUMNS)]
            inputs = torch.stack([text[list(place)] for place in places])
            targets = torch.stack([text[[i + 1 for i in place]] for place in places])
            hidden, (h, c) = model.lstm(model.embedding(inputs).transpose(0, 1), state)
            state = (h.detach(), c.detach())
            nll = cross_entropy(model.output(hidden).permute(1, 2, 0), targets, reduction="none")
            model.zero_grad()
            nll.sum(dim=1).mean().backward()  # type: ignore[no-untyped-call]
            gradients = [p.grad for p in model.parameters() if p.grad is not None]
            norm = math.sqrt(sum((g**2).sum().item() for g in gradients))
            for gradient in gradients:
                gradient *= min(1.0, ceiling / norm)
            optimizer.step()
            norms.append(norm)
    return norms


def test_training_is_that_of_a_raw_loop(fit: Fit, corpus: TokenCorpus) -> None:
    decay = {"learning_rate": 0.5, "decay_start": 1, "decay_factor": 2.0}
    start = LanguageModeling().module(LanguageModelingSettings(network=Network(hidden=HIDDEN, depth=2)), corpus)
    start.double().initialise(1)  # type: ignore[operator]
    raw = Raw(len(corpus.vocabulary), renamed(start))
    norms = train_raw(raw, corpus, rates=[0.5, 0.25, 0.125], ceiling=0.7)
    assert 0 < sum(norm > 0.7 for norm in norms) < len(norms)  # clipping is at work, and not always
    module = fit(epochs=3, reduction="time_sum", clip_norm=0.7, **decay)
    torch.testing.assert_close(renamed(module), raw.state_dict(), rtol=0, atol=1e-6)
    assert module.items_seen == 3 * 4 * 58


def test_the_summed_loss_is_the_mean_loss_times_the_steps_of_a_window(fit: Fit) -> None:
    """Windows of 2 steps here; for Zaremba's 20, a learning rate of 1 is one of 20 for the mean over tokens."""
    common: dict[str, Any] = {"bptt": 2, "clip_norm": None}
    summed = fit(reduction="time_sum", learning_rate=0.1, **common)
    mean = fit(reduction="token_mean", learning_rate=0.2, **common)
    torch.testing.assert_close(renamed(summed), renamed(mean), rtol=0, atol=1e-12)


def test_windows_with_a_carried_state_read_one_long_text(fit: Fit) -> None:
    """With a vanishing learning rate, cutting the text into windows changes no likelihood."""
    short, whole = (fit(bptt=bptt, learning_rate=1e-30) for bptt in (5, 58))
    torch.testing.assert_close(short._training_state.epoch.nats, whole._training_state.epoch.nats, rtol=1e-13, atol=0)


def test_an_epoch_begins_with_a_zero_state(fit: Fit) -> None:
    once, twice = (fit(epochs=epochs, learning_rate=1e-30) for epochs in (1, 2))
    torch.testing.assert_close(once._training_state.epoch.nats, twice._training_state.epoch.nats, rtol=1e-13, atol=0)


def test_validation_does_not_disturb_training(fit: Fit) -> None:
    validated, alone = (fit(epochs=2, validate=validate, learning_rate=0.5) for validate in (True, False))
    assert all(torch.equal(a, b) for a, b in zip(validated.parameters(), alone.parameters(), strict=True))


def test_a_text_shorter_than_its_columns_is_a_users_mistake(tmp_path: Any) -> None:
    settings = LanguageModelingSettings(data=TextData(sentences=30), training=Training(batch_size=5000))
    with pytest.raises(UserError) as caught:
        LanguageModeling().prepare(settings, tmp_path)
    assert str(caught.value).startswith(
        "training.batch_size: the training text must have at least as many tokens as there are columns (received "
    )
    assert str(caught.value).endswith(" tokens for 5000 columns); lower training.batch_size")
