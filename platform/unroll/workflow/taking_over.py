"""Trials that a pack holds are done: which of a plan's can be taken over from there, and taking them over."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from unroll.contract import UserError
from unroll.ledger import FINAL, Ledger, Outcome, Pack, describe_changed
from unroll.ledger.sources import FORGOTTEN
from unroll.ledger.trial_records import differences
from unroll.study import Plan
from unroll.study.sources import compare_sources
from unroll.workflow.invocation import IfChanged
from unroll.workflow.packing import find_pack, write_trials


@dataclass(frozen=True, slots=True)
class Offer:
    """What a pack has for a plan."""

    pack: Pack
    trials: Sequence[str]
    """Ids of planned trials that have no result yet and that have one there."""
    changed: Mapping[str, list[str]]
    """Those of them that other source files gave than the plan's, with the files that differ."""


def read_packs(targets: Iterable[str]) -> list[Pack]:
    """Packs, each given as its file or by the name of a study beside which one lies.

    Raises:
        UserError: there is none, or it is not what was written.
    """
    return [Pack.read(find_pack(target)) for target in targets]


def find_offers(plan: Plan, ledger: Ledger, packs: Sequence[Pack], *, choice: IfChanged) -> list[Offer]:
    """What packs have for a plan, the first pack first; a trial is taken over from one of them.

    A trial is left to be run if a missing one begins with its weights, which no pack holds.

    Args:
        plan: what is to be there in the end.
        ledger: the results folder, which need not exist yet.
        packs: where to look.
        choice: ``rerun`` leaves out what other source files gave.

    Raises:
        UserError: an id stands for another trial in a pack.
    """
    outcomes = ledger.outcomes(trial.id for trial in plan.every_trial)
    done = {trial for trial, outcome in outcomes.items() if outcome.status in FINAL}
    found: list[Offer] = []
    taken: dict[str, Outcome] = {}
    for pack in packs:
        results = pack.content.results
        offered = [t for t in plan.every_trial if t.id in results and t.id not in done and t.id not in taken]
        for trial in offered:
            if differing := differences(pack.content.trials[trial.id], trial):
                raise UserError(
                    "a trial's id must stand for one content",
                    where=str(pack.path),
                    received=f"{trial.id} with another {' and '.join(differing)}",
                    advice="raise the task's version if a default was changed, or leave this pack out",
                )
        changed = _changed(plan, pack, [trial.id for trial in offered])
        kept = [trial.id for trial in offered if choice != "rerun" or trial.id not in changed]
        taken |= {trial: results[trial] for trial in kept}
        found.append(Offer(pack, kept, {trial: files for trial, files in changed.items() if trial in kept}))
    needed = _needed_weights(plan, done, taken)
    return [
        Offer(offer.pack, [t for t in offer.trials if t not in needed], _without(offer.changed, needed))
        for offer in found
    ]


def take_over(plan: Plan, ledger: Ledger, packs: Sequence[Pack], choice: IfChanged) -> None:
    """Write down what packs have for a plan; the folder is locked by the caller.

    Raises:
        UserError: an id stands for another trial in a pack, or other source files gave its results and the choice is
            to refuse these; nothing was written.
        StorageError: the disk refused.
    """
    offers = [offer for offer in find_offers(plan, ledger, packs, choice=choice) if offer.trials]
    for offer in offers:
        if offer.changed and choice == "refuse":
            raise UserError(
                "results must come from the source files that run now",
                where=str(offer.pack.path),
                received=describe_changed(plan, offer.changed),
                advice="run these trials here with --if-changed rerun, or take their results with --if-changed keep",
            )
    trials = {trial.id: trial for trial in plan.every_trial}
    for offer in offers:
        write_trials(offer.pack, ledger, [trials[trial] for trial in offer.trials])
        if offer.pack.manifest.study == plan.study:  # of another study's analysis this one is no change
            ledger.take_over_analyses(offer.pack.content.analyses)


def _changed(plan: Plan, pack: Pack, trials: Sequence[str]) -> dict[str, list[str]]:
    """Trials of a pack that other source files gave than the plan's arms have now."""
    arms = {arm.name: arm.sources for arm in plan.every_arm}
    now = {trial.id: arms[trial.arm] for trial in plan.every_trial}
    then = {trial: pack.content.results[trial].sources for trial in trials}
    other = [trial for trial in trials if then[trial] and now[trial] and then[trial] != now[trial]]
    known = pack.content.sources
    return {
        trial: compare_sources(known[then[trial]], plan.sources.get(now[trial], {}))
        if then[trial] in known
        else [FORGOTTEN]
        for trial in other
    }


def _needed_weights(plan: Plan, done: Collection[str], taken: Mapping[str, Outcome]) -> set[str]:
    """Trials that cannot be taken over since one that is to be run begins with their weights.

    What diverged has none that others could begin with: those diverge, too.
    """
    begun = {trial.id: trial.warm_start for trial in plan.every_trial}
    needed: set[str] = set()
    while True:
        there = {*done, *taken} - needed
        missing = [t for t in plan.every_trial if t.id not in there and t in (*plan.trials, *plan.needed(there))]
        starts = {start for trial in missing if (start := begun[trial.id]) is not None}
        more = {start for start in starts if start in taken and taken[start].status != "diverged"} - needed
        if not more:
            return needed
        needed |= more


def _without(changed: Mapping[str, list[str]], trials: Collection[str]) -> dict[str, list[str]]:
    return {trial: files for trial, files in changed.items() if trial not in trials}
