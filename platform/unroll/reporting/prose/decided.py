"""What of a study's analysis was decided after results were there, and what that does to the error rate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from unroll.reporting.numbers import count, listed, ranges, shorten
from unroll.study.analysis import Change, DeclaredAnalysis, find_changes

if TYPE_CHECKING:
    from unroll.ledger import AnalysisRecord, Ledger

NOT_RECORDED = (
    "What this study declared before its first results is not recorded: they are of a version of Unroll that wrote no "
    "such record. So nobody can tell here what was decided after looking at them."
)
WRONG_AFTER_LOOKS = {2: 7.0, 3: 8.8, 4: 9.9, 5: 11.5}
"""Looks at growing results -> percent of studies without any difference that get a verdict at one of them. Simulated:
one comparison of normal values, looks at 8, 10, 12, 14 and 16 seeds, the exact test at 5 % at each."""
LONGEST = 160
"""Characters of what was replaced."""


def decided_sentences(records: Sequence[AnalysisRecord]) -> Iterator[str]:
    """One for each change that was declared when there were results, in the order of time.

    Args:
        records: what was declared, oldest first (``Ledger.analyses``).
    """
    looks = 1
    for record, changes in list_changes(records):
        for change in changes if record.results else ():
            looks += change.matter == "seeds added"
            when = f"on {record.recorded[:10]}, after {count(record.results, 'result')}"
            yield f"{describe(change)} {when}: {_effect(change, record.declared, looks)}"


def list_changes(records: Sequence[AnalysisRecord]) -> Iterator[tuple[AnalysisRecord, list[Change]]]:
    """Every record but the first, with what it changed."""
    for before, after in pairwise(records):
        yield after, find_changes(before.declared, after.declared)


def pending_sentences(declared: DeclaredAnalysis, ledger: Ledger) -> Iterator[str]:
    """One line on what a run is about to record; none where the newest record says the same or there is none.

    Args:
        declared: by the plan that is or was to be run.
        ledger: the results folder, which need not exist yet.
    """
    known = ledger.analyses()
    changes = find_changes(known[-1].declared, declared) if known else []
    if changes and (results := ledger.count_results()):
        told = "; ".join(describe(change) for change in changes)
        yield f"the report will tell as decided after looking, at {count(results, 'result')}: {told}"


def describe(change: Change) -> str:
    """What was changed, without when."""
    names, former = shorten("; ".join(change.names), LONGEST), shorten(change.former, LONGEST)
    number = len(change.names)
    match change.matter:
        case "question":
            return f"The question was reworded (before: {former})"
        case "metric":
            return f"The metric that decides was changed from {former} to {names}"
        case "baseline":
            return f"The baseline was changed from {former} to {names}"
        case "claims":
            return f"The claims were changed (before: {former or 'none'})"
        case "looks":
            return f"The looks that were declared were changed from {former} to {names}"
        case "training":
            return f"Settings, data or code of {count(number, 'arm')} were changed ({names})"
        case "arms added" | "arms removed":
            done = change.matter.split()[1]
            return f"{count(number, 'arm')} {'was' if number == 1 else 'were'} {done} ({names})"
        case "seeds added" | "seeds removed":
            done, seeds = change.matter.split()[1], ranges(map(int, change.names))
            return f"{'Seed' if number == 1 else 'Seeds'} {seeds} {'was' if number == 1 else 'were'} {done}"


def _effect(change: Change, declared: DeclaredAnalysis, looks: int) -> str:
    """What a change does to the chance that a study without any difference gets a verdict."""
    comparisons = sum(arm != baseline for arm, baseline in declared.baselines.items())
    match change.matter:
        case "question":
            return "the p-values stay as they are, but what they test was written when the results were known."
        case "metric":
            return (
                "a metric that is chosen by its results lets a wrong verdict pass in up to 5 % of studies for each "
                "metric that was looked at."
            )
        case "baseline":
            return (
                "a baseline that is chosen by its results lets wrong verdicts pass more often: in 16 % of studies "
                "where the best of 7 arms is taken, 5 % with a fixed one (simulated with normal values and 8 seeds)."
            )
        case "claims":
            return "p-values hold for claims that were fixed before; a claim that results suggested needs fresh seeds."
        case "training":
            return (
                "what is compared now was run anew; each variant that was looked at is one more chance of 5 % for a "
                "wrong verdict."
            )
        case "arms added":
            return (
                "their baselines' results were known by then, and the adjusted p counts the "
                f"{count(comparisons, 'comparison')} of now, not "
                "those that other results would have led to (not simulated)."
            )
        case "arms removed":
            return (
                "the adjusted p no longer counts them: where those stay that decide, a wrong verdict passes in up to "
                "5 % of studies for each comparison that was looked at."
            )
        case "seeds added":
            return _effect_of_looks(looks)
        case "looks":
            return (
                "the chance of a wrong verdict is divided among looks that are fixed before the first result; looks "
                "that results suggested have no such bound."
            )
        case "seeds removed":
            return "seeds that are chosen by their results can give any verdict: no error rate holds."


def _effect_of_looks(looks: int) -> str:
    known = min(looks, max(WRONG_AFTER_LOOKS))
    rate = f"{'more than ' if looks > known else ''}{WRONG_AFTER_LOOKS[known]:g} %"
    at = listed(map(str, range(8, 8 + 2 * known, 2)))
    return (
        f"with {looks} looks a comparison of arms that do not differ gets a verdict at one of them in {rate} of "
        f"studies, not in 5 % (simulated: one comparison, normal values, looks at {at} seeds)."
    )
