"""What makes a study's numbers doubtful: one list, and which command prints what of it; the report prints its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from unroll.reporting.prose.plan import part_sentences, reach_sentence, selection_sentences, twin_sentences

if TYPE_CHECKING:
    from unroll.ledger import Ledger
    from unroll.study import Plan

Audience = Literal["plan", "run", "status", "results"]
"""The command that prints a warning."""


def warnings(plan: Plan, ledger: Ledger, audience: Audience) -> list[str]:
    """Warnings for whoever gave a command; those of the task stand in the plan's arms.

    Args:
        plan: what is or was to be run.
        ledger: the results folder, which need not exist yet.
        audience: the command.
    """
    checks: tuple[tuple[str, Callable[[], Iterable[str]]], ...] = (
        ("plan run", lambda: twin_sentences(plan)),
        ("plan run results", lambda: selection_sentences(plan)),
        ("plan", lambda: filter(None, [reach_sentence(plan)])),
        ("plan run", lambda: _changed(plan, ledger, "see --if-changed" if audience == "plan" else "these are kept")),
        ("run", lambda: _slower(plan, ledger)),
        ("status results", lambda: part_sentences(plan, ledger.left_out(plan), ledger.runs())),
        ("results", lambda: _held_out(plan, ledger)),
        ("run status results", lambda: (f"damaged: {damage}" for damage in ledger.damage())),  # while it was read
    )
    return [text for audiences, check in checks if audience in audiences.split() for text in check()]


def _changed(plan: Plan, ledger: Ledger, advice: str) -> Iterator[str]:
    from unroll.ledger import describe_changed

    if changed := ledger.changed(plan):
        yield f"source files of results were changed since: {describe_changed(plan, changed)}; {advice}"


def _slower(plan: Plan, ledger: Ledger) -> Iterator[str]:
    outcomes = ledger.outcomes(trial.id for trial in plan.trials).values()
    reasons = Counter(outcome.stood_in for outcome in outcomes if outcome.stood_in)
    for reason, number in reasons.most_common():
        yield f"{number} of {len(plan.trials)} trials ran without the compiled loop, which is slower: {reason}"


def _held_out(plan: Plan, ledger: Ledger) -> Iterator[str]:
    from unroll.ledger.frames import history_table
    from unroll.reporting.findings import Findings
    from unroll.reporting.prose.warnings import held_out_sentences

    yield from held_out_sentences(Findings(plan, ledger.trials_frame(plan), history_table(()), runs=()))
