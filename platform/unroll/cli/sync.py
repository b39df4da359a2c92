"""``unroll sync``: send a results folder's runs to W&B."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from unroll.cli._options import FolderArgument
from unroll.cli._output import print_lines, shell_line, shown
from unroll.terminal.text import console

if TYPE_CHECKING:
    from collections.abc import Callable

    from unroll.tracking.uploading import Sent

SOME_LEFT = 1


ProjectOption = Annotated[
    str, typer.Option("--project", metavar="NAME", show_default=False, help="W&B project.  [default: each run's]")
]
EntityOption = Annotated[
    str,
    typer.Option(
        "--entity", metavar="NAME", show_default=False, help="W&B user or team.  [default: each run's or the key's]"
    ),
]


def sync(folder: FolderArgument, project: ProjectOption = "", entity: EntityOption = "") -> None:
    """Send the runs that W&B has not received; it is asked what it has, before and after, and every step goes once.

    The key is that of wandb itself (WANDB_API_KEY or `wandb login`).
    """
    from unroll.workflow import syncing
    from unroll.workflow.records import open_results

    ledger = open_results(folder)
    with watching() as watch:
        sent = syncing.sync(
            ledger, command=shell_line(["unroll", *sys.argv[1:]]), entity=entity, project=project, watch=watch
        )
    print_lines(*told(sent))
    leave_unless_all(sent)


def leave_unless_all(sent: Sent) -> None:
    """Leave with an exit code of its own where runs are still only on disk."""
    if sent.problems or sent.untried:
        print_lines("what W&B has confirmed stays; run the same command again for the rest", stderr=True)
        raise typer.Exit(SOME_LEFT)


def told(sent: Sent) -> Iterator[str]:
    """What an upload came to, a line each."""
    places = Counter(map(str, sent.runs.values()))
    for place, count in places.items():
        yield f"sent       {count} {'run' if count == 1 else 'runs'} to {place}, confirmed there"
    for folder in sent.set_aside:
        yield f"set aside  {shown(folder)}: its log holds nothing, as its process was killed at its start"
    yield from (f"note       {note}" for note in sent.notes)
    yield from (f"unsent     {problem}" for problem in sent.problems)
    if sent.untried:
        yield f"unsent     {sent.untried} more, which were not tried after that"
    if not (places or sent.problems):
        yield "nothing to send: W&B has confirmed every run"


@contextmanager
def watching() -> Iterator[Callable[[int, int], None]]:
    """Show how many runs are confirmed: on a terminal in place, else a line after each batch."""
    screen = console(stderr=True)
    if not screen.is_terminal:
        yield lambda done, total: screen.print(f"W&B has confirmed {done} of {total} runs")
        return
    with screen.status("sending to W&B") as status:
        yield lambda done, total: status.update(f"W&B has confirmed {done} of {total} runs")
