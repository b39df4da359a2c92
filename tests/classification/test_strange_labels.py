"""Labels that only held-out text has: always an error, in every number; against scikit-learn and a slow count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from tasks.classification.settings import ClassificationSettings
from tasks.classification.tally import Tally
from tasks.classification.task import Classification
from tests.tasks.run import quiet_trainer

CASES = Path(__file__).parents[1] / "text" / "cases"
MADE = {
    "two labels": ({"train": "+ a b|- b c|+ a c", "dev": "+ a b|? c", "test": "- b c|- c|! a"}, ".txt"),
    "three labels": ({"train": "x a|y b|z c", "dev": "x a|y b", "test": "w a|x a|v b|x c|y b"}, ".txt"),
}


def made(name: str, folder: Path) -> Path:
    if name == "unseen_labels":
        return CASES / name
    texts, ending = MADE[name]
    for split, text in texts.items():
        (folder / f"{split}{ending}").write_text("".join(f"{line}\n" for line in text.split("|")))
    return folder


@pytest.mark.parametrize("kind", ["recurrent", "bag_of_embeddings"])
@pytest.mark.parametrize("name", ["unseen_labels", *MADE])
def test_metrics_of_a_trained_classifier_are_those_of_scikit_learn(name: str, kind: str, tmp_path: Path) -> None:
    task, folder = Classification(), tmp_path / "corpus"
    folder.mkdir()
    chosen = ClassificationSettings.model_validate(
        {
            "data": {"corpus": "label_text", "path": made(name, folder), "minimum_count": 1},
            "network": {"kind": kind, "hidden": 3, "embedding": 3},
            "training": {"epochs": 2},
        }
    )
    corpus = task.prepare(chosen, tmp_path / "cache")
    assert len(corpus.unseen) >= 1
    assert "have a label that the training text lacks" in task.warnings(chosen, corpus)[0]
    module: Any = task.module(chosen, corpus)
    module.initialise(1)
    trainer = quiet_trainer(max_epochs=2)
    trainer.fit(module, datamodule=task.data(chosen, corpus, 1))
    trainer.test(module, datamodule=task.data(chosen, corpus, 1), verbose=False)
    names = [*corpus.labels.words, *corpus.unseen.words]
    truth = [names[label] for label in corpus.test.labels]
    batches = task.data(chosen, corpus, 1).test_dataloader()
    true, said = list[str](), list[str]()
    for batch in batches:
        true += [names[label] for label in batch.labels]
        said += [names[label] for label in module.network.eval().decode(batch)]
    assert sorted(true) == sorted(truth)
    assert set(said) <= set(corpus.labels.words)
    logged = {name: float(value) for name, value in trainer.logged_metrics.items()}
    assert logged["test/accuracy"] == pytest.approx(accuracy_score(true, said), abs=1e-7)
    expected = f1_score(true, said, average="macro", zero_division=0)
    assert logged["test/macro_f1"] == pytest.approx(expected, abs=1e-7)
    matrix = confusion_matrix(true, said, labels=names)
    shown = {
        f"test/confusion/{a}/{b}".replace("%", "%25"): matrix[i, j]
        for i, a in enumerate(names)
        for j, b in enumerate(names)
    }
    assert {name: logged[name] for name in shown} == shown


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=30))
def test_any_counts_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    """Of six labels, three can be said."""
    truth, said = (np.array(side) for side in zip(*pairs, strict=True))
    found = Tally.of(6).plus(torch.tensor(said), torch.tensor(truth)).metrics()
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, said), abs=1e-15)
    expected = f1_score(truth, said, average="macro", zero_division=0)
    assert found["macro_f1"] == pytest.approx(expected, abs=1e-15)


def test_chance_is_the_commonest_label_that_can_be_said(tmp_path: Path) -> None:
    task = Classification()
    (tmp_path / "train.txt").write_text("x a\ny b\n")
    (tmp_path / "dev.txt").write_text("y b\nx a\n")
    (tmp_path / "test.txt").write_text("y b\nz a\nx b\ny a\nz a\nz b\n")
    chosen = ClassificationSettings.model_validate(
        {"data": {"corpus": "label_text", "path": tmp_path, "minimum_count": 1}}
    )
    found = task.chance(chosen, task.prepare(chosen, tmp_path / "cache"))
    assert found == {"validation/accuracy": 0.5, "test/accuracy": 2 / 6}
