"""``unroll logs``: what a run that was sent to a cluster prints there."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from unroll.cli._options import FolderArgument
from unroll.cli._output import print_lines
from unroll.terminal.text import visible

SECONDS = 1.0
"""Between two looks at what is new."""


def logs(
    folder: FolderArgument,
    follow: Annotated[bool, typer.Option("--follow", "-F", help="Go on until the run ends.")] = False,
    all_jobs: Annotated[bool, typer.Option("--all", help="Also what jobs without a driver print.")] = False,
) -> None:
    """Print what the newest submission of a study has printed so far, where it ran."""
    from unroll.workflow.following import Output

    output = Output(folder, every=all_jobs)
    print_lines(*map(visible, output.read()))
    while follow and not output.over:
        time.sleep(SECONDS)
        print_lines(*map(visible, output.read()))
