"""Factors, their levels, and the arms that they span."""

from __future__ import annotations

import copy
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from unroll.study._settings import Nested, put
from unroll.study.trial import Frozen

MOST_ARMS = 1_000
"""More arms than anybody compares: whoever writes a larger product made a mistake."""

Compare = Mapping[str, list[Any] | dict[str, dict[str, Any]]]


class Level(Frozen):
    """One value of a factor and the settings that it stands for."""

    name: str
    written: Any
    """As the author wrote it; a named factor's level is written by its name."""
    sets: dict[str, Any]
    """Dotted setting path -> value."""


class Factor(Frozen):
    """What is varied."""

    name: str
    named: bool
    """Whether the author named it; otherwise its name is the path of the setting that it varies."""
    levels: list[Level]


def level_name(value: Any) -> str:
    """Spell a value of a setting as the name of its level.

    >>> [level_name(value) for value in ("lstm", 64, 1e-3, True, None)]
    ['lstm', '64', '0.001', 'true', 'null']
    """
    return value if isinstance(value, str) else json.dumps(value)


def read_factors(compare: Compare) -> list[Factor]:
    """Read ``compare``, whose shape pydantic has checked: a list is a plain factor, a mapping a named one."""
    return [
        _named(name, levels) if isinstance(levels, dict) else _plain(name, levels) for name, levels in compare.items()
    ]


def count_arms(factors: Sequence[Factor]) -> int:
    """Number of combinations of levels, before any is excluded."""
    return math.prod(len(factor.levels) for factor in factors)


def combine(factors: Sequence[Factor], exclude: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Level, ...]]:
    """All combinations of levels in written order, the first factor slowest, without the excluded ones."""
    for levels in itertools.product(*(factor.levels for factor in factors)):
        if not any(matches(factors, levels, rule) for rule in exclude):
            yield levels


def matches(factors: Sequence[Factor], levels: Sequence[Level], rule: Mapping[str, Any]) -> bool:
    """Whether a combination has all the levels that a rule of ``exclude`` names."""
    names = {factor.name: level.name for factor, level in zip(factors, levels, strict=True)}
    return bool(rule) and all(names.get(factor) == level_name(value) for factor, value in rule.items())


def arm_name(factors: Sequence[Factor], levels: Sequence[Level]) -> str:
    """Name an arm: for one factor a level that is text stands alone (``lstm``), else ``cell=lstm, hidden=64``.

    A setting is shortened to its last word unless two factors share it.
    """
    if len(factors) == 1 and isinstance(levels[0].written, str):
        return levels[0].name
    short = [factor.name.rpartition(".")[2] for factor in factors]
    names = short if len(set(short)) == len(short) else [factor.name for factor in factors]
    return ", ".join(f"{name}={level.name}" for name, level in zip(names, levels, strict=True))


def arm_settings(shared: Nested, levels: Sequence[Level]) -> Nested:
    """Settings of one arm: what all share, with the levels' settings over it."""
    settings = copy.deepcopy(shared)
    for level in levels:
        for path, value in level.sets.items():
            put(settings, path, copy.deepcopy(value))
    return settings


def _plain(path: str, values: list[Any]) -> Factor:
    levels = [Level(name=level_name(value), written=value, sets={path: value}) for value in values]
    return Factor(name=path, named=False, levels=levels)


def _named(name: str, levels: Mapping[str, dict[str, Any]]) -> Factor:
    return Factor(
        name=name, named=True, levels=[Level(name=level, written=level, sets=sets) for level, sets in levels.items()]
    )
