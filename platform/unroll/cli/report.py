"""``unroll report``: write the report anew from what is recorded."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from unroll.cli._options import FolderArgument
from unroll.cli._output import print_lines, shown


def report(
    folder: FolderArgument,
    show: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
) -> None:
    """Write the report and the two Parquet tables from what is recorded so far; no task code is run."""
    from unroll.workflow.records import open_results, write_report

    files = write_report(open_results(folder))
    print_lines(f"report    {shown(files.html)}", f"          {shown(files.markdown)}")
    if show:
        webbrowser.open(files.html.resolve().as_uri())
