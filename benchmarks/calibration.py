"""Whether the statistics hold what they promise: error rates, power and coverage on drawn studies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.measurement import Measurement, Ratio
from unroll.evidence import LEVEL, max_t, paired_differences, sign_flip_p
from unroll.evidence.intervals import mean_interval, shift_interval

Values = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Values]

FLIPS: Final = 1_999
"""Patterns where seeds are too many to enumerate in 2,000 replications."""
EXACT_UP_TO: Final = 12
INTERVALS_UP_TO: Final = 12
"""Seeds up to which coverage is measured."""
CHECKED: Final = 10
"""Replications of each cell whose verdicts are compared with those of whole frames."""
COLLAPSE: Final = 10.0
"""Standard deviations by which a collapsed trial is worse."""
MARGIN: Final = 2.0
"""Margin of equivalence, in standard deviations of an arm."""


def _normal(generator: np.random.Generator, shape: tuple[int, ...]) -> Values:
    return generator.standard_normal(shape)


def _skewed(generator: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Gamma with shape 2, of skewness 1.4: mean 0, standard deviation 1."""
    return np.asarray((generator.gamma(2.0, size=shape) - 2.0) / math.sqrt(2.0), dtype=np.float64)


def _exponential(generator: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Of skewness 2."""
    return generator.exponential(size=shape) - 1.0


def _heavy(generator: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Student's t with 2.5 degrees of freedom, in units of its standard deviation."""
    return np.asarray(generator.standard_t(2.5, shape) / math.sqrt(5.0), dtype=np.float64)


def _ties(generator: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Counts of 20, in units of their standard deviation, on a grid."""
    return np.asarray((generator.binomial(20, 0.5, shape) - 10.0) / math.sqrt(5.0), dtype=np.float64)


def _collapsing(generator: np.random.Generator, shape: tuple[int, ...]) -> Values:
    return generator.standard_normal(shape) + COLLAPSE * (generator.random(shape) < 0.1)


DRAWS: Final[dict[str, Draw]] = {
    "normal": _normal,
    "skewed": _skewed,
    "exponential": _exponential,
    "heavy-tailed": _heavy,
    "ties": _ties,
    "collapse": _collapsing,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One kind of study.

    Args:
        values: name in :data:`DRAWS`, of every arm.
        seeds: of every arm.
        comparisons: arms beside the baseline.
        effect: standard deviations by which arms are better (their values lower).
        affected: how many of the arms are; the others are as the baseline.
        special: ``one collapses`` (the arms, and not the baseline, collapse on 10 % of seeds, so that each is better as
            often as worse), ``equal means`` (the same with equal means), ``all diverge`` (whatever is among the worst
            20 %), ``one diverges`` (the worst 30 % of the arms', not of the baseline's), ``margin`` (the arms differ
            from the baseline by the margin of equivalence), ``within`` (they do not differ, and equivalence is tested).
        wrong: verdicts of arms without an effect that are errors.
        limit: whether the cell shows what no verdict of so few seeds can hold, and is not held to the level.
    """

    values: str
    seeds: int
    comparisons: int
    effect: float = 0.0
    affected: int = 0
    special: Literal["", "one collapses", "equal means", "all diverge", "one diverges", "margin", "within"] = ""
    wrong: tuple[str, ...] = ("better", "worse")
    limit: bool = False

    @property
    def name(self) -> str:
        """What a table calls it."""
        parts = [self.special or self.values]
        if self.affected:
            parts.append(f"{self.affected} of {self.comparisons} better by {self.effect:g} sd")
        return ", ".join(parts)


def grid() -> list[Cell]:
    """All cells."""
    sizes = ((6, 1), (6, 9), (8, 2), (8, 9), (12, 4), (16, 2), (32, 9))
    null = [Cell(values=v, seeds=n, comparisons=k) for v in DRAWS if v != "exponential" for n, k in sizes]
    whole = [
        Cell(values=v, seeds=8, comparisons=9, effect=effect, affected=9)
        for v in ("normal", "skewed", "heavy-tailed", "ties")
        for effect in (0.5, 1.0, 1.5)
    ]
    part = [
        Cell(values=v, seeds=n, comparisons=9, effect=1.5, affected=5)
        for v in ("normal", "skewed", "heavy-tailed", "ties", "collapse")
        for n in (8, 12)
    ]
    special = [
        *(Cell(values="normal", seeds=n, comparisons=k, special="all diverge") for n, k in ((8, 2), (12, 4), (32, 9))),
        *(
            Cell(values="normal", seeds=n, comparisons=k, special=kind, wrong=("better",))
            for kind in _ONE_SIDED
            for n, k in ((8, 1), (12, 4), (32, 2))
        ),
        *(Cell(values="normal", seeds=n, comparisons=k, special="margin") for n, k in ((8, 2), (12, 9))),
        *(Cell(values="normal", seeds=n, comparisons=k, special="within") for n, k in ((8, 2), (12, 9))),
        Cell(values="normal", seeds=8, comparisons=1, special="equal means", wrong=("better",), limit=True),
        Cell(values="exponential", seeds=8, comparisons=9),
    ]
    return [*null, *whole, *part, *special]


_ONE_SIDED: Final[tuple[Literal["one collapses", "one diverges"], ...]] = ("one collapses", "one diverges")


@dataclass(slots=True, kw_only=True)
class Result:
    """What a cell came to; shares of replications, or of comparisons, or None where there is nothing to count."""

    cell: Cell
    replications: int
    errors: float
    holm_errors: float
    power: float | None
    holm_power: float | None
    covered: float | None
    means_covered: float | None

    @property
    def bound(self) -> float:
        """5 % and three standard errors of a share that is 5 %."""
        return LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / self.replications)


def draw_arms(cell: Cell, generator: np.random.Generator) -> Values:
    """One study: shape (seeds, 1 + comparisons), the baseline first; infinite where a trial diverged. Low is good."""
    arms = DRAWS[cell.values](generator, (cell.seeds, 1 + cell.comparisons))
    arms[:, 1 : 1 + cell.affected] -= cell.effect
    if cell.special in ("one collapses", "equal means"):
        # Better as often as worse: 0.9 P(N(-s, 2) < 0) = 0.5 gives s = 0.1976. Of equal means: 10 % of the collapse.
        arms[:, 1:] += COLLAPSE * (generator.random((cell.seeds, cell.comparisons)) < 0.1)
        arms[:, 1:] -= 0.1976 if cell.special == "one collapses" else 0.1 * COLLAPSE
    elif cell.special == "all diverge":
        arms[arms > 0.8416] = np.inf  # the upper fifth of a standard normal distribution
    elif cell.special == "one diverges":
        arms[:, 1:][arms[:, 1:] > 0.5244] = np.inf
    elif cell.special == "margin":
        arms[:, 1:] += MARGIN
    return arms


def measure_cell(cell: Cell, *, replications: int, seed: int = 0) -> Result:
    """Draw many studies of a kind and judge each of them.

    Raises:
        RuntimeError: a verdict is another one than that of ``unroll.evidence.paired_differences``.
    """
    generator = np.random.default_rng([seed, *map(ord, cell.name), cell.seeds, cell.comparisons])
    errors, holm_errors, right, holm_right, covered, means = 0, 0, 0, 0, [], []
    truth = np.array([-cell.effect] * cell.affected + [0.0] * (cell.comparisons - cell.affected))
    for number in range(replications):
        arms = draw_arms(cell, generator)
        verdicts, by_holm, differences = judge(arms, equivalence=cell.special in ("margin", "within"))
        if number < CHECKED and cell.seeds <= EXACT_UP_TO and cell.special not in ("margin", "within"):
            _check(arms, verdicts)
        wrong = ("equivalent",) if cell.special == "margin" else cell.wrong
        errors += any(verdict in wrong for verdict in verdicts[cell.affected :])
        holm_errors += any(verdict in wrong for verdict in by_holm[cell.affected :])
        aim = "equivalent" if cell.special == "within" else "better"
        counted = verdicts if cell.special == "within" else verdicts[: cell.affected]
        right += sum(verdict == aim for verdict in counted)
        holm_right += sum(verdict == "better" for verdict in by_holm[: cell.affected])
        if not cell.special and cell.seeds <= INTERVALS_UP_TO:
            if (interval := shift_interval(differences[:, -1])) is not None:
                covered.append(interval[0] <= truth[-1] <= interval[1])
            if cell.values != "collapse" and (interval := mean_interval(arms[:, 0])) is not None:
                means.append(interval[0] <= 0.0 <= interval[1])
    compared = replications * (cell.comparisons if cell.special == "within" else cell.affected)
    return Result(
        cell=cell,
        replications=replications,
        errors=errors / replications,
        holm_errors=holm_errors / replications,
        power=right / compared if compared else None,
        holm_power=holm_right / compared if compared and cell.special != "within" else None,
        covered=float(np.mean(covered)) if covered else None,
        means_covered=float(np.mean(means)) if means else None,
    )


def judge(arms: Values, *, equivalence: bool = False) -> tuple[list[str], list[str], Values]:
    """Verdicts of every comparison with the baseline, those by Holm's correction, and the differences."""
    with np.errstate(invalid="ignore"):
        differences = arms[:, 1:] - arms[:, :1]
    both = np.isinf(arms[:, 1:]) & np.isinf(arms[:, :1])
    differences[both] = 0.0
    lost = np.isinf(differences).any(axis=0) | both.any(axis=0)
    scores = np.where(lost, np.sign(differences), differences)
    test = partial(max_t, scores, seeds_up_to=EXACT_UP_TO, draws=FLIPS)
    if equivalence:  # two one-sided tests, each for all comparisons
        below = test(margins=MARGIN, alternative="less")
        above = test(margins=-MARGIN, alternative="greater")
        same = ["equivalent" if max(ends) <= LEVEL else "undecided" for ends in zip(below, above, strict=True)]
        return same, ["undecided"] * len(same), differences
    adjusted = test()
    alone = [_alone(scores[:, column]) for column in range(scores.shape[1])]
    ways = np.sign(scores.sum(axis=0))
    completed = np.where(np.isfinite(differences) & ~both, differences, 0.0).sum(axis=0)
    ways[lost & (ways * completed < 0)] = 0.0  # those that completed say the opposite
    return _verdicts(adjusted, ways), _verdicts(holm(alone), ways), differences


def _alone(scores: Values) -> float:
    if len(scores) <= EXACT_UP_TO:
        return sign_flip_p(scores)
    hits = int((np.abs(_signs(len(scores)) @ scores) >= abs(scores.sum()) - 1e-9).sum())
    return (1 + hits) / (1 + FLIPS)


@cache
def _signs(seeds: int) -> Values:
    return np.where(np.random.default_rng(seeds).integers(0, 2, (FLIPS, seeds)) == 1, 1.0, -1.0)


def _verdicts(p_values: Sequence[float] | Values, ways: Values) -> list[str]:
    words = {-1.0: "better", 1.0: "worse", 0.0: "undecided"}
    return [words[float(way)] if p <= LEVEL else "undecided" for p, way in zip(p_values, ways, strict=True)]


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm 1979: the smallest p times all comparisons, the next times one less, never falling."""
    adjusted, running = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = running
    return adjusted


def _check(arms: Values, verdicts: list[str]) -> None:
    """Whether a whole report would say the same."""
    names = ["baseline", *(f"arm{number}" for number in range(1, arms.shape[1]))]
    rows = [
        (name, seed, "diverged" if math.isinf(value) else "completed", float(value))
        for name, column in zip(names, arms.T, strict=True)
        for seed, value in enumerate(column)
    ]
    trials = pl.DataFrame(rows, schema=["arm", "seed", "status", "loss"], orient="row")
    told = paired_differences(trials, "loss", baselines=dict.fromkeys(names, "baseline"), direction="minimize")
    if told["verdict"].to_list() != verdicts:
        raise RuntimeError(f"the benchmark judges {verdicts}, the platform {told['verdict'].to_list()}")


def measure_peeking(*, replications: int, first: int = 6, last: int = 64) -> float:
    """Share of wrong verdicts of a control that is invalid: one comparison, tested at every seed until it decides."""
    generator = np.random.default_rng(1)
    differences = generator.standard_normal((replications, last)) - generator.standard_normal((replications, last))
    decided = np.zeros(replications, dtype=bool)
    for seeds in range(first, last + 1):
        known = differences[:, :seeds]
        hits = (np.abs(_signs(seeds) @ known.T) >= np.abs(known.sum(axis=1)) - 1e-12).sum(axis=0)
        decided |= (1 + hits) / (1 + FLIPS) <= LEVEL
    return float(decided.mean())


def measure_calibration(*, replications: int, cells: Sequence[Cell] | None = None) -> Iterator[Measurement]:
    """One measurement for each cell, and one of the invalid control.

    Raises:
        SystemExit: the control is not found invalid, so that the benchmark could not find anything.
    """
    for cell in grid() if cells is None else cells:
        yield describe(measure_cell(cell, replications=replications))
    peeking = measure_peeking(replications=max(replications, 400))
    if peeking <= 0.2:
        raise SystemExit(f"the invalid control errs in {peeking:.1%} of studies: this benchmark finds nothing")
    goal = Ratio(name="wrong verdicts (must exceed)", repeats=(peeking,), goal=0.2, bound="at least")
    yield Measurement(name="calibration, a look at every seed (invalid)", facts={}, ratios=(goal,))


def describe(result: Result) -> Measurement:
    """A cell's shares with their goals."""
    cell = result.cell
    ratios = [Ratio(name="wrong verdicts", repeats=(result.errors,), goal=result.bound, bound="at most")]
    for name, share in (("differences covered", result.covered), ("means covered", result.means_covered)):
        if share is not None and cell.seeds >= 8:
            ratios.append(Ratio(name=name, repeats=(share,), goal=0.93, bound="at least"))
    if cell.affected == cell.comparisons == 9 and cell.effect == 1.5 and cell.values == "normal":
        ratios.append(Ratio(name="decided", repeats=(result.power or 0.0,), goal=0.4, bound="at least"))
    facts: dict[str, Any] = {
        name: getattr(result, name)
        for name in ("replications", "errors", "holm_errors", "power", "holm_power", "covered", "means_covered")
    }
    facts |= {"cell": cell.name, "seeds": cell.seeds, "comparisons": cell.comparisons, "limit": cell.limit}
    name = f"calibration, {cell.name}, {cell.seeds} seeds, {cell.comparisons} comparisons"
    return Measurement(name=name, facts=facts, ratios=() if cell.limit else tuple(ratios))


def tabulate_cells(measurements: Sequence[Measurement]) -> str:
    """The cells as a Markdown table."""

    def share(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}"

    head = ["study", "seeds", "comparisons", "wrong", "wrong (Holm)", "decided", "decided (Holm)"]
    head += ["differences covered", "means covered"]
    columns = ("errors", "holm_errors", "power", "holm_power", "covered", "means_covered")
    rows = [
        [f["cell"] + (" (limit)" if f["limit"] else ""), str(f["seeds"]), str(f["comparisons"])]
        + [share(f[name]) for name in columns]
        for f in (measurement.facts for measurement in measurements)
        if "cell" in f
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])
