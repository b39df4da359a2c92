"""``unroll dashboard``: a study's report and charts at W&B."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from unroll.cli._options import FolderArgument
from unroll.cli._output import print_json, print_lines, shell_line
from unroll.cli.sync import EntityOption, ProjectOption, leave_unless_all, told, watching


def dashboard(
    folder: FolderArgument,
    project: ProjectOption = "",
    entity: EntityOption = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be sent, as JSON, and send nothing.")
    ] = False,
) -> None:
    """Show a study at W&B: a workspace of its runs by arm and factor, and a run that holds the report.

    Runs that W&B has not received are sent first, as `unroll sync` does. Needs `pip install 'unroll[dashboard]'`.
    """
    from unroll.workflow import dashboards
    from unroll.workflow.records import open_results

    ledger = open_results(folder)
    sketch = dashboards.outline(ledger, entity=entity, project=project)
    if dry_run:
        print_json(dashboards.described(sketch))
        return
    with watching() as watch:
        sent, urls = dashboards.send(
            ledger,
            sketch,
            command=shell_line(["unroll", *sys.argv[1:]]),
            entity=entity,
            project=project,
            watch=watch,
        )
    print_lines(*told(sent), *(f"dashboard  {url}" for url in urls))
    leave_unless_all(sent)
