"""Which part of a study is told, and how to have the whole of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from unroll.report.numbers import count, listed, plain, ranges
from unroll.study.plan import Plan
from unroll.study.trial import Trial

MOST_NAMES = 6
"""Arms up to which each is named."""


def part_sentences(plan: Plan, left_out: Sequence[Trial]) -> Iterator[str]:
    """What was changed on the command line, and which results of other arms and seeds lie beside those that are told.

    Results of the same arm with other settings are another study's, and are not told of.

    Args:
        plan: the one that is told.
        left_out: trials with a result in the same folder that are none of the plan's (``Ledger.left_out``).
    """
    if plan.overrides:
        yield (
            f"On the command line the study was changed: {listed(map(plain, plan.overrides))}. `unroll run "
            f"{plain(plan.study)}` without that tells of the study as its file has it, and runs only what is missing."
        )
    yield from (f"Of what its file sets, {plain(text)}." for text in plan.fallen)
    told = {name for arm in plan.arms for name in (arm.name, *arm.twins)}
    arms = Counter(trial.arm for trial in left_out if trial.arm not in told)
    seeds = [trial.seed for trial in left_out if _differs_in_seed(trial, plan)]
    parts = list(_named(arms)) + ([f"{len(seeds):,} of other seeds ({ranges(set(seeds))})"] if seeds else [])
    if parts:
        number = count(arms.total() + len(seeds), "trial")
        yield f"The folder also holds {number} that this plan leaves out: {listed(parts)}."


def _named(arms: Counter[str]) -> Iterator[str]:
    names = list(arms) if len(arms) <= MOST_NAMES else list(arms)[: MOST_NAMES - 1]
    yield from (f"{arms[name]:,} of {plain(name)}" for name in names)
    if rest := [arms[name] for name in arms if name not in names]:
        yield f"{sum(rest):,} of {count(len(rest), 'other arm')}"


def _differs_in_seed(trial: Trial, plan: Plan) -> bool:
    """Whether the plan has the same trial with other seeds alone."""
    mates = (each for each in plan.trials if each.arm == trial.arm)
    return any(each.settings == trial.settings and each.fingerprint == trial.fingerprint for each in mates)
