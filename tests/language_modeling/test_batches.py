"""Segments of text: nothing lost, nothing doubled, nothing out of order."""

from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.language_modeling.batches import PADDING, EvaluationSegments, TrainingSegments

START = 1_000_000


def text(tokens: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Ids that tell their place."""
    return np.arange(tokens, dtype=np.int32)


def training(tokens: int, *, columns: int, length: int) -> TrainingSegments:
    return TrainingSegments(text(tokens), start=START, columns=columns, length=length)


def follows(inputs: torch.Tensor, targets: torch.Tensor) -> bool:
    """Each target is what comes after its input in the text."""
    return torch.equal(torch.where(inputs == START, -1, inputs) + 1, targets)


@settings(deadline=None, max_examples=60)
@given(tokens=st.integers(1, 80), columns=st.integers(1, 9), length=st.integers(1, 12))
def test_training_targets_are_the_text_in_columns_without_its_tail(tokens: int, columns: int, length: int) -> None:
    if tokens < columns:
        return
    loader = training(tokens, columns=columns, length=length)
    segments = list(loader)
    targets = torch.cat([segment[1:] for segment in segments])
    assert len(segments) == len(loader)
    assert {len(segment) - 1 for segment in segments[:-1]} <= {length}
    assert torch.equal(targets.T.flatten(), torch.arange(tokens // columns * columns))
    assert all(follows(segment[:-1], segment[1:]) for segment in segments)


@settings(deadline=None, max_examples=60)
@given(tokens=st.integers(1, 1500), columns=st.integers(1, 9))
def test_each_held_out_token_is_a_target_exactly_once(tokens: int, columns: int) -> None:
    loader = EvaluationSegments(text(tokens), start=START, columns=columns)
    segments = list(loader)
    targets = torch.cat([segment[1:] for segment in segments]).T.flatten()
    real = targets != PADDING
    assert len(segments) == len(loader)
    assert torch.equal(targets[real], torch.arange(tokens))
    for segment in segments:
        inputs, aims = segment[:-1], segment[1:]
        assert follows(inputs[aims != PADDING], aims[aims != PADDING])


def test_the_text_begins_after_the_start_token() -> None:
    assert next(iter(training(10, columns=2, length=3))).tolist() == [[START, 4], [0, 5], [1, 6], [2, 7]]


def test_each_iteration_is_one_epoch() -> None:
    loader = training(20, columns=2, length=3)
    first, second = list(loader), list(loader)
    assert len(first) == 4
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert loader.state_dict() == {"epoch": 2, "position": 0}


def test_an_epoch_that_was_broken_off_is_not_continued_unless_restored() -> None:
    loader = training(20, columns=2, length=3)
    list(islice(loader, 2))
    assert loader.state_dict() == {"epoch": 0, "position": 2}
    assert len(list(loader)) == 4


@pytest.mark.parametrize("seen", range(5))
def test_a_restored_loader_goes_on_where_the_state_was_taken(seen: int) -> None:
    loader = training(20, columns=2, length=3)
    segments = list(loader)
    source = training(20, columns=2, length=3)
    list(islice(source, seen))
    restored = training(20, columns=2, length=3)
    restored.load_state_dict(source.state_dict())
    assert restored.state_dict() == source.state_dict() == {"epoch": seen // 4, "position": seen % 4}
    rest = list(restored)
    assert all(torch.equal(a, b) for a, b in zip(rest, segments[seen % 4 :], strict=True))
    assert len(list(restored)) == 4


def test_a_text_shorter_than_its_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="a text of at least 4 tokens is needed for 4 columns"):
        training(3, columns=4, length=2)
