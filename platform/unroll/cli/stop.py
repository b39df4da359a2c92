"""``unroll stop``: ask a run to save its state and end, from wherever its results folder is seen."""

from __future__ import annotations

from unroll.cli._options import FolderArgument
from unroll.cli._output import print_lines
from unroll.terminal.text import visible


def stop(folder: FolderArgument) -> None:
    """Ask the run that owns a results folder to save every trial's state and end; what still waits is taken back.

    Run the study again, or submit it again, to go on.
    """
    from unroll.workflow.following import stop as ask

    print_lines(*map(visible, ask(folder)))
