"""``unroll submit``: send a study to a cluster, and come back later."""

from __future__ import annotations

import shlex
import sys
from typing import Annotated

import typer

from unroll.cli._options import OverridesArgument, StudyArgument
from unroll.cli._output import print_lines, shell_line, shown
from unroll.terminal.text import visible


def _complete_target(incomplete: str) -> list[str]:
    from unroll.contract import UserError
    from unroll.workflow.submitting import target_names

    try:
        return [name for name in target_names() if name.startswith(incomplete)]
    except UserError:
        return []


def submit(
    study: StudyArgument,
    on: Annotated[
        str,
        typer.Option(
            "--on",
            metavar="NAME",
            autocompletion=_complete_target,
            show_default=False,
            help="A target of the project: clusters/NAME.yaml.",
        ),
    ],
    overrides: OverridesArgument = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be sent; send nothing.")] = False,
) -> None:
    """Send a study to a cluster, where it runs on its own: every mistake is told here, before anything is sent.

    Exit codes: 0 it was taken there, 2 a mistake, or the place refused.
    """
    from unroll.workflow.submitting import submit as send

    sent = send(study, overrides or [], on, words=["unroll", *sys.argv[1:]], dry=dry_run)
    if dry_run:
        for name, text in sent.files.items():
            print_lines(f"# {name}", *text.splitlines(), "")
        return
    place = shlex.quote(shown(sent.folder))
    jobs = f" in {sent.submission.shares} jobs and a last one" if sent.submission.shares else ""
    print_lines(
        f"sent      {visible(f'{study} to {on}{jobs}, as {sent.handle}')}",
        f"results   {visible(str(sent.submission.results))}",
        f"follow    {shell_line(['unroll', 'status'])} {place}",
        f"          {shell_line(['unroll', 'logs'])} {place}",
        f"stop      {shell_line(['unroll', 'stop'])} {place}",
    )
