"""Accuracy and macro-F1 are counted over the whole text."""

import numpy as np
import pytest
import torch

from tasks.classification.tally import WHOLE_UP_TO, Tally
from tasks.classification.task import Classification


def tally(truth: list[int], guesses: list[int], labels: int) -> Tally:
    return Tally.of(labels).plus(torch.tensor(guesses), torch.tensor(truth))


def slow_macro_f1(truth: list[int], guesses: list[int]) -> float:
    """From precision and recall, label by label."""
    found = []
    for label in sorted({*truth, *guesses}):
        right = sum(t == g == label for t, g in zip(truth, guesses, strict=True))
        precision = right / guesses.count(label) if label in guesses else 0.0
        recall = right / truth.count(label) if label in truth else 0.0
        found.append(2 * precision * recall / (precision + recall) if right else 0.0)
    return sum(found) / len(found)


def test_four_sentences_by_hand() -> None:
    found = tally([0, 0, 1, 2], [0, 1, 1, 1], 4).metrics()
    assert found == pytest.approx({"accuracy": 2 / 4, "macro_f1": (2 / 3 + 1 / 2 + 0) / 3}, abs=1e-15, rel=0)


def test_one_sentence_is_enough() -> None:
    assert tally([2], [2], 3).metrics() == {"accuracy": 1, "macro_f1": 1}
    assert tally([2], [0], 3).metrics() == {"accuracy": 0, "macro_f1": 0}
    assert Tally.of(3).metrics() == {}


@pytest.mark.parametrize("labels", [2, 3, 7])
def test_batches_of_any_size_give_the_slow_count(labels: int) -> None:
    random = np.random.default_rng(labels)
    for size in (1, 2, 5, 40):
        truth, guesses = (random.integers(0, labels, size).tolist() for _ in range(2))
        whole = tally(truth, guesses, labels)
        parts = Tally.of(labels)
        for t, g in zip(truth, guesses, strict=True):
            parts = parts.plus(torch.tensor([g]), torch.tensor([t]))
        assert parts.metrics() == whole.metrics()
        accuracy = sum(t == g for t, g in zip(truth, guesses, strict=True)) / size
        assert whole.metrics() == pytest.approx(
            {"accuracy": accuracy, "macro_f1": slow_macro_f1(truth, guesses)}, abs=1e-15, rel=0
        )


def test_the_mean_of_batches_is_another_number() -> None:
    whole = tally([0, 1, 1, 1], [0, 0, 0, 1], 2).metrics()["macro_f1"]
    halves = [tally([0, 1], [0, 0], 2).metrics()["macro_f1"], tally([1, 1], [0, 1], 2).metrics()["macro_f1"]]
    assert whole != pytest.approx(sum(halves) / 2)


def test_confusion_is_told_by_true_label_and_guess() -> None:
    confusion = tally([0, 0, 1], [0, 1, 1], 2).confusion("test", ["no", "yes"])
    assert confusion == {
        "test/confusion/no/no": 1,
        "test/confusion/no/yes": 1,
        "test/confusion/yes/no": 0,
        "test/confusion/yes/yes": 1,
    }


def test_of_many_labels_the_pairs_that_occur_are_told() -> None:
    many = [str(i) for i in range(WHOLE_UP_TO + 1)]
    assert tally([0, 10, 10], [0, 0, 0], len(many)).confusion("test", many) == {
        "test/confusion/0/0": 1,
        "test/confusion/10/0": 2,
    }
    assert len(tally([0], [0], WHOLE_UP_TO).confusion("test", many[:-1])) == WHOLE_UP_TO**2


def test_every_metric_is_declared_for_both_texts() -> None:
    assert list(Classification.metrics) == [
        f"{split}/{name}" for name in ("accuracy", "macro_f1") for split in ("validation", "test")
    ]
    assert {metric.direction for metric in Classification.metrics.values()} == {"maximize"}
