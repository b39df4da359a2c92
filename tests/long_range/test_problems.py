"""The problems' sequences, step by step as their papers describe them; and the answers of one who never looks back."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.long_range.problem import Sequences
from tasks.long_range.problems import PROBLEMS, find_problem
from unroll.contract import UserError


def draw(name: str, length: int, count: int = 7, *, seed: int = 0) -> Sequences:
    return find_problem(name).draw(length, count, torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 60), st.integers(0, 1000))
def test_adding_marks_one_number_in_each_half(length: int, seed: int) -> None:
    drawn = draw("adding", length, seed=seed)
    assert drawn.inputs.shape == (length, 7, 2)
    for b in range(7):
        numbers, marks = drawn.inputs[:, b].T
        first, second = (t for t in range(length) if marks[t] == 1)
        assert first < length // 2 <= second
        assert marks.sum() == 2
        assert drawn.targets[b] == numbers[first] + numbers[second]
        assert 0 <= numbers.min() <= numbers.max() < 1


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 60), st.integers(0, 1000))
def test_copying_asks_for_what_was_said(length: int, seed: int) -> None:
    drawn = draw("copying", length, seed=seed)
    assert drawn.inputs.shape == (length + 20, 7, 10)
    assert (drawn.inputs.sum(2) == 1).all()
    for b in range(7):
        ids = drawn.inputs[:, b].argmax(1).tolist()
        assert ids[10:] == [8] * (length - 1) + [9] + [8] * 10
        assert max(ids[:10]) < 8
        assert drawn.targets[:, b].tolist() == [8] * (length + 10) + ids[:10]


@settings(deadline=None, max_examples=50)
@given(st.integers(10, 90), st.integers(0, 1000))
def test_temporal_order_hides_two_signals(length: int, seed: int) -> None:
    drawn = draw("temporal_order", length, seed=seed)
    assert drawn.inputs.shape == (length, 7, 6)
    for b in range(7):
        ids = drawn.inputs[:, b].argmax(1).tolist()
        first, second = (t for t in range(length) if ids[t] < 2)
        assert length // 10 <= first < length // 5
        assert length // 2 <= second < length * 6 // 10
        assert drawn.targets[b] == 2 * ids[first] + ids[second]


@pytest.mark.parametrize(("name", "length"), [("adding", 50), ("copying", 30), ("temporal_order", 40)])
def test_who_never_looks_back_reaches_what_is_said(name: str, length: int) -> None:
    problem, drawn = find_problem(name), draw(name, length, 20_000)
    score = problem.score(blind_answers(name, drawn.targets), drawn.targets)
    loss, error = problem.memoryless(length)
    assert score.loss.item() == pytest.approx(loss, rel=0.03)
    assert score.error.item() == pytest.approx(error, rel=0.03)


def blind_answers(name: str, targets: torch.Tensor) -> torch.Tensor:
    """The best answer that does not depend on the sequence."""
    if name == "adding":
        return torch.ones(len(targets), 1)
    if name == "temporal_order":
        return torch.zeros(len(targets), 4)
    certain = torch.full((*targets.shape, 9), -50.0)
    certain[:-10, :, 8] = 50.0
    certain[-10:, :, :8] = 0.0
    return certain


@pytest.mark.parametrize("name", PROBLEMS.names())
def test_a_problem_is_a_function_of_its_generator_alone(name: str) -> None:
    first, again, other = draw(name, 20, seed=3), draw(name, 20, seed=3), draw(name, 20, seed=4)
    assert torch.equal(first.inputs, again.inputs)
    assert torch.equal(first.targets, again.targets)
    assert not torch.equal(first.inputs, other.inputs)


@pytest.mark.parametrize("name", PROBLEMS.names())
def test_a_problem_has_the_sizes_that_it_states(name: str) -> None:
    problem, drawn = find_problem(name), draw(name, find_problem(name).shortest)
    assert drawn.inputs.shape[1:] == (7, problem.inputs)
    assert drawn.targets.shape == (drawn.inputs.shape[:2] if problem.every_step else (7,))
    answers = torch.zeros(*drawn.targets.shape, problem.outputs)
    assert math.isfinite(problem.score(answers, drawn.targets).loss.item())


def test_a_perfect_answer_has_no_error() -> None:
    drawn = draw("copying", 5)
    answers = torch.nn.functional.one_hot(drawn.targets, 9) * 100.0
    score = find_problem("copying").score(answers, drawn.targets)
    assert score.error == 0
    assert score.loss < 1e-6


def test_an_unknown_problem_is_told_with_those_that_there_are() -> None:
    with pytest.raises(UserError, match=f"a problem is one of {', '.join(PROBLEMS.names())}") as caught:
        find_problem("addng")
    assert caught.value.advice == "did you mean 'adding'?"


def test_the_problem_of_the_readme_is_one(root: Path) -> None:
    readme = (root / "tasks" / "long_range" / "README.md").read_text(encoding="utf-8")
    source = re.search(r"```python\n(# tasks/long_range/problems/first_bit\.py\n.*?)```", readme, re.DOTALL)
    assert source is not None
    found: dict[str, Any] = {}
    exec(compile(source[1], "first_bit.py", "exec"), found)
    problem = found["FirstBit"]()
    drawn = problem.draw(5, 2000, torch.Generator().manual_seed(0))
    assert drawn.inputs.shape == (5, 2000, problem.inputs)
    assert torch.equal(drawn.targets, drawn.inputs[0, :, 0])
    score = problem.score(torch.zeros(2000, problem.outputs), drawn.targets)
    assert (score.loss.item(), score.error.item()) == pytest.approx(problem.memoryless(5), abs=0.05)
    assert problem.score(20 * drawn.targets[:, None] - 10, drawn.targets).error == 0
