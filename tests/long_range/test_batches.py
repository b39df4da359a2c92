"""Batches are functions of their place, and a loader's place can be kept."""

import itertools
from pathlib import Path
from typing import Any

import torch

from tasks.long_range.batches import EVALUATION_BATCH, Batch, DrawnBatches, EvaluationBatches
from tasks.long_range.problems import find_problem
from tasks.long_range.settings import LongRangeSettings
from tasks.long_range.task import LongRange

LENGTHS = range(5, 9)


def training(*, seed: int = 0, number: int = 6) -> DrawnBatches:
    return DrawnBatches(find_problem("adding"), LENGTHS, size=3, number=number, seed=seed)


def same(one: Batch, other: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_no_two_training_batches_are_alike() -> None:
    loader = training()
    batches = [*loader, *loader, *training(seed=1)]
    assert len(batches) == 18
    assert not any(same(a, b) for a, b in itertools.combinations(batches, 2))


def test_equal_places_have_equal_batches() -> None:
    once, again = training(), training()
    for a, b in zip([*once, *once], [*again, *again], strict=True):
        assert same(a, b)


def test_each_batch_draws_a_length_of_its_own() -> None:
    lengths = [len(inputs) for inputs, _ in training(number=60)]
    assert set(lengths) == set(LENGTHS)


def test_a_loader_goes_on_where_another_stopped() -> None:
    whole = training()
    expected = [*whole, *whole]
    for stop in range(1, 12):
        first, second = training(), training()
        seen = list(itertools.islice(itertools.chain(iter(first), first), stop))
        assert first.state_dict() == {"epoch": stop // 6, "position": stop % 6}
        second.load_state_dict(first.state_dict())
        rest = [*second, *second][: 12 - stop]
        assert all(same(a, b) for a, b in zip(expected, [*seen, *rest], strict=True))


def test_evaluation_takes_the_lengths_in_turn_and_every_sequence_once() -> None:
    loader = EvaluationBatches(find_problem("adding"), LENGTHS, sequences=3 * EVALUATION_BATCH + 7, split="test")
    batches = list(loader)
    assert [inputs.shape[1] for inputs, _ in batches] == [EVALUATION_BATCH] * 3 + [7]
    assert [len(inputs) for inputs, _ in batches] == list(LENGTHS)
    assert all(same(a, b) for a, b in zip(batches, loader, strict=True))


def test_evaluation_is_the_same_for_every_seed_and_no_training_data(tmp_path: Path) -> None:
    task = LongRange()
    settings = LongRangeSettings.model_validate({"data": {"length": 5, "longest": 8, "evaluation_sequences": 5}})

    def loaders(seed: int) -> Any:
        return task.data(settings, task.prepare(settings, tmp_path), seed)

    (validation,), (again,) = loaders(0).val_dataloader(), loaders(1).val_dataloader()
    (test,) = loaders(0).test_dataloader()
    assert same(validation, again)
    assert not same(validation, test)
    assert not same(*[next(iter(loaders(seed).train_dataloader())) for seed in (0, 1)])
