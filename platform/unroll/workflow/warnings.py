"""What makes a study's numbers doubtful: one list, and which command prints what of it; the report prints its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from unroll.reporting.prose.decided import decided_sentences, pending_sentences
from unroll.reporting.prose.plan import (
    idle_look_sentences,
    part_sentences,
    reach_sentence,
    selection_sentences,
    twin_sentences,
    warm_start_sentences,
)
from unroll.study.analysis import declared_analysis

if TYPE_CHECKING:
    from unroll.ledger import Ledger, Outcome
    from unroll.study import Plan

Audience = Literal["plan", "run", "status", "results"]
"""The command that prints a warning."""


MOST_NAMED = 3
"""Trials that are named in one line."""


def warnings(plan: Plan, ledger: Ledger, audience: Audience) -> list[str]:
    """Warnings for whoever gave a command; those of the task stand in the plan's arms.

    Args:
        plan: what is or was to be run.
        ledger: the results folder, which need not exist yet.
        audience: the command.
    """
    checks: tuple[tuple[str, Callable[[], Iterable[str]]], ...] = (
        ("plan run", lambda: twin_sentences(plan)),
        ("run", lambda: warm_start_sentences(plan)),
        ("plan run results", lambda: selection_sentences(plan)),
        ("plan", lambda: filter(None, [reach_sentence(plan)])),
        ("plan", lambda: idle_look_sentences(plan)),
        ("plan run", lambda: _changed(plan, ledger, "see --if-changed" if audience == "plan" else "these are kept")),
        ("run status results", lambda: _taken_over(plan, ledger)),
        ("plan", lambda: pending_sentences(declared_analysis(plan), ledger)),
        ("status results", lambda: _decided(ledger)),
        ("run", lambda: _slower(plan, ledger)),
        ("run status", lambda: _waiting(plan, ledger)),
        ("run status", lambda: _untuned(plan, ledger)),
        ("status results", lambda: part_sentences(plan, ledger.left_out(plan), ledger.runs())),
        ("results", lambda: _held_out(plan, ledger)),
        ("run status results", lambda: (f"damaged: {damage}" for damage in ledger.damage())),  # while it was read
    )
    return [text for audiences, check in checks if audience in audiences.split() for text in check()]


def _changed(plan: Plan, ledger: Ledger, advice: str) -> Iterator[str]:
    if changed := ledger.changed(plan):
        yield changed_sentence(plan, changed, advice)


def changed_sentence(plan: Plan, changed: Mapping[str, list[str]], advice: str) -> str:
    """Which results other source files gave (``Ledger.changed``), and what can be done about it."""
    from unroll.ledger import describe_changed

    return f"source files of results were changed since: {describe_changed(plan, changed)}; {advice}"


def _taken_over(plan: Plan, ledger: Ledger) -> Iterator[str]:
    """How many trials came from which pack."""
    for pack, trials in ledger.taken_over(plan):
        compared = {trial.id for trial in plan.trials}
        number = sum(trial.id in compared for trial in trials)
        of = f"{number} of {len(plan.trials)} trials"
        more = f", and {len(trials) - number} that others begin with," if len(trials) > number else ""
        yield f"{of}{more} came from the pack {pack.named}"


def _decided(ledger: Ledger) -> Iterator[str]:
    """How much was decided after looking; the report says what it does to the error rate."""
    if decided := list(decided_sentences(ledger.analyses())):
        changes = "1 change" if len(decided) == 1 else f"{len(decided)} changes"
        yield f"decided after looking at results: {changes} of the analysis, which the report lists"


def _slower(plan: Plan, ledger: Ledger) -> Iterator[str]:
    outcomes = ledger.outcomes(trial.id for trial in plan.trials).values()
    reasons = Counter(outcome.stood_in for outcome in outcomes if outcome.stood_in)
    for reason, number in reasons.most_common():
        yield f"{number} of {len(plan.trials)} trials ran without the compiled loop, which is slower: {reason}"


def _waiting(plan: Plan, ledger: Ledger) -> Iterator[str]:
    """How many trials cannot begin, since what they begin with failed or was stopped."""
    from unroll.ledger import FINAL

    outcomes = ledger.outcomes(trial.id for trial in plan.every_trial)
    trials = {trial.id: trial for trial in plan.every_trial}
    causes: list[str] = []
    for trial in plan.trials:
        first = trial
        while trial.id not in outcomes and first.warm_start and not _ended(outcomes.get(first.warm_start), FINAL):
            first = trials[first.warm_start]
        if first is not trial and first.id in outcomes:
            causes.append(first.id)
    if causes:
        named = [f"'{trials[id].arm}' seed {trials[id].seed} ({outcomes[id].status})" for id in dict.fromkeys(causes)]  # noqa: A001
        more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        wait = f"{len(causes)} trials wait" if len(causes) > 1 else "1 trial waits"
        yield f"{wait} for what they begin with: {', '.join(named[:MOST_NAMED])}{more}"


def _untuned(plan: Plan, ledger: Ledger) -> Iterator[str]:
    """Why arms wait for their settings, where that is not for trials that have yet to be run."""
    from unroll.ledger import FINAL

    if plan.tuning is None:
        return
    outcomes = ledger.outcomes(trial.id for trial in plan.tune_trials)
    trials = {trial.id: trial for trial in plan.tune_trials}
    for arm in plan.arms:
        of_arm = {trial for draw in arm.draws for trial in draw}
        if arm.tuning is None or arm.draw is not None or not of_arm <= outcomes.keys():
            continue
        failed = [trial for trial in trials if trial in of_arm and not _ended(outcomes[trial], FINAL)]
        named = "; ".join(f"{trials[trial].name} ({outcomes[trial].status})" for trial in failed[:MOST_NAMED])
        more = f" and {len(failed) - MOST_NAMED} more" if len(failed) > MOST_NAMED else ""
        if failed:
            yield f"'{arm.name}' is not tuned, and its trials wait: {named}{more} must have a result first"
        else:
            yield (
                f"'{arm.name}' is not tuned, and its trials wait: no draw completed with a finite "
                f"{plan.tuning.metric}; search elsewhere (tune.search)"
            )


def _ended(outcome: Outcome | None, ends: Collection[str]) -> bool:
    return outcome is not None and outcome.status in ends


def _held_out(plan: Plan, ledger: Ledger) -> Iterator[str]:
    from unroll.ledger.frames import empty_history
    from unroll.reporting.findings import Findings
    from unroll.reporting.prose.warnings import held_out_sentences

    yield from held_out_sentences(Findings(plan, ledger.trials_frame(plan), empty_history().lazy(), runs=()))
