"""What is learned: agreement within a window, or at any distance; and that a step is the one it should be."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from tasks.agreement.corpus import AgreementCorpus
from tasks.agreement.settings import AgreementSettings
from tasks.agreement.task import Agreement
from tasks.learning.loaders import BucketLoader

Toy = Callable[[int], AgreementCorpus]
TrainerOf = Callable[..., pl.Trainer]


def settings_of(network: dict[str, Any], **training: Any) -> AgreementSettings:
    sizes = {"hidden": 24, "embedding": 12}
    return AgreementSettings.model_validate({"network": {**sizes, **network}, "training": training})


def learn(settings: AgreementSettings, corpus: AgreementCorpus, trainer_of: TrainerOf) -> dict[str, float]:
    """Accuracies on the test text after training."""
    task = Agreement()
    module: Any = task.module(settings, corpus)
    module.initialise(0)
    trainer = trainer_of(epochs=settings.training.epochs, limit_val_batches=0)
    trainer.fit(module, datamodule=task.data(settings, corpus, 0))
    assert trainer.global_step == task.steps(settings, corpus)
    found = trainer.test(module, datamodule=task.data(settings, corpus, 0), verbose=False)[0]
    return {name.removeprefix("test/"): value for name, value in found.items() if name != "step"}


NETWORKS: dict[str, tuple[dict[str, Any], int]] = {
    "window 3": ({"kind": "window", "order": 3}, 1),
    "window 5": ({"kind": "window", "order": 5}, 3),
    "elman": ({"cell": "elman"}, 20),
    "gru": ({"cell": "gru"}, 20),
}
"""Network, and the most words between subject and verb with which it still reads the subject."""


@pytest.mark.parametrize("name", NETWORKS)
def test_a_window_is_at_chance_exactly_beyond_itself_and_recurrent_networks_never(
    toy: Toy, trainer_of: TrainerOf, name: str
) -> None:
    (network, reach), corpus = NETWORKS[name], toy(8000)
    found = learn(settings_of(network, epochs=5, batch_size=64, learning_rate=0.01), corpus, trainer_of)
    counts = {n: int((corpus.test.distances == n).sum()) for n in range(21)}
    assert all((f"accuracy/distance_{n}" in found) == bool(count) for n, count in counts.items())
    right = {n: count * found[f"accuracy/distance_{n}"] for n, count in counts.items() if count}
    within, beyond = ([n for n in right if (n <= reach) == inside] for inside in (True, False))
    for n in within:
        if counts[n] > 50:
            assert right[n] / counts[n] > 0.9, f"{n} words between"
    if beyond:
        verbs = sum(counts[n] for n in beyond)
        share = sum(right[n] for n in beyond) / verbs
        assert share == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(verbs)), "four standard deviations of guessing"
        assert found["accuracy/attractors_0"] > 0.9 > 0.4 > found["accuracy/attractors_2"], "it believes what it sees"
    else:
        assert found["accuracy"] > 0.97
        assert min(found[f"accuracy/attractors_{n}"] for n in range(4)) > 0.9


@pytest.mark.parametrize("objective", ["number", "language_model"])
def test_training_is_that_of_a_raw_loop(toy: Toy, trainer_of: TrainerOf, objective: str) -> None:
    corpus, task = toy(37), Agreement()
    training = {"objective": objective, "epochs": 2, "batch_size": 8, "optimizer": "sgd", "learning_rate": 0.3}
    settings = settings_of({"cell": "elman"}, clip_norm=0.4, **training)
    module, raw = (task.module(settings, corpus).double() for _ in range(2))
    for each in (module, raw):
        each.initialise(1)  # type: ignore[operator]
    trainer_of(epochs=2, limit_val_batches=0).fit(module, datamodule=task.data(settings, corpus, 1))
    network: Any = raw.network
    loader: Any = task.data(settings, corpus, 1).train_dataloader()
    assert isinstance(loader, BucketLoader)
    clipped = 0
    for batch in (batch for _ in range(2) for batch in loader):
        losses = []
        for i, n in enumerate(batch.lengths.tolist()):
            known = network.output(network.reader(batch.words[:n, i : i + 1], torch.tensor([n])))[:, 0]
            if objective == "number":
                losses.append(binary_cross_entropy_with_logits(known[-1, 0], batch.plural[i].double()))
            else:
                losses.append(cross_entropy(known, batch.following[:n, i], reduction="sum"))
        count = len(losses) if objective == "number" else int(batch.lengths.sum())
        network.zero_grad()
        (torch.stack(losses).sum() / count).backward()  # type: ignore[no-untyped-call]
        norm = math.sqrt(sum((weight.grad**2).sum().item() for weight in network.parameters()))
        clipped += norm > 0.4
        for weight in network.parameters():
            weight.data -= 0.3 * weight.grad * min(1.0, 0.4 / norm)
    assert 0 < clipped < 10, "clipping is at work, and not always"
    torch.testing.assert_close(module.state_dict(), raw.state_dict(), rtol=0, atol=1e-6)
    read = corpus.train.lengths.sum() if objective == "number" else len(corpus.train.words)
    assert module.items_seen == 2 * (read + 37)


def test_a_step_that_cannot_be_taken_ends_as_the_norm(toy: Toy, trainer_of: TrainerOf) -> None:
    corpus, task, settings = toy(37), Agreement(), settings_of({"cell": "elman"}, epochs=1)
    module: Any = task.module(settings, corpus)
    module.initialise(0)
    trainer_of(limit_val_batches=0).fit(module, datamodule=task.data(settings, corpus, 0))
    module.network.output.weight.data[0, 0] = math.inf
    before = [weight.clone() for weight in module.network.parameters()]
    module.trainer.strategy.connect(module)
    loader: Any = task.data(settings, corpus, 0).train_dataloader()
    assert not math.isfinite(module.training_step(next(iter(loader)), 0))
    assert all(torch.equal(a, b) for a, b in zip(before, module.network.parameters(), strict=True))
