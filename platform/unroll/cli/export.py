"""``unroll export``: give the weights of a finished trial away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli._options import ArmOption, FolderArgument, SeedOption
from unroll.cli._output import print_lines, shown
from unroll.terminal.text import visible


def export(
    folder: FolderArgument,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", show_default=False, help="New folder for the files.")],
    trial: Annotated[
        str | None,
        typer.Argument(metavar="[TRIAL]", show_default=False, help="Id of a trial, or its beginning."),
    ] = None,
    arm: ArmOption = None,
    seed: SeedOption = None,
) -> None:
    """Write weights, vocabulary and settings of a finished trial into a folder that plain PyTorch can read."""
    from unroll.workflow import exporting
    from unroll.workflow.records import open_results
    from unroll.workflow.trained import choose_trial

    ledger = open_results(folder)
    chosen = choose_trial(ledger, trial=trial, arm=arm, seed=seed)
    in_torch = exporting.export(ledger, chosen, to)
    if chosen.note:
        print_lines(visible(chosen.note), stderr=True)
    how = "plain PyTorch reads them" if in_torch else "torch has no such network of its own: build it through Unroll"
    print_lines(f"exported  {shown(to)}", f"          {how}: see {shown(to / exporting.README)}")
