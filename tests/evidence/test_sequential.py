"""Looks at growing seeds: by their definition, against max-T, and how often they err over all patterns of signs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from unroll.evidence import Look, Sequential, idle_looks, least_start, max_t, sequential_max_t, spent_levels
from unroll.study.declaration import Spending

Values = NDArray[np.float64]


def known(differences: Values, looks: Sequence[int]) -> list[Look]:
    """Everything that is there at each look, without errors of rounding."""
    parts = [differences[:seeds] for seeds in looks]
    return [Look(part, np.zeros_like(part), np.ones(part.shape, dtype=bool)) for part in parts]


def judge(differences: Values, looks: Sequence[int], level: float, spending: Spending = "pocock") -> Sequential:
    return sequential_max_t(known(differences, looks), looks=looks, spending=spending, level=level)


def by_definition(differences: Values, looks: Sequence[int], level: float) -> list[tuple[int, float, bool]]:
    """Look, adjusted p and decision of each comparison, every pattern written out."""
    spent, before = spent_levels(looks, "pocock", level), 0.0
    undecided = list(range(differences.shape[1]))
    found = dict.fromkeys(undecided, (0, math.nan, False))
    bounds: list[tuple[int, float]] = []

    def statistic(seeds: int, column: int, signs: Sequence[int]) -> float:
        values = [sign * value for sign, value in zip(signs, differences[:seeds, column], strict=False)]
        return float(abs(sum(values)) / math.sqrt(sum(value**2 for value in values)))

    def reached(seeds: int, columns: Sequence[int]) -> list[float]:
        """The largest statistic of each pattern, of comparisons that no earlier look would have decided."""
        return [
            max(
                -math.inf
                if any(statistic(early, column, signs) > bound + 1e-9 for early, bound in bounds)
                else statistic(seeds, column, signs)
                for column in columns
            )
            for signs in itertools.product((1, -1), repeat=seeds)
        ]

    for number, (seeds, until) in enumerate(zip(looks, spent, strict=True), 1):
        plain = [1] * seeds
        order = sorted(undecided, key=lambda column: -statistic(seeds, column, plain))
        running = 0.0
        for place, column in enumerate(order):
            largest = reached(seeds, order[place:])
            share = sum(value >= statistic(seeds, column, plain) - 1e-9 for value in largest) / len(largest)
            running = max(running, share)
            found[column] = number, before + running, running <= until - before + 1e-9
        undecided = [column for column in undecided if not found[column][2]]
        if not undecided:
            break
        values = sorted(reached(seeds, undecided), reverse=True)
        allowed = math.floor((until - before) * len(values) + 1e-9)
        # What has more than so many patterns at or above it is not decided.
        bounds.append((seeds, values[allowed]))
        before = until
    return [found[column] for column in range(differences.shape[1])]


@pytest.mark.parametrize("seed", range(6))
def test_looks_are_what_their_definition_says(seed: int) -> None:
    generator = np.random.default_rng(seed)
    differences = generator.normal([1.2, 0.6, 0.0], 1.0, (7, 3))
    looks = (4, 6, 7)
    found = judge(differences, looks, 0.6)
    for column, (look, p, decided) in enumerate(by_definition(differences, looks, 0.6)):
        assert (found.look[column], bool(found.decided[column])) == (look, decided)
        assert found.p_adjusted[column] == pytest.approx(min(p, 1.0), abs=1e-12)


def test_one_look_is_max_t() -> None:
    differences = np.random.default_rng(1).normal([1.0, 0.5, 0.0, -1.5], 1.0, (9, 4))
    differences[3, 2] = np.nan
    found = judge(differences, (9,), 0.05)
    assert found.p_adjusted == pytest.approx(max_t(differences), abs=1e-12)
    assert found.decided.tolist() == (max_t(differences) <= 0.05).tolist()


@pytest.mark.parametrize("effects", [[0.0, 0.0, 0.0], [5.0, 0.0, 0.0], [5.0, 1.5, 0.0]])
def test_over_all_signs_of_equal_arms_a_wrong_verdict_is_as_rare_as_declared(effects: list[float]) -> None:
    """The comparisons without an effect keep their sizes and share every pattern of signs: so the rate is exact."""
    sizes = np.abs(np.random.default_rng(3).standard_normal((7, 3)))
    null, wrong, level = np.array([not effect for effect in effects]), [], 0.4
    for signs in itertools.product((1.0, -1.0), repeat=7):
        differences = np.where(null, sizes * np.array(signs)[:, None], sizes + effects)
        wrong.append(judge(differences, (4, 5, 7), level).decided[null].any())
    assert 0.5 * level < np.mean(wrong) <= level


def test_what_is_decided_needs_no_more_seeds() -> None:
    differences = np.random.default_rng(5).normal([6.0, 0.0, 0.7], 1.0, (12, 3))
    looks = (8, 12)
    whole = judge(differences, looks, 0.05)
    assert whole.look.tolist() == [1, 2, 2]
    parts = known(differences, looks)
    parts[1].differences[8:, 0] = np.nan
    parts[1].ended[8:, 0] = False
    less = sequential_max_t(parts, looks=looks, spending="pocock", level=0.05)
    assert less.p_adjusted.tolist() == whole.p_adjusted.tolist()
    assert less.look.tolist() == whole.look.tolist()


def test_a_look_waits_for_all_that_is_undecided() -> None:
    parts = known(np.random.default_rng(5).standard_normal((12, 2)), (8, 12))
    parts[1].ended[11, 1] = False
    found = sequential_max_t(parts, looks=(8, 12), spending="pocock", level=0.05)
    assert (found.made, found.look.tolist()) == (1, [1, 1])
    parts[0].ended[0, 0] = False
    assert sequential_max_t(parts, looks=(8, 12), spending="pocock", level=0.05).made == 0


def test_what_is_spent_is_that_of_lan_and_demets() -> None:
    """By hand: 0.05 ln(1 + (e - 1) / 2) = 0.031006; 2 - 2 Phi(1.959964 / sqrt(1 / 2)) = 0.005575."""
    assert spent_levels((40, 80), "pocock", 0.05) == pytest.approx([0.031006, 0.05], abs=1e-5)
    assert spent_levels((40, 80), "obrien_fleming", 0.05) == pytest.approx([0.005575, 0.05], abs=1e-5)


def test_a_look_spends_what_its_p_values_can_use() -> None:
    """Of eight seeds they are multiples of 1 / 128."""
    first, second, last = spent_levels((8, 12, 24), "pocock", 0.05)
    assert first == 2 / 128
    assert second == pytest.approx(0.030762, abs=1e-6)
    assert last == 0.05
    assert spent_levels((8, 24), "obrien_fleming", 0.05) == [0.0, 0.05]


@pytest.mark.parametrize("spending", ["pocock", "obrien_fleming"])
@pytest.mark.parametrize("looks", [(2, 4, 8), (3, 7, 11, 15), (8, 12, 16, 24), (6, 7), (1, 2)])
def test_a_look_is_idle_where_not_even_the_clearest_difference_is_decided(
    spending: Spending, looks: tuple[int, ...]
) -> None:
    """Against the test itself: the same sign on every seed gives the smallest p that there is."""
    idle = idle_looks(looks, spending, 0.05)
    parts = [Look(np.ones((n, 1)), np.zeros((n, 1)), np.ones((n, 1), dtype=bool)) for n in looks]
    found = [
        sequential_max_t(parts[:made], looks=looks, spending=spending, level=0.05).decided[0]
        for made in range(1, len(looks) + 1)
    ]
    first = found.index(True) if True in found else len(looks)
    assert idle[:first] == list(looks[:first])
    assert first == len(looks) or looks[first] not in idle
    start = least_start(looks[-1], spending, 0.05)
    assert start == looks[-1] or start not in idle_looks([start, looks[-1]], spending, 0.05)
    assert all(n in idle_looks([n, looks[-1]], spending, 0.05) for n in range(1, start))
