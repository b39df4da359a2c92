"""Seeds that are added to what is undecided, from look to look: what a study asks for follows from its ledger alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import polars as pl

    from unroll.ledger import Ledger
    from unroll.study import Plan, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What has come of a study's looks so far."""

    made: int
    """Looks that were made."""
    decided: int
    of: int
    """Comparisons, or claims where the study has any; without those that no seed can decide."""
    undecided: frozenset[str]
    """Arms that more seeds are asked of: those of undecided comparisons, and what these are compared with."""


def look(plan: Plan, ledger: Ledger) -> Looked:
    """Judge a plan with looks by what the ledger holds."""
    trials = ledger.trials_frame(plan)
    return _of_claims(plan, trials) if plan.claims else _of_comparisons(plan, trials)


def look_sentences(plan: Plan, ledger: Ledger) -> Iterator[str]:
    """At which look a study is: what is decided, and what more it can ask for; nothing without looks."""
    if plan.looks is None:
        return
    found, ends = look(plan, ledger), plan.looks.at
    what = "claims" if plan.claims else "comparisons"
    known = f"{found.decided} of {found.of} {what} decided" if found.made else "nothing is decided before the first"
    if found.made == len(ends) or (found.made and not found.undecided):
        yield f"looks: {known} after look {found.made} of {len(ends)}, which is the last"
    else:
        now = found.made + 1
        yield f"looks: {known}; look {now} of {len(ends)} is at {ends[now - 1]} seeds"


def grown(plan: Plan, ledger: Ledger) -> Plan:
    """The plan with the trials of every look that results have asked for so far; as it is without looks.

    Each look is judged by the trials until then, so a study that was killed comes to the same plan again.
    """
    if plan.looks is None:
        return plan
    ends = plan.looks.at
    while (found := look(plan, ledger)).made < len(ends):
        if not found.made or (more := plan.grown(found.undecided, ends[found.made])) is plan:
            break
        plan = more
    return plan


def still_possible(plan: Plan, found: Looked) -> list[Trial]:
    """What of the reserve later looks may ask for: of what is decided nothing more."""
    arms = {arm.name for arm in plan.arms}
    open_ = arms if not found.made else found.undecided
    needed = {trial.warm_start for trial in plan.reserve if trial.arm in open_}
    while more := {trial.warm_start for trial in plan.reserve if trial.id in needed} - needed:
        needed |= more
    return [trial for trial in plan.reserve if trial.arm in arms and (trial.arm in open_ or trial.id in needed)]


def _of_claims(plan: Plan, trials: pl.DataFrame) -> Looked:
    from unroll.evidence import judge_claims

    directions = {name: metric.direction for name, metric in plan.metrics.items()}
    rows = judge_claims(_repeated(plan, trials), plan.claims, directions, plan.looks).to_dicts()
    known = [(row, claim.arms) for row, claim in zip(rows, plan.claims, strict=True) if not row["one_value"]]
    return _summed([(row["look"], row["closed"], arms) for row, arms in known])


def _of_comparisons(plan: Plan, trials: pl.DataFrame) -> Looked:
    from unroll.evidence import paired_differences

    spec = plan.metrics[plan.metric]
    rows = paired_differences(
        _repeated(plan, trials),
        plan.metric,
        baselines=plan.baselines,
        direction=spec.direction,
        scale=spec.scale,
        looks=plan.looks,
    ).to_dicts()
    known = [row for row in rows if row["one_value"] != "both"]
    return _summed([(row["look"], row["closed"], {row["arm"], row["baseline"]}) for row in known])


def _repeated(plan: Plan, trials: pl.DataFrame) -> pl.DataFrame:
    from unroll.evidence import repeat_for_seeds

    return repeat_for_seeds(trials, [arm.name for arm in plan.arms if arm.seed_varies == ()])


def _summed(rows: Sequence[tuple[int, bool, Collection[str]]]) -> Looked:
    """Of each comparison or claim: its last look, whether it is over, and its arms."""
    made = max((number for number, _, _ in rows), default=0)
    # What was not tested at the last look has no value of both sides, and more seeds would bring none.
    undecided = [arms for number, closed, arms in rows if not closed and number == made]
    return Looked(
        made=made,
        decided=sum(closed for _, closed, _ in rows),
        of=len(rows),
        undecided=frozenset(arm for arms in undecided for arm in arms),
    )
