"""``unroll report``: write the report anew from what is recorded."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from unroll.cli._options import FolderArgument
from unroll.cli._output import print_lines, shown


def complete_venue(incomplete: str) -> list[str]:
    """Venues whose checklists are known."""
    from unroll.reporting.checklist.venue import venue_names

    return [name for name in venue_names() if name.startswith(incomplete)]


def report(
    folder: FolderArgument,
    checklist: Annotated[
        list[str] | None,
        typer.Option(
            "--checklist",
            metavar="VENUE",
            autocompletion=complete_venue,
            show_default=False,
            help="Also fill the reproducibility checklist of a venue, in Markdown and LaTeX: neurips, acl, aaai, "
            "reproducibility.",
        ),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
) -> None:
    """Write the report and the two Parquet tables from what is recorded so far; no task code is run."""
    from unroll.workflow.records import open_results, write_report

    files = write_report(open_results(folder), checklist or ())
    print_lines(f"report    {shown(files.html)}", f"          {shown(files.markdown)}")
    for venue in checklist or ():
        print_lines(*(f"checklist {shown(files.html.with_name(f'checklist-{venue}.{end}'))}" for end in ("md", "tex")))
    if show:
        webbrowser.open(files.html.resolve().as_uri())
