"""Arguments and options that several commands share: one home for their names, help and completion."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from unroll.cli._output import Format
from unroll.contract import UserError


def complete_study(incomplete: str) -> list[str]:
    """Studies of the project around the working directory; none where there is no project."""
    from unroll.study import discover_studies

    try:
        return [name for name in discover_studies() if name.startswith(incomplete)]
    except UserError:
        return []


class AdvisedCommand(TyperCommand):
    """A command that answers an option which it has not by how that is written (``--seeds 5``) or where it belongs."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As the base does it.

        Raises:
            UserError: an option looks like none of the command's own.
        """
        own = [
            *ctx.help_option_names,
            *(name for option in self.params for name in option.opts + option.secondary_opts),
        ]
        arguments = {argument.name for argument in self.params}
        for at, word in enumerate(args):
            name, equals, value = word.partition("=")
            if not name.startswith("--") or name == "--" or difflib.get_close_matches(name, own, cutoff=0.8):
                continue
            value = value if equals else next(iter(args[at + 1 :]), "VALUE")
            if "folder" in arguments and name == "--results":
                advice = f"the results folder is the argument: unroll {self.name} {value}"
            elif owners := _commands_with(name, ctx):
                advice = f"it is an option of {', '.join(f'unroll {owner}' for owner in owners)}"
            elif "overrides" in arguments:
                advice = f"keys of a study and settings are written without dashes: {name[2:]}={value}"
            elif "how" in arguments:
                advice = f"how text is written stands there without dashes: {name[2:]}={value}"
            else:
                continue
            raise UserError("there is no such option", where=f"command line: {name}", advice=advice)
        return super().parse_args(ctx, args)


def _commands_with(option: str, ctx: Any) -> list[str]:
    """Commands of the program that have an option."""
    commands = getattr(ctx.find_root().command, "commands", {})
    return [name for name, command in commands.items() if any(option in each.opts for each in command.params)]


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
FromOption = Annotated[
    list[str] | None,
    typer.Option(
        "--from",
        metavar="FILE|NAME",
        show_default=False,
        help="A pack whose trials count as done: a file, or a study beside which one lies. May be repeated.",
    ),
]
FolderArgument = Annotated[
    str,
    typer.Argument(
        metavar="DIR",
        autocompletion=complete_study,
        show_default=False,
        help="A results folder, or a study whose results lie in results/STUDY.",
    ),
]
ArmOption = Annotated[
    str | None,
    typer.Option("--arm", metavar="NAME", show_default=False, help="Arm of the study.  [default: the only one]"),
]
SeedOption = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", show_default=False, help="Seed.  [default: the lowest that completed]"),
]
