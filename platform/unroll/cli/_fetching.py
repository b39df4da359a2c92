"""The progress of a download."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from unroll.contract import Fetching
from unroll.terminal.text import console, visible


@contextmanager
def watching() -> Iterator[Callable[[Fetching], None]]:
    """Show each file's progress on a terminal; off it, one line when a file begins."""
    screen = console(stderr=True)
    columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=screen, disable=not screen.is_terminal) as progress:

        def watch(fetching: Fetching) -> None:
            name = visible(fetching.file)
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=fetching.whole)
                if not screen.is_terminal:
                    screen.print(f"fetching {name}")
            progress.update(tasks[name], completed=fetching.here, total=fetching.whole)

        yield watch
