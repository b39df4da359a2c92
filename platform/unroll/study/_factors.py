"""Factors, their levels, and the arms that they span."""

from __future__ import annotations

import copy
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from unroll.study._document import KeyPath
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

    @property
    def only_names(self) -> bool:
        """Whether no level sets anything: arms that differ in this factor alone are one setting under several names."""
        return not any(level.sets for level in self.levels)


def number_copy(factors: Sequence[Factor], levels: Sequence[Level]) -> int:
    """Which copy of one setting an arm is, from 0: its place among the combinations of the levels that only name."""
    number = 0
    for factor, level in zip(factors, levels, strict=True):
        if factor.only_names:
            number = number * len(factor.levels) + [each.name for each in factor.levels].index(level.name)
    return number


def level_name(value: Any) -> str:
    """Spell a value of a setting as the name of its level.

    >>> [level_name(value) for value in ("lstm", 64, 1e-3, True, None)]
    ['lstm', '64', '0.001', 'true', 'null']
    """
    return value if isinstance(value, str) else json.dumps(value)


def read_factors(compare: Compare) -> list[Factor]:
    """Read ``compare``, whose shape pydantic has checked: a list is a plain factor, a mapping a named one."""
    factors = []
    for name, written in compare.items():
        if isinstance(written, dict):
            levels = [Level(name=level, written=level, sets=sets) for level, sets in written.items()]
        else:
            levels = [Level(name=level_name(value), written=value, sets={name: value}) for value in written]
        factors.append(Factor(name=name, named=isinstance(written, dict), levels=levels))
    return factors


def level_keys(factor: Factor, index: int, path: str = "") -> KeyPath:
    """Where a level stands in a study's file, or a setting of a named factor's level."""
    if not factor.named:
        return ("compare", factor.name, index)
    keys: KeyPath = ("compare", factor.name, factor.levels[index].name)
    return (*keys, path) if path else keys


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


def with_levels(factors: Sequence[Factor], levels: Sequence[Level], rule: Mapping[str, Any]) -> tuple[Level, ...]:
    """A combination with the levels that a rule names in the place of its own; they must be levels of their factors."""
    return tuple(
        next(other for other in factor.levels if other.name == level_name(rule[factor.name]))
        if factor.name in rule
        else level
        for factor, level in zip(factors, levels, strict=True)
    )


def arm_name(factors: Sequence[Factor], levels: Sequence[Level]) -> str:
    """Name an arm: for one factor a level that is text stands alone (``lstm``), else ``cell=lstm, hidden=64``."""
    return name_levels({factor.name: level.written for factor, level in zip(factors, levels, strict=True)})


def name_levels(levels: Mapping[str, Any], among: Iterable[str] = ()) -> str:
    """Name the levels of some factors, as an arm of these factors alone is named.

    Args:
        levels: factor -> level as written.
        among: all factors that a name must be told apart from.
    """
    written = list(levels.values())
    return written[0] if len(written) == 1 and isinstance(written[0], str) else spell_levels(levels, among)


def spell_levels(levels: Mapping[str, Any], among: Iterable[str] = ()) -> str:
    """``cell=lstm, hidden=64``, the factors by their short names; arguments as :func:`name_levels` has them."""
    names = short_names([*levels, *among])
    return ", ".join(f"{names[factor]}={level_name(level)}" for factor, level in levels.items())


def short_names(factors: Iterable[str]) -> dict[str, str]:
    """Factor -> what it is called beside the others: its last word, unless two of them share one.

    Nor is it ``seed``: that word is the study's own, and ``data.seed`` is another one.
    """
    last = {factor: factor.rpartition(".")[2] for factor in factors}
    short = {factor: factor if word == "seed" else word for factor, word in last.items()}
    return short if len(set(short.values())) == len(short) else {factor: factor for factor in short}


def arm_settings(shared: Nested, levels: Sequence[Level]) -> Nested:
    """Settings of one arm: what all share, with the levels' settings over it."""
    settings = copy.deepcopy(shared)
    for level in levels:
        for path, value in level.sets.items():
            put(settings, path, copy.deepcopy(value))
    return settings
