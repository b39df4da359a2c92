"""Arguments and options that several commands share: one home for their names, help and completion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli._output import Format
from unroll.contract import UserError


def complete_study(incomplete: str) -> list[str]:
    """Studies of the project around the working directory; none where there is no project."""
    from unroll.study import discover_studies

    try:
        return [name for name in discover_studies() if name.startswith(incomplete)]
    except UserError:
        return []


StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        autocompletion=complete_study,
        show_default=False,
        help="A study: its name, its folder or its file (cells, studies/cells, studies/cells/study.yaml).",
    ),
]
OverridesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        show_default=False,
        help="Overrides of the study (seeds=2) or of a setting (training.epochs=1); key=a,b compares both values.",
    ),
]
ResultsOption = Annotated[
    Path | None,
    typer.Option(
        "--results", metavar="DIR", show_default=False, help="Results folder.  [default: results/STUDY in the project]"
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="What standard output holds.")]
FolderArgument = Annotated[
    str,
    typer.Argument(
        metavar="DIR",
        autocompletion=complete_study,
        show_default=False,
        help="A results folder, or a study whose results lie in results/STUDY.",
    ),
]
