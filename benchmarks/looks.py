"""Whether looks at growing seeds hold what they promise, and what they save: on drawn studies."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.calibration import DRAWS, EXACT_UP_TO
from benchmarks.measurement import Measurement, Ratio
from unroll.evidence import LEVEL, Look, Sequential, max_t, paired_differences, sequential_max_t
from unroll.evidence.intervals import shift_interval
from unroll.study.declaration import Looks

Values = NDArray[np.float64]

FLIPS: Final = 999
"""Patterns where seeds are too many to enumerate in 2,000 replications."""
CHECKED: Final = 10
"""Replications of a cell that is enumerated whose verdicts are compared with those of whole frames."""
COVERED: Final = 400
"""Replications whose intervals are looked at, which take most of the time."""
FIXED_STEP: Final = 2
"""Seeds from one fixed design to the next, between which power is interpolated."""
STRONG: Final = 0.9
"""Power from which on looks have to save seeds: where many studies go on to the last look, there is little to save."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedCell:
    """One kind of study with looks.

    Args:
        values: name in :data:`benchmarks.calibration.DRAWS`, of every arm.
        looks: when seeds are added.
        comparisons: arms beside the baseline.
        effect: standard deviations by which arms are better (their values lower).
        affected: how many of the arms are; the others are as the baseline.
    """

    values: str
    looks: Looks
    comparisons: int
    effect: float = 0.0
    affected: int = 0

    @property
    def name(self) -> str:
        """What a table calls it."""
        effect = f", {self.affected} of {self.comparisons} better by {self.effect:g} sd" if self.affected else ""
        return self.values + effect


DEFAULT: Final = Looks(start=8, up_to=24)


def grid() -> list[LookedCell]:
    """All cells."""
    late = Looks(start=8, up_to=24, spending="obrien_fleming")
    short = Looks(start=6, up_to=12, step=2)
    null = [
        LookedCell(values=values, looks=DEFAULT, comparisons=number)
        for values in ("normal", "skewed", "heavy-tailed", "ties", "collapse")
        for number in (1, 3, 9)
    ]
    other = [LookedCell(values=values, looks=late, comparisons=3) for values in ("normal", "skewed")]
    small = [LookedCell(values=values, looks=short, comparisons=3) for values in ("normal", "skewed")]
    part = [
        LookedCell(values=values, looks=DEFAULT, comparisons=3, effect=1.5, affected=2)
        for values in ("normal", "skewed", "heavy-tailed")
    ]
    whole = [
        LookedCell(values="normal", looks=DEFAULT, comparisons=number, effect=effect, affected=number)
        for number in (1, 3)
        for effect in (0.8, 1.2, 1.5)
    ]
    spent_late = [
        LookedCell(values="normal", looks=late, comparisons=1, effect=effect, affected=1) for effect in (0.8, 1.2)
    ]
    return [*null, *other, *small, *part, *whole, *spent_late]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedResult:
    """What a cell came to; shares of replications or comparisons, None where there is nothing to count."""

    cell: LookedCell
    replications: int
    errors: float
    """Studies with a wrong verdict at any look."""
    power: float | None
    """Comparisons with an effect that have their verdict."""
    seeds: float | None
    """Median of the seeds that they took."""
    trials: float | None
    """Mean share of the trials of the last look that a study took."""
    fixed: float | None
    """Seeds with which a fixed design has that power."""
    covered: float | None
    """Intervals that hold the true difference, of comparisons as they are when they get no more seeds."""

    @property
    def bound(self) -> float:
        """5 % and three standard errors of a share that is 5 %."""
        return LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / self.replications)


def judge(differences: Values, looks: Looks) -> Sequential:
    """Judge one study by the rule; what a decided comparison would have had later changes nothing."""
    parts = [differences[:seeds] for seeds in looks.at]
    known = [Look(part, np.zeros_like(part), np.ones(part.shape, dtype=bool)) for part in parts]
    return sequential_max_t(
        known, looks=looks.at, spending=looks.spending, level=LEVEL, seeds_up_to=EXACT_UP_TO, draws=FLIPS
    )


def measure_looks(cell: LookedCell, *, replications: int, seed: int = 0) -> LookedResult:
    """Draw many studies of a kind and judge each of them.

    Raises:
        RuntimeError: a verdict is another one than that of ``unroll.evidence.paired_differences``.
    """
    looks, affected = cell.looks, cell.affected
    generator = np.random.default_rng([seed, *map(ord, cell.name), *looks.at, cell.comparisons])
    effects = np.array([-cell.effect] * affected + [0.0] * (cell.comparisons - affected))
    sizes = range(looks.start, looks.up_to + 1, FIXED_STEP)
    wrong, right, covered, shares = 0, 0, [], []
    spent: list[int] = []
    fixed = dict.fromkeys(sizes, 0)
    for number in range(replications):
        arms = DRAWS[cell.values](generator, (looks.up_to, 1 + cell.comparisons))
        differences = arms[:, 1:] - arms[:, :1] + effects
        found = judge(differences, looks)
        if number < CHECKED and looks.up_to <= EXACT_UP_TO:
            _check(arms, effects, looks, found)
        better = found.decided & (found.way < 0)
        wrong += bool((found.decided[affected:]).any() or (found.decided & (found.way > 0))[:affected].any())
        right += int(better[:affected].sum())
        seeds = np.array(looks.at)[found.look - 1]
        spent += seeds[:affected].tolist()
        shares.append((seeds.sum() + seeds.max()) / (looks.up_to * (1 + cell.comparisons)))
        if number < COVERED and (interval := shift_interval(differences[: seeds[0], 0])) is not None:
            covered.append(interval[0] <= effects[0] <= interval[1])
        for size in sizes if affected else ():
            p = max_t(differences[:size], seeds_up_to=EXACT_UP_TO, draws=FLIPS)
            fixed[size] += int((p <= LEVEL)[:affected].sum())
    compared = replications * affected
    power = right / compared if compared else None
    return LookedResult(
        cell=cell,
        replications=replications,
        errors=wrong / replications,
        power=power,
        seeds=float(np.median(spent)) if spent else None,
        trials=float(np.mean(shares)),
        fixed=None if power is None else _equal_power(power, {size: fixed[size] / compared for size in sizes}),
        covered=float(np.mean(covered)) if covered else None,
    )


def _equal_power(power: float, known: dict[int, float]) -> float:
    """Fewest seeds with which a fixed design has a power, between those that are known."""
    before: tuple[int, float] | None = None
    for seeds, reached in known.items():
        if reached >= power:
            if before is None:
                return seeds
            return before[0] + (seeds - before[0]) * (power - before[1]) / (reached - before[1])
        before = seeds, reached
    return max(known)


def _check(arms: Values, effects: Values, looks: Looks, found: Sequential) -> None:
    """Whether a whole report would say the same, arms having the seeds that the rule gave them."""
    names = ["baseline", *(f"arm{number}" for number in range(1, arms.shape[1]))]
    needed = np.array(looks.at)[found.look - 1]
    rows = [
        (name, seed, "completed", float(value + shift))
        for name, column, shift, seeds in zip(
            names, arms.T, [0.0, *effects], [int(needed.max()), *needed.tolist()], strict=True
        )
        for seed, value in enumerate(column[:seeds])
    ]
    trials = pl.DataFrame(rows, schema=["arm", "seed", "status", "loss"], orient="row")
    told = paired_differences(
        trials, "loss", baselines=dict.fromkeys(names, "baseline"), direction="minimize", looks=looks
    )
    words = {-1.0: "better", 1.0: "worse"}
    verdicts = [
        words[float(way)] if decided else "undecided" for way, decided in zip(found.way, found.decided, strict=True)
    ]
    if told["verdict"].to_list() != verdicts or told["look"].to_list() != found.look.tolist():
        raise RuntimeError(f"the benchmark judges {verdicts}, the platform {told['verdict'].to_list()}")


def measure_calibration(*, replications: int, cells: Sequence[LookedCell] | None = None) -> Iterator[Measurement]:
    """One measurement for each cell."""
    for cell in grid() if cells is None else cells:
        yield describe(measure_looks(cell, replications=replications))


def describe(result: LookedResult) -> Measurement:
    """A cell's shares with their goals."""
    cell = result.cell
    ratios = [Ratio(name="wrong verdicts", repeats=(result.errors,), goal=result.bound, bound="at most")]
    saved = None
    if result.power is not None and result.seeds and result.fixed:
        saved = result.seeds / result.fixed
        if cell.affected == cell.comparisons and result.power >= STRONG and cell.looks == DEFAULT:
            ratios.append(Ratio(name="seeds, of a fixed design's", repeats=(saved,), goal=0.7, bound="at most"))
    facts: dict[str, Any] = {
        name: getattr(result, name)
        for name in ("replications", "errors", "power", "seeds", "trials", "fixed", "covered")
    }
    at = ", ".join(map(str, cell.looks.at))
    facts |= {"looked": cell.name, "looks": at, "spending": cell.looks.spending, "comparisons": cell.comparisons}
    facts |= {"saved": saved}
    name = f"looks, {cell.name}, {cell.comparisons} comparisons, {cell.looks.spending} at {at}"
    return Measurement(name=name, facts=facts, ratios=tuple(ratios))


def tabulate_looks(measurements: Sequence[Measurement]) -> str:
    """The cells as a Markdown table."""

    def share(value: float | None, places: int = 3) -> str:
        return "" if value is None else f"{value:.{places}f}"

    head = ["study", "looks at", "comparisons", "wrong", "decided", "median seeds", "fixed design", "ratio"]
    head += ["trials", "covered"]
    rows = [
        [
            f["looked"],
            f["looks"] + ("" if f["spending"] == "pocock" else " (O'Brien-Fleming)"),
            str(f["comparisons"]),
            share(f["errors"]),
            share(f["power"]),
            share(f["seeds"], 0),
            share(f["fixed"], 1),
            share(f["saved"], 2),
            share(f["trials"], 2),
            share(f["covered"]),
        ]
        for f in (measurement.facts for measurement in measurements)
        if "looked" in f
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])
