"""What a plan's seeds can decide, whatever the results will be."""

from __future__ import annotations

from dataclasses import dataclass

from unroll.evidence.pairs import LEVEL
from unroll.evidence.permutation import EXACT_UP_TO, smallest_p
from unroll.study.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How small a p-value of a comparison can become, adjusted for all of them.

    Args:
        comparisons: how many the study has.
        pairs: seeds that are planned for both sides, in the comparison that has fewest.
    """

    comparisons: int
    pairs: int

    @property
    def smallest_p(self) -> float:
        """The smallest adjusted p: that of one comparison, since all comparisons of a seed are flipped together."""
        return smallest_p(self.pairs)

    @property
    def decides(self) -> bool:
        """Whether a verdict other than "undecided" is possible; a study without comparisons has nothing to decide."""
        return not self.comparisons or self.smallest_p <= LEVEL

    @property
    def enough_seeds(self) -> int:
        """Least number of seeds with which one is."""
        return next(n for n in range(1, EXACT_UP_TO) if smallest_p(n) <= LEVEL)


def reach(plan: Plan) -> Reach:
    """What a plan's seeds can decide, from the plan alone."""
    seeds = _planned_seeds(plan)
    alone = {arm.name for arm in plan.arms if arm.seed_varies == ()}  # two such have nothing to test
    compared = [(arm, other) for arm, other in plan.baselines.items() if arm != other and not {arm, other} <= alone]
    pairs = [len(seeds[arm] & seeds[other]) for arm, other in compared]
    return Reach(comparisons=len(pairs), pairs=min(pairs, default=0))


def claim_seeds(plan: Plan) -> dict[str, int]:
    """Claim -> number of seeds that are planned for all arms that it speaks of; 0 where no seed changes any of them."""
    seeds = _planned_seeds(plan)
    alone = {arm.name for arm in plan.arms if arm.seed_varies == ()}
    return {
        claim.text: 0 if claim.arms <= alone else len(set.intersection(*(seeds[arm] for arm in claim.arms)))
        for claim in plan.claims
    }


def _planned_seeds(plan: Plan) -> dict[str, set[int]]:
    """Arm -> its seeds, those of later looks too; the value of one that draws nothing stands beside every seed."""
    seeds: dict[str, set[int]] = {arm.name: set() for arm in plan.arms}
    for trial in (*plan.trials, *plan.reserve):
        if trial.phase == "confirm" and trial.arm in seeds:  # what is searched with is never compared
            seeds[trial.arm].add(trial.seed)
    every = set[int]().union(*seeds.values())
    return seeds | {arm.name: every for arm in plan.arms if arm.seed_varies == ()}
