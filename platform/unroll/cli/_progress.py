"""What a person sees while a study runs: a live table on a terminal, plain lines everywhere else."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from statistics import fmean

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from unroll.cli._live_table import draw
from unroll.cli._output import figure, visible
from unroll.execution import Observer
from unroll.ledger import FINAL, MISSING, Ledger, Outcome, Progress
from unroll.report.numbers import duration
from unroll.study import Plan

QUIET_SECONDS = 30.0
"""Off a terminal, a line about what is running follows at most this often."""
SETTLED_SECONDS = 5.0
"""Training after which its pace is worth an estimate."""


class Tally:
    """What is known of a running study.

    Args:
        plan: what is to be there in the end.
        ledger: where trials note how far they are.
        missing: ids of the trials that this run is going to run.
        clock: seconds, monotonic.
    """

    def __init__(
        self, plan: Plan, ledger: Ledger, *, missing: Set[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.plan, self.clock = plan, clock
        self.trials = {trial.id: trial for trial in plan.trials}
        self.planned = Counter(trial.arm for trial in plan.trials)
        self._of_arm = {arm.name: [trial.id for trial in plan.trials if trial.arm == arm.name] for arm in plan.arms}
        self.before = len(plan.trials) - len(missing)
        """Trials that this run leaves alone."""
        self._ends: dict[str, str] = {}
        self._stood_in: set[str] = set()
        self._ledger = ledger
        self._outcomes = ledger.outcomes(self.trials)
        self._missing = [trial for trial in self.trials if trial in missing]
        self._stale = {id: note.updated for id, note in ledger.progress(self._missing).items()}  # noqa: A001
        self._began = clock()
        self._training_since: float | None = None

    @property
    def failed_before(self) -> int:
        """Trials that this run leaves alone although they have no result: what failed them would fail them again."""
        left = (self._status(trial) for trial in self.trials if trial not in self._missing)
        return sum(status not in FINAL for status in left)

    @property
    def seconds(self) -> float:
        """Since :meth:`started`."""
        return self.clock() - self._began

    @property
    def ends(self) -> Counter[str]:
        """Status -> trials that this run ended with it."""
        return Counter(self._ends.values())

    @property
    def ended(self) -> int:
        """Trials that this run has ended."""
        return len(self._ends)

    def started(self) -> None:
        """The clock of the estimate starts with the first trial."""
        self._began = self.clock()

    def finished(self, outcome: Outcome) -> None:
        """Count the end of one trial; where it ended more than once, as with a lost cluster, the last end counts."""
        self._ends[outcome.trial] = outcome.status
        self._outcomes[outcome.trial] = outcome

    def news(self, outcome: Outcome) -> str:
        """A line that is told once: why trials run slower than they could; empty where there is nothing new."""
        reason = outcome.stood_in
        if not reason or reason in self._stood_in:
            return ""
        self._stood_in.add(reason)
        return f"{self.trials[outcome.trial].arm} runs without the compiled loop, which is slower: {reason}"

    def statuses(self) -> dict[str, int]:
        """Status -> trials of the whole plan, as in :class:`unroll.execution.Summary`."""
        return dict(Counter(self._status(trial) for trial in self.trials))

    def arm_statuses(self, arm: str) -> Counter[str]:
        """Status -> trials of one arm."""
        return Counter(map(self._status, self._of_arm[arm]))

    def arm_mean(self, arm: str) -> float | None:
        """The metric that decides, in the mean of the arm's completed trials; None before there is one."""
        ends = [self._outcomes[trial] for trial in self._of_arm[arm] if self._status(trial) == "completed"]
        values = [end.metrics[self.plan.metric] for end in ends if self.plan.metric in end.metrics]
        return fmean(values) if values else None

    def _status(self, trial: str) -> str:
        return self._outcomes[trial].status if trial in self._outcomes else MISSING

    def running(self) -> list[Progress]:
        """Where the running trials are; notes that an earlier run left are not taken for news."""
        notes = self._ledger.progress(trial for trial in self._missing if trial not in self._ends)
        return [note for id, note in notes.items() if note.updated != self._stale.get(id)]  # noqa: A001

    def seconds_left(self, running: Sequence[Progress]) -> float | None:
        """At the pace since training began, which leaves out what Ray needs to start; None before there is a pace."""
        begun = sum(min(note.step / note.steps, 1.0) for note in running if note.steps)
        work = self.ended + begun
        if self._training_since is None and work:
            longest = max((note.seconds for note in running), default=self.seconds)
            self._training_since = self.clock() - min(longest, self.seconds)
        elapsed = self.clock() - (self._training_since or self.clock())
        remaining = len(self.trials) - self.before - work
        return elapsed * remaining / work if elapsed > SETTLED_SECONDS else None

    def headline(self, running: Sequence[Progress]) -> str:
        """One line: how many trials have ended, how many run, what time is left."""
        if not (self.ended or running):
            return "waiting for the first trial to start"
        left = self.seconds_left(running)
        parts = [f"{self.before + self.ended} of {len(self.trials)} trials ended", f"{len(running)} running"]
        return ", ".join([*parts, f"about {duration(left)} left"] if left is not None else parts)

    def describe(self, outcome: Outcome) -> str:
        """One line: which trial ended, how, and with what."""
        trial = self.trials[outcome.trial]
        line = f"[{self.before + self.ended}/{len(self.trials)}] {trial.arm} seed {trial.seed} {outcome.status}"
        value = outcome.metrics.get(self.plan.metric)
        line += f", {self.plan.metric} {figure(value)}" if value is not None else ""
        line += f" ({duration(outcome.seconds)})"
        return visible(f"{line}: {outcome.message}" if outcome.message else line)


class Lines:
    """An observer for logs and pipes: one line for each trial that ended, now and then one about the rest."""

    def __init__(self, tally: Tally, voice: Console) -> None:
        self._tally, self._voice, self._last = tally, voice, tally.clock()

    def started(self, total: int, missing: int) -> None:
        """Say what will be run."""
        self._tally.started()
        failed = self._tally.failed_before
        waiting = f"{failed} failed before and wait{'s' if failed == 1 else ''} for --retry, " if failed else ""
        self.message(f"{total} trials, {total - missing - failed} done before, {waiting}{missing} to run")

    def refresh(self) -> None:
        """Say where things are, at most every :data:`QUIET_SECONDS`."""
        if self._tally.clock() - self._last >= QUIET_SECONDS:
            self.message(self._tally.headline(self._tally.running()))

    def finished(self, outcome: Outcome) -> None:
        """Say how a trial ended."""
        self._tally.finished(outcome)
        self.message(self._tally.describe(outcome))
        if news := self._tally.news(outcome):
            self.message(news)

    def message(self, text: str) -> None:
        """Print one line."""
        self._last = self._tally.clock()
        self._voice.print(Text(visible(text)))


class LiveTable:
    """An observer for terminals: arms with their progress, running trials with their newest number."""

    def __init__(self, tally: Tally, live: Live) -> None:
        self._tally, self._live = tally, live

    def started(self, total: int, missing: int) -> None:  # noqa: ARG002  (the table counts for itself)
        """Show the table."""
        self._tally.started()
        self.refresh()

    def refresh(self) -> None:
        """Draw the table anew."""
        screen = self._live.console.size
        self._live.update(Group(*draw(self._tally, width=screen.width, height=screen.height)), refresh=True)

    def finished(self, outcome: Outcome) -> None:
        """Count a trial; what is no result is worth a line that stays."""
        self._tally.finished(outcome)
        if outcome.status != "completed":
            self.message(self._tally.describe(outcome))
        if news := self._tally.news(outcome):
            self.message(news)
        self.refresh()

    def message(self, text: str) -> None:
        """Print one line above the table."""
        self._live.console.print(Text(visible(text)))


@contextmanager
def watch(tally: Tally, voice: Console, *, live: bool) -> Iterator[Observer]:
    """The observer that fits where people read: a live table on a terminal, else lines."""
    if not (live and voice.is_terminal):
        yield Lines(tally, voice)
        return
    with Live(console=voice, auto_refresh=False, transient=True) as table:
        yield LiveTable(tally, table)
