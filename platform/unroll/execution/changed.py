"""Results of code that has changed since: refused, kept or run anew, as whoever runs the study chooses."""

from __future__ import annotations

from typing import Literal

from unroll.contract import UserError
from unroll.ledger import Ledger, describe_changed
from unroll.study import Plan

IfChanged = Literal["refuse", "keep", "rerun"]
"""What becomes of results that other source files gave than those that would run now."""


def settle_changed(plan: Plan, ledger: Ledger, choice: IfChanged) -> list[str]:
    """Deal with results of other sources before anything is run.

    Args:
        plan: what is to be there in the end.
        ledger: the results folder, locked by the caller.
        choice: what to do with them.

    Returns:
        Ids of the trials that were set aside, to be run anew.

    Raises:
        UserError: there are such results, and the choice is to refuse.
    """
    changed = ledger.changed(plan)
    if not changed or choice == "keep":
        return []
    if choice == "refuse":
        raise UserError(
            "results must come from the source files that run now",
            where=str(ledger.root),
            received=describe_changed(plan, changed),
            advice="run these trials anew with --if-changed rerun, or keep their results with --if-changed keep",
        )
    for trial in changed:
        ledger.set_aside(trial)
    return list(changed)
