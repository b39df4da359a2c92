"""``unroll report``: write the report anew from what is recorded."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from unroll.cli._options import FolderArgument
from unroll.cli._output import say, shown
from unroll.workflow.places import cache_folder, find_results


def report(
    folder: FolderArgument,
    show: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
) -> None:
    """Write the report and the two Parquet tables from what is recorded so far; no task code is run."""
    from unroll.ledger import Ledger
    from unroll.report import write_report

    ledger = Ledger.open(find_results(folder))
    ledger.compact(ledger.plan())
    files = write_report(ledger, cache=cache_folder())
    say(f"report    {shown(files.html)}", f"          {shown(files.markdown)}")
    if show:
        webbrowser.open(files.html.resolve().as_uri())
