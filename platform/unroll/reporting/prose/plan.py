"""Sentences on a plan alone: what it leaves out, what in it is the same, and what its seeds cannot decide."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from unroll.evidence import LEVEL, claim_seeds, idle_looks, least_start, reach, smallest_p, twin_metric
from unroll.ledger import RunRecord
from unroll.reporting.numbers import count, listed, p_value, ranges
from unroll.study.plan import Plan
from unroll.study.trial import Trial

MOST_NAMES = 6
"""Arms up to which each is named."""


def part_sentences(plan: Plan, left_out: Sequence[Trial], runs: Sequence[RunRecord]) -> Iterator[str]:
    """What was changed on the command line, and which results of other arms and seeds are in the same folder.

    Results of the same arm with other settings belong to another study and are left out.

    Args:
        plan: the one that is reported.
        left_out: trials with a result in the same folder that are none of the plan's (``Ledger.left_out``).
        runs: of this folder, oldest first; the advised command repeats the ``--results`` of the latest.
    """
    if plan.overrides:
        yield (
            f"On the command line the study was changed: {listed(plan.overrides)}. `{_whole(plan, runs)}` without "
            "these changes reports the study as its file declares it, and runs only what is missing."
        )
    yield from (f"Of what its file sets, {text}." for text in plan.fallen)
    known = {name for arm in plan.arms for name in (arm.name, *arm.twins)}
    arms = Counter(trial.arm for trial in left_out if trial.arm not in known)
    seeds = [trial.seed for trial in left_out if _differs_in_seed(trial, plan)]
    names = list(arms) if len(arms) <= MOST_NAMES else list(arms)[: MOST_NAMES - 1]
    parts = [f"{arms[name]:,} of {name}" for name in names]
    if rest := [arms[name] for name in arms if name not in names]:
        parts.append(f"{sum(rest):,} of {count(len(rest), 'other arm')}")
    if seeds:
        parts.append(f"{len(seeds):,} of other seeds ({ranges(set(seeds))})")
    if parts:
        number = count(arms.total() + len(seeds), "trial")
        yield f"The folder also holds {number} that this plan leaves out: {listed(parts)}."


def _whole(plan: Plan, runs: Sequence[RunRecord]) -> str:
    """The command that runs the whole study in the same folder."""
    command = runs[-1].command if runs else []
    for place, word in enumerate(command):
        if word == "--results" and place + 1 < len(command):
            return shlex.join(["unroll", "run", plan.study, word, command[place + 1]])
        if word.startswith("--results="):
            return shlex.join(["unroll", "run", plan.study, word])
    return f"unroll run {plan.study}"


def _differs_in_seed(trial: Trial, plan: Plan) -> bool:
    """Whether the plan has the same trial with other seeds alone."""
    mates = (each for each in plan.trials if each.arm == trial.arm)
    return any(each.settings == trial.settings and each.fingerprint == trial.fingerprint for each in mates)


def twin_sentences(plan: Plan) -> Iterator[str]:
    """One for each arm that represents several which run identically."""
    for arm in plan.arms:
        if arm.twins:
            names = listed(f"'{name}'" for name in (arm.name, *arm.twins))
            yield (
                f"{names} run identically, since nothing reads the settings in which they differ: they are compared "
                f"once, as '{arm.name}'."
            )


def warm_start_sentences(plan: Plan) -> Iterator[str]:
    """Which control was added by itself, and what is trained beside the arms."""
    if controls := [arm.name for arm in plan.arms if arm.control]:
        were = "was" if len(controls) == 1 else "were"
        yield f"{'; '.join(controls)} {were} added by itself: the control that what is compared needs beside it."
    for prepared in plan.prepared:
        arms = [arm.name for arm in plan.every_arm if arm.warm_start == prepared.name]
        steps = "" if prepared.steps is None else f" of {count(prepared.steps, 'step')}"
        begin = "begins" if len(arms) == 1 else "begin"
        weights = f"the final weights of a trial{steps} that is not compared"
        yield f"{'; '.join(arms)} {begin} with {weights}: {prepared.name}."


def selection_sentences(plan: Plan) -> Iterator[str]:
    """Why the deciding metric is too good, where the tested state was chosen by it; worse where only some arms choose.

    Names of arms may hold commas, so they are joined by semicolons.
    """
    monitored = {trial.arm for trial in plan.trials if trial.monitor == plan.metric}
    names = [arm.name for arm in plan.arms if arm.selects and arm.name in monitored]
    if not names:
        return
    twin = twin_metric(plan.metric)
    advice = f"decide by a test metric{f' (metric={twin})' if twin in plan.metrics else ''}"
    if len(names) == len(plan.arms):
        yield (f"{plan.metric} chose the tested state of all arms: its value is the best of all epochs; {advice}.")
    else:
        yield (
            f"{plan.metric} chose the tested state of {'; '.join(names)}: its value is the best of all epochs, that of "
            f"the other arms is of their last one, so the comparison favours the arms that choose; {advice}."
        )


def reach_sentence(plan: Plan) -> str:
    """Why every comparison will be undecided, and with how many seeds it need not be; empty where that is not so."""
    if plan.claims:
        return _claims_out_of_reach(plan)
    reached = reach(plan)
    if reached.decides:
        return ""
    return (
        f"The planned seeds cannot decide: with {count(reached.pairs, 'pair')} the smallest p that can "
        f"be reached is {p_value(reached.smallest_p)}; {reached.enough_seeds} seeds can reach {LEVEL:g}."
    )


def idle_look_sentences(plan: Plan) -> Iterator[str]:
    """Which looks will decide nothing, and from how many seeds on one can; :func:`reach_sentence` has it if all do."""
    if plan.looks is None:
        return
    idle = idle_looks(plan.looks.at, plan.looks.spending, LEVEL)
    if not idle or len(idle) == len(plan.looks.at):
        return
    looks, reached = plan.looks, listed(p_value(smallest_p(seeds)) for seeds in idle)
    which, least = ("look", "p") if len(idle) == 1 else ("looks", "p-values")
    yield (
        f"The {which} at {listed(map(str, idle))} seeds can decide nothing: what {looks.spending} may spend there is "
        f"below the smallest {least} within reach, {reached}; seeds.start: "
        f"{least_start(looks.up_to, looks.spending, LEVEL)} is the least that a first look of {looks.up_to} can decide "
        "with."
    )


def _claims_out_of_reach(plan: Plan) -> str:
    """Which claims will be undecided whatever their trials give, and why."""
    known = {claim: seeds for claim, seeds in claim_seeds(plan).items() if smallest_p(seeds) > LEVEL}
    if not known:
        return ""
    reasons = (
        f"'{claim}' "
        + (f"(smallest p {p_value(smallest_p(seeds))} with {count(seeds, 'seed')})" if seeds else "(no seed varies it)")
        for claim, seeds in known.items()
    )
    return f"The planned seeds cannot decide {listed(reasons)}; {reach(plan).enough_seeds} seeds can reach {LEVEL:g}."


def claim_reach_sentences(plan: Plan) -> Iterator[str]:
    """How small the p-value of each claim can become."""
    for claim, seeds in claim_seeds(plan).items():
        yield f"claim: {claim}; smallest p within reach {p_value(smallest_p(seeds))} with {count(seeds, 'seed')}"
