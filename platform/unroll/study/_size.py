"""Make arms equal in size: count weights without allocating any, and solve the size setting."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable

from unroll.contract import Dataset, Settings, UserError
from unroll.study._settings import Nested, has, put, setting_fields, validated
from unroll.study.project import AnyTask

LARGEST = 2**16
"""Sizes are searched up to here, which a task's size setting must allow; no recurrent layer is wider."""


def with_any_size(settings: Nested, task: AnyTask) -> Nested:
    """Fill in some size where the task has no default for the one that ``match`` is going to solve."""
    field = setting_fields(task.settings).get(task.size_setting)
    settings = copy.deepcopy(settings)
    if field is not None and field.is_required() and not has(settings, task.size_setting):
        put(settings, task.size_setting, 1)
    return settings


def count_parameters(task: AnyTask, settings: Settings, dataset: Dataset) -> int:
    """Number of weights of the module, a shared one counted once; built on the meta device."""
    import torch

    with torch.device("meta"):
        module = task.module(settings, dataset)
    return sum(weight.numel() for weight in module.parameters())


def solve_size(task: AnyTask, settings: Nested, dataset: Dataset, target: int, arm: str) -> Nested:
    """Choose the size whose number of weights is nearest to ``target``, the smaller one of two equally near.

    Raises:
        UserError: even the smallest or the largest size misses the target from the wrong side.
    """

    @functools.cache
    def count(size: int) -> int:
        return count_parameters(task, validated(task.settings, _with_size(settings, task, size)), dataset)

    if (least := count(1)) > target:
        raise UserError(
            f"arm '{arm}' has {least:,} parameters already at {task.size_setting}=1",
            where="match.parameters",
            received=f"{target:,}",
            advice="ask for more",
        )
    above = first_above(count, target)
    if above is None:
        raise UserError(
            f"arm '{arm}' stays below it up to {task.size_setting}={LARGEST}",
            where="match.parameters",
            received=f"{target:,}",
        )
    below = above - 1
    nearest = min((below, above), key=lambda size: abs(count(size) - target)) if below else above
    return _with_size(settings, task, nearest)


def first_above(count: Callable[[int], int], target: int) -> int | None:
    """Smallest size with at least ``target`` weights, by doubling and bisection."""
    high = 1
    while count(high) < target:
        high *= 2
        if high > LARGEST:
            return None
    low = high // 2  # count(low) < target <= count(high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if count(middle) >= target else (middle, high)
    return high


def _with_size(settings: Nested, task: AnyTask, size: int) -> Nested:
    settings = copy.deepcopy(settings)
    put(settings, task.size_setting, size)
    return settings
