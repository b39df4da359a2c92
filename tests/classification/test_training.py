"""Training against a raw PyTorch loop on ``torch.nn`` in float64, sentence by sentence and without any padding."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tasks.classification.settings import ClassificationSettings
from tasks.classification.task import Classification
from tasks.text.labelled import LabelledCorpus

LENGTHS = [3, 1, 5, 2, 2, 7, 1, 4, 6, 3, 3, 9]
CEILING, ROW = 0.3, 0.5
KINDS: dict[str, dict[str, Any]] = {
    "lstm": {"direction": "bidirectional"},
    "mean": {"cell": "gru", "summary": "mean"},
    "hierarchical": {"kind": "hierarchical", "cell": "elman"},
    "convolution": {"kind": "convolution", "windows": [2, 3]},
    "bag": {"kind": "bag_of_embeddings"},
}


def settings_of(network: dict[str, Any], **training: Any) -> ClassificationSettings:
    return ClassificationSettings.model_validate(
        {
            "network": {"hidden": 4, "embedding": 3, "output_dropout": 0, "row_norm": ROW, **network},
            "training": {"batch_size": 5, "epochs": 2, "optimizer": "sgd", "learning_rate": 0.5, **training},
        }
    )


def fit(settings: ClassificationSettings, corpus: LabelledCorpus, trainer: pl.Trainer, *, double: bool = True) -> Any:
    task = Classification()
    module: Any = task.module(settings, corpus)
    module = module.double() if double else module
    module.initialise(1)
    trainer.fit(module, datamodule=task.data(settings, corpus, 1))
    assert trainer.global_step == task.steps(settings, corpus)
    return module


class Raw(nn.Module):
    """Embedding, LSTMs and output of ``torch.nn``, starting from a classifier's weights."""

    def __init__(self, start: dict[str, Tensor]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 3)
        self.lstms = nn.ModuleList(nn.LSTM(3, 4) for _ in range(2))
        self.output = nn.Linear(8, 3)
        self.double().load_state_dict(renamed(start), strict=False)
        for lstm in self.lstms:
            lstm.get_parameter("bias_hh_l0").data.zero_()
            lstm.get_parameter("bias_hh_l0").requires_grad = False  # our cells have one bias

    def forward(self, words: Tensor) -> Tensor:
        """Logits of one sentence, shape (labels,), for words of shape (time,)."""
        read = self.embedding(words)
        there, back = self.lstms[0](read)[0][-1], self.lstms[1](read.flip(0))[0][-1]
        logits: Tensor = self.output(torch.cat([there, back]))
        return logits


def renamed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """A classifier's weights under the names of :class:`Raw`."""
    names = {name: name for name in ("embedding.weight", "output.weight", "output.bias")}
    for i, way in enumerate(("forward", "backward")):
        cell = f"encoder.network.{way}_layers.0.cell"
        names |= {
            f"lstms.{i}.weight_ih_l0": f"{cell}.read.weight",
            f"lstms.{i}.bias_ih_l0": f"{cell}.read.bias",
            f"lstms.{i}.weight_hh_l0": f"{cell}.recur.weight",
        }
    assert set(names.values()) == set(weights)
    return {theirs: weights[ours].clone() for theirs, ours in names.items()}


def test_training_is_that_of_a_raw_loop(
    corpus_of: Callable[..., LabelledCorpus], trainer_of: Callable[..., pl.Trainer]
) -> None:
    corpus, settings = corpus_of(LENGTHS), settings_of(KINDS["lstm"], clip_norm=CEILING)
    start: Any = Classification().module(settings, corpus).double()
    start.initialise(1)
    raw = Raw(start.network.state_dict())
    optimizer, norms, shortened = torch.optim.SGD(raw.parameters(), lr=0.5), [], 0
    loader: Any = Classification().data(settings, corpus, 1).train_dataloader()
    for batch in (batch for _ in range(2) for batch in loader):
        logits = torch.stack([raw(batch.words[:n, i]) for i, n in enumerate(batch.lengths.tolist())])
        optimizer.zero_grad()
        cross_entropy(logits, batch.labels).backward()  # type: ignore[no-untyped-call]
        gradients = [weight.grad for weight in raw.parameters() if weight.grad is not None]
        norms.append(math.sqrt(sum((g**2).sum().item() for g in gradients)))
        for gradient in gradients:
            gradient *= min(1.0, CEILING / norms[-1])
        optimizer.step()
        with torch.no_grad():
            for row in raw.output.weight:
                shortened += int(row.norm() > ROW)
                row *= min(1.0, ROW / float(row.norm()))
    assert 0 < sum(norm > CEILING for norm in norms) < len(norms), norms  # clipping is at work, and not always
    assert 0 < shortened < 3 * len(norms)  # and so is the constraint
    module = fit(settings, corpus, trainer_of(epochs=2))
    ours, theirs = renamed(module.network.state_dict()), raw.state_dict()
    torch.testing.assert_close(ours, {name: theirs[name] for name in ours}, rtol=0, atol=1e-6)
    assert module.items_seen == 2 * sum(LENGTHS)


def test_a_step_that_cannot_be_taken_ends_as_the_norm(
    corpus_of: Callable[..., LabelledCorpus], trainer_of: Callable[..., pl.Trainer]
) -> None:
    corpus, settings = corpus_of(LENGTHS), settings_of({}, epochs=1)
    module = fit(settings, corpus, trainer_of())
    module.network.output.weight.data[0, 0] = math.inf
    before = [weight.clone() for weight in module.network.parameters()]
    module.trainer.strategy.connect(module)
    loader: Any = Classification().data(settings, corpus, 1).train_dataloader()
    loss = module.training_step(next(iter(loader)), 0)
    assert not math.isfinite(loss)
    assert all(torch.equal(a, b) for a, b in zip(before, module.network.parameters(), strict=True))


def test_weights_are_a_function_of_the_seed_wherever_name_and_shape_agree(
    corpus_of: Callable[..., LabelledCorpus],
) -> None:
    found = []
    for kind, seed in (("lstm", 1), ("convolution", 1), ("lstm", 2)):
        module: Any = Classification().module(settings_of(KINDS[kind]), corpus_of(LENGTHS))
        module.initialise(seed)
        assert module.network.output.weight.norm(dim=1).max() <= ROW + 1e-6
        found.append(module.network.embedding.weight)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_sentiment_is_learned(tmp_path: Path, trainer_of: Any) -> None:
    """A small study in itself: always *neutral* is right for half of the sentences."""
    task, found = Classification(), {}
    for name, network in {"bidirectional": {"direction": "bidirectional"}, "convolution": KINDS["convolution"]}.items():
        settings = ClassificationSettings.model_validate(
            {
                "data": {"sentences": 1500},
                "network": {"hidden": 24, "embedding": 16, **network},
                "training": {"epochs": 6, "batch_size": 32, "learning_rate": 1e-2},
            }
        )
        corpus = task.prepare(settings, tmp_path)
        trainer = trainer_of(epochs=6, limit_val_batches=0)
        module = fit(settings, corpus, trainer, double=False)
        found[name] = trainer.test(module, datamodule=task.data(settings, corpus, 0), verbose=False)[0]
    for metrics in found.values():
        assert metrics["test/accuracy"] > 0.85
        assert metrics["test/macro_f1"] > 0.8
        assert sum(count for name, count in metrics.items() if "confusion" in name) == 300
