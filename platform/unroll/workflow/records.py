"""What is recorded, as frames, and what is derived from it: two Parquet tables and the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unroll.workflow.places import cache_folder, find_results

if TYPE_CHECKING:
    import polars as pl

    from unroll.ledger import Ledger
    from unroll.reporting.pages.files import ReportFiles


def open_results(target: str | Path) -> Ledger:
    """The ledger of a results folder, given as itself or by its study.

    Raises:
        UserError: nothing is there, or it is no results folder.
    """
    from unroll.ledger import Ledger

    return Ledger.open(find_results(str(target)))


def read_trials(ledger: Ledger, *, every: bool = False) -> pl.DataFrame:
    """One row per trial of the plan, or per trial that was ever registered (``Ledger.trials_frame``)."""
    return ledger.every_trial_frame() if every else ledger.trials_frame(ledger.plan())


def write_report(ledger: Ledger, checklists: Sequence[str] = ()) -> ReportFiles:
    """Write the report and the two Parquet tables anew from what is recorded so far; no task code is run.

    Args:
        ledger: the study's record.
        checklists: venues whose checklists are filled beside the report.

    Raises:
        UserError: the folder holds no plan, or there is no such checklist.
        StorageError: the disk refused.
    """
    from unroll.reporting import write_report as write

    ledger.compact(ledger.plan())
    return write(ledger, cache=cache_folder(), checklists=checklists)


def update_report(ledger: Ledger, *, wanted: bool) -> Path | None:
    """Bring up to date what is derived; gives the report's page if one is wanted, written only where it must be."""
    from unroll.reporting import needs_update
    from unroll.reporting import write_report as write

    if ledger.has_plan():
        ledger.compact(ledger.plan())
    if not wanted:
        return None
    if not needs_update(ledger):
        return ledger.root / "report" / "report.html"
    return write(ledger, cache=cache_folder()).html
