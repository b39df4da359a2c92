"""``unroll settings``: what can be set for a task."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from unroll.cli._options import FormatOption
from unroll.cli._output import Format, print_rows


def complete_task(incomplete: str) -> list[str]:
    """Tasks of the project around the working directory; none where there is no project."""
    from unroll.contract import UserError
    from unroll.study import discover_tasks

    try:
        return [name for name in discover_tasks() if name.startswith(incomplete)]
    except UserError:
        return []


def settings(
    task: Annotated[
        str,
        typer.Argument(metavar="TASK", autocompletion=complete_task, show_default=False, help="A folder of tasks/."),
    ],
    format: FormatOption = Format.TABLE,  # noqa: A002  (the option's own name)
) -> None:
    """List every setting of a task: its default, what it may be, and what it means."""
    from unroll.study.settings_notes import settings_notes

    print_rows([asdict(note) for note in settings_notes(task)], format)
