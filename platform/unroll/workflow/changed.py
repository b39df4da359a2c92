"""Results of code that has changed since: refused, kept or run anew, as whoever runs the study chooses."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from unroll.contract import UserError
from unroll.ledger import Ledger, describe_changed
from unroll.study import Plan
from unroll.workflow.invocation import IfChanged


@contextmanager
def settled_changed(plan: Plan, ledger: Ledger, choice: IfChanged) -> Iterator[None]:
    """While the block runs the plan, results of other sources are dealt with.

    Those that are to be run anew are set aside, with all that began with them, as far as that has come, and with what
    was chosen by them; a block that is refused before it has begun a trial gets them back.

    Args:
        plan: what is to be there in the end.
        ledger: the results folder, locked by the caller.
        choice: what to do with them.

    Raises:
        UserError: there are such results, and the choice is to refuse.
        StorageError: the disk refused.
    """
    changed = ledger.changed(plan)
    if changed and choice == "refuse":
        raise UserError(
            "results must come from the source files that run now",
            where=str(ledger.root),
            received=describe_changed(plan, changed),
            advice="run these trials anew with --if-changed rerun, or keep their results with --if-changed keep",
        )
    aside: dict[str, Path] = {}
    unfrozen: dict[str, Path] = {}
    try:
        if choice == "rerun":
            for trial in _to_rerun(plan, ledger, changed):
                aside[trial] = ledger.set_aside(trial)
            for arm in plan.arms:
                if arm.tuning and arm.draw is not None and changed.keys() & {t for draw in arm.draws for t in draw}:
                    unfrozen[arm.tuning] = ledger.set_winner_aside(arm.tuning)
        yield
    except BaseException:
        for trial, place in aside.items():
            ledger.put_back(trial, place)
        for tuning, place in unfrozen.items():
            ledger.put_winner_back(tuning, place)
        raise


def _to_rerun(plan: Plan, ledger: Ledger, changed: Collection[str]) -> list[str]:
    begun = (later.id for trial in changed for later in plan.begun_with(trial))
    return [trial for trial in dict.fromkeys([*changed, *begun]) if ledger.trial(trial).folder.is_dir()]
