"""What a level of a factor changes in the mean over all levels of the others, and whether that depends on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unroll.contract import Direction, Scale
from unroll.evidence.arms import final_values, is_one_value
from unroll.evidence.intervals import shift_interval
from unroll.evidence.pairs import LEVEL, adjust
from unroll.evidence.permutation import resolution, sign_flip_p
from unroll.evidence.scales import Analysis

Values = NDArray[np.float64]
Levels = Mapping[str, str]
"""Factor -> level."""

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(("kind", "effect"), pl.String),
    **dict.fromkeys(("cells", "better_in", "n", "planned_seeds", "diverged"), pl.Int64),
    **dict.fromkeys(("difference", "low", "high", "relative", "p", "p_adjusted"), pl.Float64),
    "verdict": pl.String,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contrast:
    """A sum of arms' values with weights that add up to zero."""

    kind: Literal["main", "interaction"]
    effect: str
    cells: list[dict[str, int]]
    """For each choice of levels of the other factors: arm -> 1 or -1."""

    @property
    def arms(self) -> list[str]:
        return [arm for cell in self.cells for arm in cell]


def factor_effects(
    trials: pl.DataFrame,
    metric: str,
    *,
    arms: Mapping[str, Levels],
    reference: Levels,
    direction: Direction,
    scale: Scale = "identity",
) -> pl.DataFrame:
    """Main effects and interactions of two factors, pooled over the other levels and paired by seed.

    The main effect of a level is its difference to the reference level of its factor, on the metric's scale, averaged
    over all pairs of arms that differ in nothing else: one number for each seed. The interaction of two levels of two
    factors is how much the effect of one differs under the other. Each kind is one family: step-down max-T over joint
    flips of the seeds (:func:`~unroll.evidence.permutation.max_t`). In a balanced study these are the contrasts of an
    analysis of variance; the test is of seeds, not of cells, so it speaks of these levels of the other factors alone.

    Args:
        trials: one row per planned trial: ``arm, seed, status`` and the column ``metric``.
        metric: full name of the metric.
        arms: arm -> its level of each factor.
        reference: factor -> the level that others are compared to.
        direction: which sign of a difference is an improvement.
        scale: the metric's.

    Returns:
        One row per effect that pools over two cells at least, main effects first: ``kind`` (``main``,
        ``interaction``), ``effect`` (``network.cell: gru against elman``), ``cells`` (pairs of arms, or fours, that are
        averaged), ``better_in`` (cells whose mean difference is an improvement; null for interactions), ``n`` (seeds on
        which all of these arms have a value), ``planned_seeds, diverged`` (trials of these arms), ``difference`` (in
        the metric's unit, from the reference's mean; of an interaction on the metric's scale), ``low, high`` (95 %, of
        this effect alone), ``relative`` (difference over the size of the reference's mean), ``p`` (two-sided),
        ``p_adjusted`` (of its kind) and ``verdict``: ``better``, ``worse`` (of an interaction ``differs``),
        ``undecided``; ``untested`` where a trial diverged, since a seed's mean over survivors is of other cells, and
        where no seed changes any of its arms.
    """
    known = final_values(trials, metric).drop_nulls("value")
    analysis = Analysis.choose(scale, known["value"].to_numpy())
    values = {(arm, seed): value for arm, seed, value in known.select("arm", "seed", "value").iter_rows()}
    rows: list[dict[str, Any]] = []
    for kind in ("main", "interaction"):
        found = [each for each in _contrasts(arms, reference) if each.kind == kind and len(each.cells) > 1]
        rows += _judge(found, trials, values, analysis, direction)
    return pl.DataFrame([{name: row[name] for name in SCHEMA} for row in rows], schema=SCHEMA)


def _contrasts(arms: Mapping[str, Levels], reference: Levels) -> Iterator[_Contrast]:
    named = {tuple(sorted(levels.items())): arm for arm, levels in arms.items()}

    def at(levels: Levels, **changes: str) -> str | None:
        return named.get(tuple(sorted({**levels, **changes}.items())))

    others = {
        factor: list(dict.fromkeys(levels[factor] for levels in arms.values() if levels[factor] != base))
        for factor, base in reference.items()
    }
    for factor, base in reference.items():
        for level in others[factor]:
            pairs = [
                {arm: 1, other: -1}
                for arm, levels in arms.items()
                if levels[factor] == level and (other := at(levels, **{factor: base})) is not None
            ]
            yield _Contrast(kind="main", effect=f"{factor}: {level} against {base}", cells=pairs)
    for first, second in combinations(reference, 2):
        for one in others[first]:
            for two in others[second]:
                cells = []
                for arm, levels in arms.items():
                    if levels[first] != one or levels[second] != two:
                        continue
                    left = at(levels, **{first: reference[first]})
                    right = at(levels, **{second: reference[second]})
                    base_arm = at(levels, **{first: reference[first], second: reference[second]})
                    if left is not None and right is not None and base_arm is not None:
                        cells.append({arm: 1, left: -1, right: -1, base_arm: 1})
                words = f"{first}: {one} against {reference[first]}, by {second}: {two} against {reference[second]}"
                yield _Contrast(kind="interaction", effect=words, cells=cells)


def _judge(
    contrasts: Sequence[_Contrast],
    trials: pl.DataFrame,
    values: Mapping[tuple[str, int], float],
    analysis: Analysis,
    direction: Direction,
) -> list[dict[str, Any]]:
    seeds = sorted(trials["seed"].unique())
    planned = set(trials.select("arm", "seed").iter_rows())
    diverged = trials.filter(pl.col("status") == "diverged")["arm"].to_list()
    scores = np.full((len(seeds), len(contrasts)), np.nan)
    errors = np.zeros_like(scores)
    rows: list[dict[str, Any]] = []
    for column, contrast in enumerate(contrasts):
        row: dict[str, Any] = dict.fromkeys(SCHEMA) | {"kind": contrast.kind, "effect": contrast.effect}
        row |= {"cells": len(contrast.cells), "diverged": sum(arm in contrast.arms for arm in diverged)}
        row["planned_seeds"] = sum(all((arm, seed) in planned for arm in contrast.arms) for seed in seeds)
        counted = [place for place, seed in enumerate(seeds) if all((arm, seed) in values for arm in contrast.arms)]
        row["n"] = len(counted)
        rows.append(row)
        if not counted:
            continue
        reached = {arm: np.array([values[arm, seeds[place]] for place in counted]) for arm in contrast.arms}
        zero = np.zeros(len(counted))
        cells = [
            sum((sign * analysis.forward(reached[arm]) for arm, sign in cell.items()), zero) for cell in contrast.cells
        ]
        differences = np.mean(cells, axis=0)
        off = sum((resolution(reached[arm]) * analysis.slope(reached[arm]) for arm in contrast.arms), zero)
        differences = np.where(np.abs(differences) <= off / len(cells), 0.0, differences)
        row |= _described(differences, cells, contrast, reached, analysis, direction)
        if not row["diverged"] and not all(map(is_one_value, reached.values())):
            scores[counted, column], errors[counted, column] = differences, off / len(cells)
            row["p"] = sign_flip_p(differences, error=float(errors[counted, column].sum()))
            if (interval := shift_interval(differences)) is not None:
                start = _start(contrast, reached, analysis)
                row["low"], row["high"] = (_told(end, start, contrast, analysis) for end in interval)
    if rows:
        adjust(rows, scores, errors)
    for row, way in zip(rows, np.sign(np.nansum(scores, axis=0)), strict=True):
        row["verdict"] = _verdict(row, float(way), direction)
    return rows


def _described(
    differences: Values,
    cells: Sequence[Values],
    contrast: _Contrast,
    reached: Mapping[str, Values],
    analysis: Analysis,
    direction: Direction,
) -> dict[str, Any]:
    start = _start(contrast, reached, analysis)
    row: dict[str, Any] = {"difference": _told(float(differences.mean()), start, contrast, analysis)}
    if contrast.kind == "main":
        sign = -1 if direction == "minimize" else 1
        level = analysis.back(start)
        row["better_in"] = sum(bool(sign * cell.mean() > 0) for cell in cells)
        row["relative"] = row["difference"] / abs(level) if level else None
    return row


def _start(contrast: _Contrast, reached: Mapping[str, Values], analysis: Analysis) -> float:
    """Mean of the reference's arms on the scale."""
    bases = [arm for cell in contrast.cells for arm, sign in cell.items() if sign < 0]
    return float(np.mean([analysis.forward(reached[arm]).mean() for arm in bases]))


def _told(length: float, start: float, contrast: _Contrast, analysis: Analysis) -> float:
    return analysis.step(start, length) if contrast.kind == "main" else length


def _verdict(row: Mapping[str, Any], way: float, direction: Direction) -> str:
    if row["p"] is None:
        return "untested" if row["n"] else "undecided"
    if row["p_adjusted"] > LEVEL or not way:
        return "undecided"
    if row["kind"] == "interaction":
        return "differs"
    return "better" if (way < 0) == (direction == "minimize") else "worse"
