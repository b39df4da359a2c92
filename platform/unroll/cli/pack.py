"""``unroll pack`` and ``unroll unpack``: a finished study as one small file, to be compared with or kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli._options import FolderArgument
from unroll.cli._output import format_bytes, print_lines, shown
from unroll.terminal.text import visible

PackArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILE|NAME", show_default=False, help="A pack, or a study of the project beside which one lies."
    ),
]


def pack(
    folder: FolderArgument,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", show_default=False, help="The file.  [default: STUDY.pack here]"),
    ] = None,
) -> None:
    """Pack the records of a study into one small file: no checkpoints, no weights, nothing of W&B.

    The same records give the same bytes. Others take its trials as done: unroll run STUDY --from FILE.
    """
    from unroll.workflow.packing import pack_results

    file, record = pack_results(folder, to)
    print_lines(
        f"packed    {shown(file)} ({format_bytes(file.stat().st_size)})",
        visible(f"          {record.results} of {record.trials} trials with a result, study {record.study}"),
        f"          {record.digest}",
    )


def unpack(
    file: PackArgument,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="DIR",
            show_default=False,
            help="New results folder.  [default: results/STUDY in the project]",
        ),
    ] = None,
) -> None:
    """Make a results folder of a pack, which report, results, status and compare then read."""
    from unroll.ledger import Pack
    from unroll.workflow.packing import find_pack, unpack_results

    read = Pack.read(find_pack(file))
    ledger = unpack_results(read, to)
    place = shown(ledger.root)
    print_lines(visible(f"unpacked  {read.record.named}"), f"          {place}", f"report    unroll report {place}")
