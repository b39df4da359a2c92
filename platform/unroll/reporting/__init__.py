"""Report: tables, charts, and the page as HTML and Markdown.

Importing this room loads no chart library; writing a report does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unroll.ledger import Ledger
    from unroll.reporting.pages.files import ReportFiles

__all__ = ["needs_update", "write_report"]


def write_report(
    ledger: Ledger, out: Path | None = None, *, cache: Path | None = None, checklists: Sequence[str] = ()
) -> ReportFiles:
    """Write the report of a ledger: the same ledger always gives the same bytes.

    Args:
        ledger: the study's record; it is only read.
        out: folder to write to; ``<results>/report`` if not given.
        cache: folder for what every report needs, made once for all of them; None to make it anew.
        checklists: venues whose checklists are filled beside it; those that lie there already are written anew.

    Returns:
        Where page, Markdown and tables are.

    Raises:
        UserError: the ledger holds no plan, the folder is a symbolic link, or there is no such checklist.
        StorageError: the disk refused.
    """
    from unroll.ledger.files import write_atomic
    from unroll.ledger.place import refuse_link
    from unroll.reporting.checklist.subject import Subject
    from unroll.reporting.checklist.venue import load_venue
    from unroll.reporting.checklist.write import write_checklists, written_before
    from unroll.reporting.findings import gather
    from unroll.reporting.pages.files import write_files
    from unroll.reporting.pages.stamp import STAMP, digest
    from unroll.reporting.sections import compose

    folder = out or ledger.root / "report"
    for place in (folder, folder / "tables", folder / "charts"):
        refuse_link(place)
    for venue in checklists:
        load_venue(venue)  # a name that is none is refused before anything is written
    findings = gather(ledger)
    places = write_files(findings, compose(findings), folder, cache=cache)
    if venues := list(dict.fromkeys([*checklists, *written_before(folder)])):
        write_checklists(venues, Subject(findings, ledger.attempts_frame()), folder)
    write_atomic(folder / STAMP, f"{digest(findings)}\n".encode())
    return places


def needs_update(ledger: Ledger, out: Path | None = None) -> bool:
    """Whether the report is absent, incomplete, or describes another state of the ledger."""
    from unroll.reporting.findings import gather
    from unroll.reporting.pages.stamp import digest, is_current

    return not is_current(out or ledger.root / "report", digest(gather(ledger)))
