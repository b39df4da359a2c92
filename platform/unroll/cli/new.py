"""``unroll new``: the smallest study, cell, remedy, ... that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli._output import print_lines, shown
from unroll.contract import UserError


def complete_kind(incomplete: str) -> list[str]:
    """Kinds that have a template; none where there is no project."""
    from unroll.workflow.scaffolding import find_templates

    try:
        return [kind for kind in find_templates() if kind.startswith(incomplete)]
    except (UserError, ImportError):
        return []


def new(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            autocompletion=complete_kind,
            show_default=False,
            help="study, task, cell, encoder, remedy, decoding, schedule, format, tagged_format, reader: whatever has "
            "a template tasks/<folder>/new/KIND.tmpl.",
        ),
    ],
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", show_default=False, help="Its name: a module's (lower case, digits, _) or a study's."
        ),
    ],
) -> None:
    """Write the smallest study, task, cell, remedy, decoding, format, ... that runs, and print what tries it.

    Nothing is overwritten: either all files are written, or none.
    """
    from unroll.study import project_root
    from unroll.workflow.scaffolding import write_scaffold

    scaffold, root = write_scaffold(kind, name), project_root()
    print_lines(*(shown(root / path) for path in scaffold.files), "", scaffold.note, "")
    print_lines(
        f"Try it{'' if root == Path.cwd() else f' in {shown(root)}'}:", *(f"  {each}" for each in scaffold.commands)
    )
