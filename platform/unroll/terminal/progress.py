"""What a person sees while a study runs: a live table on a terminal, plain lines everywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from unroll.execution import Observer
from unroll.ledger import Outcome
from unroll.reporting.numbers import duration
from unroll.terminal.live_table import draw, headline
from unroll.terminal.text import format_value, visible
from unroll.workflow.tally import Tally

QUIET_SECONDS = 30.0
"""Off a terminal, a line about what is running follows at most this often."""


def describe_end(tally: Tally, outcome: Outcome) -> str:
    """One line: which trial ended, how, and with what."""
    trial = tally.trials[outcome.trial]
    line = f"[{tally.before + tally.ended}/{len(tally.trials)}] {trial.name} {outcome.status}"
    metric = tally.plan.metric
    if trial.phase == "tune" and tally.plan.tuning:
        metric = tally.plan.tuning.metric or metric
    value = outcome.metrics.get(metric)
    line += f", {metric} {format_value(value)}" if value is not None else ""
    line += f" ({duration(outcome.seconds)})"
    return visible(f"{line}: {outcome.message}" if outcome.message else line)


class Lines:
    """An observer for logs and pipes: one line for each trial that ended, now and then one about the rest."""

    def __init__(self, tally: Tally, screen: Console) -> None:
        self._tally, self._screen, self._last = tally, screen, tally.clock()

    def started(self, total: int, missing: int) -> None:
        """Say what will be run."""
        failed = self._tally.failed_before
        waiting = f"{failed} failed before and wait{'s' if failed == 1 else ''} for --retry, " if failed else ""
        waiting += f"{self._tally.waiting} begin with these, " if self._tally.waiting else ""
        done = total - missing - failed - self._tally.waiting
        self.message(f"{self._count(total)}, {done} done before, {waiting}{missing} to run")

    def _count(self, total: int) -> str:
        compared, tuning = len(self._tally.plan.trials), len(self._tally.plan.tune_trials)
        before = total - compared - tuning
        parts = [f"{compared} trials", *([f"{before} that others begin with"] if before else [])]
        return " and ".join([*parts, *([f"{tuning} that tune their settings"] if tuning else [])])

    def refresh(self) -> None:
        """Say where things are, at most every :data:`QUIET_SECONDS`."""
        if self._tally.clock() - self._last >= QUIET_SECONDS:
            self.message(headline(self._tally, self._tally.running()))

    def finished(self, outcome: Outcome) -> None:
        """Say how a trial ended."""
        self.message(describe_end(self._tally, outcome))

    def message(self, text: str) -> None:
        """Print one line."""
        self._last = self._tally.clock()
        self._screen.print(Text(visible(text)))


class LiveTable:
    """An observer for terminals: arms with their progress, running trials with their newest number."""

    def __init__(self, tally: Tally, live: Live) -> None:
        self._tally, self._live = tally, live

    def started(self, total: int, missing: int) -> None:  # noqa: ARG002  (the table counts for itself)
        """Show the table."""
        self.refresh()

    def refresh(self) -> None:
        """Draw the table anew."""
        size = self._live.console.size
        self._live.update(Group(*draw(self._tally, width=size.width, height=size.height)), refresh=True)

    def finished(self, outcome: Outcome) -> None:
        """Show the new counts; what is no result is worth a line that stays."""
        if outcome.status != "completed":
            self.message(describe_end(self._tally, outcome))
        self.refresh()

    def message(self, text: str) -> None:
        """Print one line above the table."""
        self._live.console.print(Text(visible(text)))


@contextmanager
def watch(tally: Tally, screen: Console) -> Iterator[Observer]:
    """The observer that fits where people read: a live table on a terminal if there is anything to run, else lines."""
    if not (tally.to_run and screen.is_terminal):
        yield Lines(tally, screen)
        return
    with Live(console=screen, auto_refresh=False, transient=True) as table:
        yield LiveTable(tally, table)
