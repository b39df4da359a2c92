"""What is known of a running study: how many trials have ended, how, and what time is left."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence, Set
from statistics import fmean

from unroll.execution import Observer, counted_trials
from unroll.ledger import FINAL, MISSING, Ledger, Outcome, Progress
from unroll.study import Plan, Trial

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
        self.clock = clock
        self._count(plan, counted_trials(plan, ledger, missing))
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

    def _count(self, plan: Plan, trials: Sequence[Trial]) -> None:
        self.plan = plan
        self.trials = {trial.id: trial for trial in trials}
        """By id: those of the plan, and of its preparations those that this run needs or that have a result."""
        self.planned = Counter(line_of(trial) for trial in trials)
        """Arm, its tuning, or what is prepared -> its trials."""
        self._of_line = {name: [trial.id for trial in trials if line_of(trial) == name] for name in self.planned}

    @property
    def undecided(self) -> list[str]:
        """Ids of the tunings that have chosen nothing yet."""
        return [arm.tuning for arm in self.plan.arms if arm.tuning is not None and arm.draw is None]

    def adopt(self, plan: Plan) -> None:
        """Go on with a plan that knows more: of some arms the tuning has chosen, so their trials have other ids."""
        ids = {old.id: new for old, new in zip(self.plan.trials, plan.trials, strict=True) if old.id != new.id}
        self._count(plan, [ids.get(trial.id, trial) for trial in self.trials.values()])
        self._outcomes |= {
            trial: outcome
            for trial, outcome in self._ledger.outcomes(new.id for new in ids.values()).items()
            if trial not in self._ends
        }
        self._missing = [ids[trial].id if trial in ids else trial for trial in self._missing]
        there = [trial.id for trial in ids.values() if self._status(trial.id) in FINAL and trial.id in self._missing]
        for trial in there:  # what was chosen had been run before, by an earlier plan
            self._missing.remove(trial)
        self.to_run, self.before = self.to_run - len(there), self.before + len(there)
        self.before_of_plan += len(there)

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

    def arm_statuses(self, line: str) -> Counter[str]:
        """Status -> trials of one arm, of its tuning, or of what is prepared."""
        return Counter(map(self._status, self._of_line[line]))

    def arm_mean(self, line: str) -> float | None:
        """The metric that decides, in the mean of completed trials; None before there is one, or while it is sealed."""
        ends = [self._outcomes[trial] for trial in self._of_line[line] if self._status(trial) == "completed"]
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


def line_of(trial: Trial) -> str:
    """What stands for a trial where trials are counted: its arm, or the tuning of that."""
    return f"{trial.arm}, tuning" if trial.phase == "tune" else trial.arm


class Counted:
    """An observer that counts, then passes on to the one that shows.

    Args:
        tally: where trials are counted.
        viewer: the observer that shows them.
        decide: lets the tally know what tunings have chosen by now.
    """

    def __init__(self, tally: Tally, viewer: Observer, *, decide: Callable[[], None] = lambda: None) -> None:
        self._tally, self._viewer, self._decide = tally, viewer, decide
        self._reasons: set[str] = set()
        self.message = viewer.message

    def refresh(self) -> None:
        """About a second has passed."""
        self._decide()
        self._viewer.refresh()

    def started(self, total: int, missing: int) -> None:
        """The clock of the estimate starts."""
        self._tally.started()
        self._viewer.started(total, missing)

    def finished(self, outcome: Outcome) -> None:
        """A trial ended; why it ran slower than it could is reported once for each reason."""
        self._decide()
        self._tally.finished(outcome)
        self._viewer.finished(outcome)
        reason = outcome.stood_in
        if reason and reason not in self._reasons:
            self._reasons.add(reason)
            arm = self._tally.trials[outcome.trial].arm
            self.message(f"{arm} runs without the compiled loop, which is slower: {reason}")
