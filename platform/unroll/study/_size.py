"""Make arms equal in size: count a network without building it in memory, and solve the size setting."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError

from unroll.contract import Dataset, Settings, Task, UserError
from unroll.study._settings import Nested, has, put, setting_fields, validated
from unroll.study.declaration import Match
from unroll.study.project import AnyTask

if TYPE_CHECKING:
    from torch import nn

Weights = dict[tuple[str, tuple[int, ...]], int]
"""Number of values of every weight of a network, by its name and shape."""

LARGEST = 2**24
"""Sizes are searched up to here where the task's size setting names no upper bound; no layer is wider."""

WORDS = {"parameters": "parameters", "flops_per_token": "operations per token"}
"""How each measure of size is named in texts."""


def with_any_size(settings: Nested, task: AnyTask) -> Nested:
    """Fill in some size where the task has no default for the one that ``match`` is going to solve."""
    field = setting_fields(task.settings).get(task.size_setting)
    settings = copy.deepcopy(settings)
    if field is not None and field.is_required() and not has(settings, task.size_setting):
        put(settings, task.size_setting, allowed_sizes(task)[0])
    return settings


def allowed_sizes(task: AnyTask) -> range:
    """Every size that the bounds of the task's size setting allow (``ge``, ``gt``, ``le``, ``lt``, ``multiple_of``)."""
    bounds = {}
    for note in setting_fields(task.settings)[task.size_setting].metadata:
        for name in ("ge", "gt", "le", "lt", "multiple_of"):
            if hasattr(note, name):
                bounds[name] = int(getattr(note, name))
    step = bounds.get("multiple_of", 1)
    least = max(1, bounds.get("ge", 1), bounds.get("gt", 0) + 1)
    most = min(bounds.get("le", LARGEST), bounds.get("lt", LARGEST + 1) - 1)
    return range(-(-least // step) * step, most + 1, step)


def counts_flops(task: AnyTask) -> bool:
    """Whether the task defines ``flops_per_token``."""
    return type(task).flops_per_token is not Task.flops_per_token


def count_parameters(task: AnyTask, settings: Settings, dataset: Dataset) -> int:
    """Number of weights of the module, a shared one counted once; built on the meta device."""
    return sum(weight.numel() for weight in _weights(task, settings, dataset))


def count_trained(task: AnyTask, settings: Settings, dataset: Dataset) -> int:
    """Number of those weights that gradients change: not what is frozen."""
    return sum(weight.numel() for weight in _weights(task, settings, dataset) if weight.requires_grad)


def count_tested(task: AnyTask, settings: Settings, dataset: Dataset) -> int:
    """Number of those weights that are no helper's (``contract.TrainingModule``): of what is tested."""
    module = _module(task, settings, dataset)
    helping = {weight for part in getattr(module, "helpers", ()) for weight in part.parameters()}
    return sum(weight.numel() for weight in module.parameters() if weight not in helping)


def weight_sizes(task: AnyTask, settings: Settings, dataset: Dataset) -> Weights:
    """Number of values of every weight, by its name and shape; of them and the seed alone it is drawn."""
    weights = _module(task, settings, dataset).named_parameters()
    return {(name, tuple(weight.shape)): weight.numel() for name, weight in weights}


def _weights(task: AnyTask, settings: Settings, dataset: Dataset) -> Iterator[nn.Parameter]:
    return _module(task, settings, dataset).parameters()


def _module(task: AnyTask, settings: Settings, dataset: Dataset) -> nn.Module:
    import torch

    with torch.device("meta"):
        return task.module(settings, dataset)


def count_flops(task: AnyTask, settings: Settings, dataset: Dataset) -> int:
    """Operations per token, as the task counts them.

    Raises:
        UserError: it does not, for these settings.
    """
    flops = task.flops_per_token(settings, dataset)
    if flops is None:
        raise UserError(
            "the task does not count its operations per token for these settings",
            where="match.flops_per_token",
            advice="match parameters",
        )
    return flops


def solve_size(task: AnyTask, settings: Nested, dataset: Dataset, match: Match, arm: str) -> Nested:
    """Choose the size whose count is nearest to what ``match`` asks for, the smaller one of two equally near.

    Raises:
        UserError: even the smallest or the largest size misses the target from the wrong side, or the task refuses a
            size on the way.
    """
    sizes, measure = allowed_sizes(task), count_flops if match.measure == "flops_per_token" else count_tested

    @functools.cache
    def count(place: int) -> int:
        return measure(task, _sized(task, settings, sizes[place], match, arm), dataset)

    above = first_above(count, match.target, len(sizes))
    if above is None or (above == 0 and count(0) > match.target):
        raise _out_of_reach(task, match, arm, count(0), sizes)
    nearest = min((max(above - 1, 0), above), key=lambda place: abs(count(place) - match.target))
    return _with_size(settings, task, sizes[nearest])


def first_above(count: Callable[[int], int], target: int, places: int) -> int | None:
    """First of so many places whose count, which never falls, is at least ``target``: by doubling and bisection."""
    low, high = -1, 0  # count(low) < target, as far as low is a place
    while count(high) < target:
        if high == places - 1:
            return None
        low, high = high, min(2 * high + 1, places - 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if count(middle) >= target else (middle, high)
    return high


def _out_of_reach(task: AnyTask, match: Match, arm: str, least: int, sizes: range) -> UserError:
    """The target lies below the smallest size, or above the largest."""
    where, received = f"match.{match.measure}", f"{match.target:,}"
    if least > match.target:
        rule = f"arm '{arm}' has {least:,} {WORDS[match.measure]} already at {task.size_setting}={sizes[0]}"
        advice = f"ask for more ({where}=...), or leave sizes as they are (match=null)"
        return UserError(rule, where=where, received=received, advice=advice)
    rule = f"arm '{arm}' stays below it up to {task.size_setting}={sizes[-1]}"
    return UserError(rule, where=where, received=received, advice=f"ask for less ({where}=...)")


def _sized(task: AnyTask, settings: Nested, size: int, match: Match, arm: str) -> Settings:
    """Settings with a size. The bounds allow it, but a rule that ties it to another setting may not."""
    try:
        return validated(task.settings, _with_size(settings, task, size))
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        rule = f"arm '{arm}' cannot have {task.size_setting}={size}, which the search has to try: {reason}"
        raise UserError(rule, where=f"match.{match.measure}", received=f"{match.target:,}") from None


def _with_size(settings: Nested, task: AnyTask, size: int) -> Nested:
    settings = copy.deepcopy(settings)
    put(settings, task.size_setting, size)
    return settings
