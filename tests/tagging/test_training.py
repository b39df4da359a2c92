"""Training against a raw PyTorch loop on ``torch.nn`` in float64, sentence by sentence and without any padding."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tasks.learning.loaders import BucketLoader
from tasks.tagging.batches import BatchMaker
from tasks.tagging.settings import Network, TaggingSettings, Training
from tasks.tagging.task import Tagging
from tasks.text.tagged import TaggedCorpus, TaggedData
from tests.tasks.run import Run

LENGTHS = [3, 1, 5, 2, 2, 7, 1, 4, 6, 3, 3, 9]
HIDDEN = 4
CEILING = 0.2


@pytest.fixture
def corpus(corpus_of: Callable[..., TaggedCorpus]) -> TaggedCorpus:
    return corpus_of(LENGTHS)


Fit = Callable[..., Any]


@pytest.fixture
def fit(corpus: TaggedCorpus, trainer_of: Callable[..., pl.Trainer]) -> Fit:
    """Trains in float64 and gives the module back: ``fit(direction="backward", epochs=2, ...)``."""

    def run(*, direction: str = "bidirectional", **training: Any) -> Any:
        task, settings = Tagging(), settings_of(direction, **training)
        module: Any = task.module(settings, corpus).double()
        module.initialise(1)
        trainer = trainer_of(epochs=settings.training.epochs)
        trainer.fit(module, datamodule=task.data(settings, corpus, 1))
        assert trainer.global_step == task.steps(settings, corpus)
        return module

    return run


def settings_of(direction: str, **training: Any) -> TaggingSettings:
    network = {"hidden": HIDDEN, "embedding": 3, "direction": direction}
    return TaggingSettings(
        network=Network.model_validate(network),
        training=Training(**{"batch_size": 5, "epochs": 2, "optimizer": "sgd", "learning_rate": 0.5, **training}),
    )


class Raw(nn.Module):
    """Embedding, LSTMs and output of ``torch.nn``, starting from a tagger's weights."""

    def __init__(self, start: dict[str, Tensor], direction: str) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 3)
        self.ways = ["forward", "backward"] if direction == "bidirectional" else [direction]
        self.lstms = nn.ModuleList(nn.LSTM(3, HIDDEN) for _ in self.ways)
        self.output = nn.Linear(HIDDEN * len(self.ways), 5)
        self.double().load_state_dict(renamed(start, self.ways), strict=False)
        for lstm in self.lstms:
            lstm.get_parameter("bias_hh_l0").data.zero_()
            lstm.get_parameter("bias_hh_l0").requires_grad = False  # our cells have one bias

    def forward(self, words: Tensor) -> Tensor:
        """Logits of one sentence, shape (time, tags), for words of shape (time,)."""
        read, outputs = self.embedding(words), []
        for way, lstm in zip(self.ways, self.lstms, strict=True):
            turned = read if way == "forward" else read.flip(0)
            written = lstm(turned)[0]
            outputs.append(written if way == "forward" else written.flip(0))
        logits: Tensor = self.output(torch.cat(outputs, dim=1))
        return logits


def renamed(weights: dict[str, Tensor], ways: list[str]) -> dict[str, Tensor]:
    """A tagger's weights under the names of :class:`Raw`."""
    names = {
        "embedding.weight": "embedding.weight",
        "output.weight": "decoder.output.weight",
        "output.bias": "decoder.output.bias",
    }
    for i, way in enumerate(ways):
        cell = f"recurrent.{way}_layers.0.cell"
        names |= {
            f"lstms.{i}.weight_ih_l0": f"{cell}.read.weight",
            f"lstms.{i}.bias_ih_l0": f"{cell}.read.bias",
            f"lstms.{i}.weight_hh_l0": f"{cell}.recur.weight",
        }
    assert set(names.values()) == set(weights)
    return {theirs: weights[ours].clone() for theirs, ours in names.items()}


@pytest.mark.parametrize("direction", ["forward", "backward", "bidirectional"])
def test_training_is_that_of_a_raw_loop(fit: Fit, corpus: TaggedCorpus, direction: str) -> None:
    start: Any = Tagging().module(settings_of(direction), corpus).double()
    start.initialise(1)
    raw = Raw(start.network.state_dict(), direction)
    optimizer, norms = torch.optim.SGD(raw.parameters(), lr=0.5), []
    loader = BucketLoader(BatchMaker(corpus.train), size=5, seed=1)
    for batch in (batch for _ in range(2) for batch in loader):
        sentences = [(batch.words[:n, i], batch.tags[:n, i]) for i, n in enumerate(batch.lengths.tolist())]
        losses = [cross_entropy(raw(words), tags, reduction="sum") for words, tags in sentences]
        optimizer.zero_grad()
        (torch.stack(losses).sum() / batch.lengths.sum()).backward()  # type: ignore[no-untyped-call]
        gradients = [weight.grad for weight in raw.parameters() if weight.grad is not None]
        norms.append(math.sqrt(sum((g**2).sum().item() for g in gradients)))
        for gradient in gradients:
            gradient *= min(1.0, CEILING / norms[-1])
        optimizer.step()
    assert 0 < sum(norm > CEILING for norm in norms) < len(norms), norms  # clipping is at work, and not always
    module = fit(direction=direction, clip_norm=CEILING)
    ours = renamed(module.network.state_dict(), raw.ways)
    theirs = {name: weight for name, weight in raw.state_dict().items() if name in ours}
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
    assert module.items_seen == 2 * sum(LENGTHS)


def test_a_run_tells_what_it_should(corpus: TaggedCorpus) -> None:
    """12 sentences are three batches of five or less, twice."""
    run = Run(Tagging(), settings_of("forward"), corpus, log_every=2)
    told: dict[str, list[int]] = {}
    for step, name, _ in run.rows:
        told.setdefault(name, []).append(step)
    accuracies = ("accuracy", "unknown_word_accuracy", "ambiguous_word_accuracy", "sentence_accuracy")
    assert told == {
        "train/loss": [2, 4, 6],
        "train/gradient_norm": [2, 4, 6],
        **{f"validation/{name}": [3, 6] for name in accuracies},
        **{f"test/{name}": [6] for name in accuracies},
    }
    assert run.module.items_seen == 2 * sum(LENGTHS)


def test_what_stands_at_padding_changes_nothing(corpus: TaggedCorpus) -> None:
    module: Any = Tagging().module(settings_of("bidirectional"), corpus)
    module.initialise(1)
    batch = next(iter(BucketLoader(BatchMaker(corpus.train), size=12, seed=0)))
    padding = torch.arange(len(batch.words)).unsqueeze(1) >= batch.lengths
    other = batch._replace(words=batch.words.where(~padding, 7))
    assert padding.any()
    assert torch.equal(module.network.loss(batch), module.network.loss(other))
    guesses, again = module.network.decode(batch), module.network.decode(other)
    assert torch.equal(guesses[~padding], again[~padding])


@pytest.mark.parametrize(
    ("direction", "sees_before", "sees_after"),
    [("forward", True, False), ("backward", False, True), ("bidirectional", True, True)],
)
def test_a_direction_sees_its_side(corpus: TaggedCorpus, direction: str, sees_before: bool, sees_after: bool) -> None:
    module: Any = Tagging().module(settings_of(direction), corpus)
    module.initialise(1)
    words = torch.zeros(5, 1, dtype=torch.int64)
    plain = module.network(words, torch.tensor([5]))[2]
    seen = []
    for place in (0, 4):
        changed = words.clone()
        changed[place] = 1
        seen.append(not torch.equal(module.network(changed, torch.tensor([5]))[2], plain))
    assert seen == [sees_before, sees_after]


def test_a_very_long_sentence_is_tagged_to_its_end(corpus_of: Callable[..., TaggedCorpus]) -> None:
    corpus = corpus_of(LENGTHS, held_out=(100_000, 1))
    run = Run(Tagging(), settings_of("forward", epochs=1), corpus)
    data: Any = Tagging().data(settings_of("forward"), corpus, 1)
    assert sum(int(batch.lengths.sum()) for batch in data.test_dataloader()) == 100_001
    assert 0 < run.tested["test/accuracy"] < 1


def test_a_step_that_cannot_be_taken_ends_as_the_norm(corpus: TaggedCorpus, fit: Fit) -> None:
    module = fit(epochs=1)
    before = [weight.clone() for weight in module.network.parameters()]
    module.network.decoder.output.weight.data[0, 0] = math.inf
    before[-2] = module.network.decoder.output.weight.clone()
    module.trainer.strategy.connect(module)
    loss = module.training_step(next(iter(BucketLoader(BatchMaker(corpus.train), size=5, seed=0))), 0)
    assert not math.isfinite(loss)
    assert all(torch.equal(a, b) for a, b in zip(before, module.network.parameters(), strict=True))


def test_the_toy_language_is_learned_better_from_both_sides(tmp_path: Any, trainer_of: Any) -> None:
    """A small study in itself: alone 0.90; the left side 0.98, the right side 0.97, both nearly everything."""
    task, found = Tagging(), {}
    for direction in ("forward", "backward", "bidirectional"):
        network = Network.model_validate({"hidden": 24, "embedding": 16, "direction": direction})
        settings = TaggingSettings(
            data=TaggedData(sentences=1500), network=network, training=Training(epochs=5, learning_rate=1e-2)
        )
        corpus = task.prepare(settings, tmp_path)
        module: Any = task.module(settings, corpus)
        module.initialise(0)
        trainer = trainer_of(epochs=5, limit_val_batches=0)
        trainer.fit(module, datamodule=task.data(settings, corpus, 0))
        found[direction] = trainer.test(module, datamodule=task.data(settings, corpus, 0), verbose=False)[0]
    accuracies = {direction: metrics["test/accuracy"] for direction, metrics in found.items()}
    assert 0.94 < accuracies["backward"] < accuracies["forward"] < accuracies["bidirectional"]
    assert "test/unknown_word_accuracy" not in found["forward"], "the toy language has no unknown words"
