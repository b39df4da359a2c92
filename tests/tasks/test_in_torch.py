"""What a task writes as plain PyTorch computes the same logits, by the example beside it, or there is nothing."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from unroll.study import load_task
from unroll.study._settings import put, validated

Options = dict[str, Any]

LANGUAGE: dict[str, Options] = {
    "lstm": {"cell": "lstm", "depth": 2, "dropout": 0.4},
    "gru": {"cell": "gru_reset_after"},
    "elman": {"cell": "elman"},
    "relu": {"cell": "elman", "activation": "relu"},
    "irnn": {"cell": "irnn"},
    "tied": {"cell": "lstm", "tie_weights": True, "hidden": 5},
}
NO_LANGUAGE: dict[str, Options] = {
    "first gru": {"cell": "gru"},
    "logistic": {"cell": "elman", "activation": "logistic"},
    "layer norm": {"cell": "lstm", "layer_norm": True},
    "ablation": {"cell": "lstm", "ablation": "no_forget_gate"},
    "zoneout": {"cell": "lstm", "zoneout": 0.1},
    "skip": {"cell": "lstm", "depth": 2, "connections": "skip"},
    "residual": {"cell": "lstm", "depth": 2, "connections": "residual"},
    "window": {"kind": "window"},
    "n-grams": {"kind": "ngram"},
}
LABELS: dict[str, Options] = {
    "both ways": {"cell": "gru_reset_after", "direction": "bidirectional", "depth": 2},
    "mean": {"cell": "elman", "summary": "mean", "direction": "forward"},
    "max": {"cell": "lstm", "summary": "max", "direction": "bidirectional"},
    "last": {"cell": "lstm", "summary": "last", "direction": "forward"},
    "two stacks of one": {"cell": "lstm", "direction": "bidirectional", "stacking": "independent"},
}
NO_LABELS: dict[str, Options] = {
    "two stacks": {"cell": "lstm", "direction": "bidirectional", "stacking": "independent", "depth": 2},
    "attention": {"summary": "attention"},
    "backward": {"cell": "lstm", "direction": "backward"},
    "words in a bag": {"kind": "bag_of_embeddings"},
    "convolution": {"kind": "convolution"},
}


def build(name: str, network: Options, cache: Path, **data: Any) -> tuple[Any, Any, Any, Any]:
    task, nested = load_task(name), dict[str, Any]()
    for path, value in {"data.sentences": 30, **{f"network.{key}": each for key, each in network.items()}}.items():
        put(nested, path, value)
    for key, value in data.items():
        put(nested, f"data.{key}", value)
    settings = validated(task.settings, nested)
    dataset = task.prepare(settings, cache)
    module: Any = task.module(settings, dataset)
    module.initialise(3)
    for part in module.parameters():
        part.data += 0.1 * torch.randn_like(part) if part.requires_grad else 0  # biases too
    return task, settings, dataset, module.eval()


def run_example(task: Any, settings: Any, dataset: Any, module: Any, folder: Path) -> dict[str, Any]:
    plain = task.in_torch(settings, dataset, module)
    assert plain is not None
    assert 8 <= len(plain.example.splitlines()) <= 20
    save_file({name: part.detach().clone() for name, part in plain.state.items()}, folder / "weights.safetensors")
    (folder / "vocabulary.json").write_text(json.dumps(task.kept(settings, dataset)), encoding="utf-8")
    (folder / "example.py").write_text(plain.example, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.chdir(folder)
        return runpy.run_path("example.py")


@pytest.mark.parametrize("options", LANGUAGE.values(), ids=LANGUAGE)
@pytest.mark.parametrize("level", ["word", "character"])
def test_a_language_model(options: Options, level: str, cache: Path, tmp_path: Path) -> None:
    if level == "character" and options["cell"] != "lstm":
        pytest.skip("one cell is enough")
    built = build("language_modeling", {"hidden": 6, "embedding": 5, **options}, cache, level=level)
    left = run_example(*built, tmp_path)
    network, parts = built[-1].network, left["model"]
    with torch.no_grad():
        expected, _ = network(left["tokens"], network.initial_state(1))
        torch.testing.assert_close(left["logits"], expected, rtol=0, atol=1e-5)
        tokens = torch.randint(len(left["words"]), (9, 3))
        logits: Tensor = parts["output"](parts["recurrent"](parts["embedding"](tokens))[0])
        expected, _ = network(tokens, network.initial_state(3))
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("options", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("sentiments", ["two", "three"])
def test_a_classifier(options: Options, sentiments: str, cache: Path, tmp_path: Path) -> None:
    from tasks.classification.batches import LabelledBatch

    built = build("classification", {"hidden": 6, "embedding": 5, **options}, cache, sentiments=sentiments)
    left = run_example(*built, tmp_path)
    tokens, network = left["tokens"], built[-1].network
    batch = LabelledBatch(tokens, torch.zeros(1, dtype=torch.int64), torch.tensor([len(tokens)]))
    with torch.no_grad():
        torch.testing.assert_close(left["logits"], network(batch), rtol=0, atol=1e-5)
    assert left["logits"].shape[1] == (1 if sentiments == "two" else 3)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *(pytest.param("language_modeling", options, id=name) for name, options in NO_LANGUAGE.items()),
        *(pytest.param("classification", options, id=name) for name, options in NO_LABELS.items()),
    ],
)
def test_where_torch_has_no_such_network_there_is_nothing(name: str, options: Options, cache: Path) -> None:
    task, settings, dataset, module = build(name, options, cache)
    assert task.in_torch(settings, dataset, module) is None
