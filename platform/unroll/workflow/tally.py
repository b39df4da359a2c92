"""What is known of a running study: how many trials have ended, how, and what time is left."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence, Set
from statistics import fmean

from unroll.execution import Observer, counted_trials
from unroll.ledger import FINAL, MISSING, Ledger, Outcome, Progress
from unroll.study import Plan

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
        self.trials = {trial.id: trial for trial in counted_trials(plan, ledger, missing)}
        """By id: those of the plan, and of its preparations those that this run needs or that have a result."""
        self.planned = Counter(trial.arm for trial in self.trials.values())
        """Arm, or what is prepared -> its trials."""
        self._of_arm = {name: [id for id, trial in self.trials.items() if trial.arm == name] for name in self.planned}  # noqa: A001
        self.to_run = len(missing)
        """Trials that this run is going to run."""
        self.before = len(self.trials) - len(missing)
        """Trials that this run leaves alone."""
        self.before_of_plan = sum(trial.id not in missing for trial in plan.trials)
        """Those of them that are compared."""
        self._ends: dict[str, str] = {}
        self._ledger = ledger
        self._outcomes = ledger.outcomes(self.trials)
        self._missing = [trial for trial in self.trials if trial in missing]
        # What an earlier run left: a note counts once it has another time than at the beginning.
        self._stale = {id: note.updated for id, note in ledger.progress(self._missing).items()}  # noqa: A001
        self._began = clock()
        self._training_since: float | None = None

    @property
    def failed_before(self) -> int:
        """Trials that this run leaves alone although they have no result: what failed them would fail them again."""
        left = (self._status(trial) for trial in self.trials if trial not in self._missing)
        return sum(status not in {*FINAL, MISSING} for status in left)

    @property
    def waiting(self) -> int:
        """Trials that this run leaves alone since what they begin with failed, and would fail again."""
        return sum(self._status(trial) == MISSING for trial in self.trials if trial not in self._missing)

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

    def statuses(self) -> dict[str, int]:
        """Status -> trials of the whole plan, as in :class:`unroll.execution.Summary`."""
        return dict(Counter(self._status(trial.id) for trial in self.plan.trials))

    def arm_statuses(self, arm: str) -> Counter[str]:
        """Status -> trials of one arm, or of what is prepared."""
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
        # Running trials count as the part of them that is done.
        begun = sum(min(note.step / note.steps, 1.0) for note in running if note.steps)
        work = self.ended + begun
        if self._training_since is None and work:
            longest = max((note.seconds for note in running), default=self.seconds)
            # The first trial was seen only after it had begun: its own clock says when, but not before this run.
            self._training_since = self.clock() - min(longest, self.seconds)
        elapsed = self.clock() - (self._training_since or self.clock())
        remaining = len(self.trials) - self.before - work
        return elapsed * remaining / work if elapsed > SETTLED_SECONDS else None


class Counted:
    """An observer that counts, then passes on to the one that shows.

    Args:
        tally: where trials are counted.
        viewer: the observer that shows them.
    """

    def __init__(self, tally: Tally, viewer: Observer) -> None:
        self._tally, self._viewer = tally, viewer
        self._reasons: set[str] = set()
        self.refresh, self.message = viewer.refresh, viewer.message

    def started(self, total: int, missing: int) -> None:
        """The clock of the estimate starts."""
        self._tally.started()
        self._viewer.started(total, missing)

    def finished(self, outcome: Outcome) -> None:
        """A trial ended; why it ran slower than it could is reported once for each reason."""
        self._tally.finished(outcome)
        self._viewer.finished(outcome)
        reason = outcome.stood_in
        if reason and reason not in self._reasons:
            self._reasons.add(reason)
            arm = self._tally.trials[outcome.trial].arm
            self.message(f"{arm} runs without the compiled loop, which is slower: {reason}")
