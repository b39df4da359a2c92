"""Stop balanced: when a run's time is short, whole seeds are left for the next run, never single arms.

Trials start seed by seed. A further seed is begun if all its trials will have ended in time, by the longest that trials
of the same arms have taken so far; once one is not, none is begun any more. What still runs when the time is used up
saves its state and stops, as after a signal.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from unroll.ledger import Ledger
from unroll.study import Plan, Trial
from unroll.study.job import Job

Kind = tuple[str, str]
"""Arm and phase: trials that take about the same time."""


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """Until when a run may go on.

    Args:
        until: on the clock of :func:`time.monotonic`, which all processes of one machine share.
        known: the longest time that a trial of each kind has taken before this run, in seconds.
    """

    until: float
    known: Mapping[Kind, float] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """Seconds, negative once they are used up."""
        return self.until - time.monotonic()

    @property
    def over(self) -> bool:
        """Whether the time is used up."""
        return self.left <= 0


def trial_seconds(plan: Plan, ledger: Ledger) -> dict[Kind, list[float]]:
    """How long each completed trial of a plan took, without what it begins with."""
    outcomes, found = ledger.outcomes(trial.id for trial in plan.every_trial), dict[Kind, list[float]]()
    for trial in plan.every_trial:
        if trial.id in outcomes and outcomes[trial.id].status == "completed":
            found.setdefault(_kind(trial), []).append(outcomes[trial.id].seconds)
    return found


class WholeSeeds:
    """Whether there is time for another seed.

    Args:
        limit: until when, and what trials have taken before.
        ledger: where trials note how far they are.
        slots: how many trials run at a time.
        tell: told once that no further seed is begun.
    """

    def __init__(
        self, limit: TimeLimit, ledger: Ledger, *, slots: Callable[[], int], tell: Callable[[str], None]
    ) -> None:
        self._limit, self._ledger, self._slots, self._tell = limit, ledger, slots, tell
        self._longest = dict(limit.known)
        self._begun: set[int] = set()
        self._running: dict[str, Job] = {}
        self._closed = False

    def admits(self, job: Job, waiting: Iterable[Job]) -> bool:
        """Whether a job may begin now; the first seed always may, so that every run gets on.

        Args:
            job: one that nothing else keeps from it.
            waiting: all that is still to be handed out, this one among it.
        """
        seed = job.trial.seed
        if job.trial.phase == "tune" or seed in self._begun:
            return True
        if not self._closed and self._begun:
            self._judge(seed, list(waiting))
        if self._closed:
            return False
        self._begun.add(seed)
        return True

    def handed_out(self, job: Job) -> None:
        """A job begins."""
        self._running[job.trial.id] = job

    def ended(self, trial: str) -> None:
        """A job that was handed out has ended, in whatever way."""
        job, outcome = self._running.pop(trial, None), self._ledger.trial(trial).outcome()
        if job and outcome and outcome.status == "completed":
            kind = _kind(job.trial)
            self._longest[kind] = max(outcome.seconds, self._longest.get(kind, 0.0))

    def _judge(self, seed: int, waiting: list[Job]) -> None:
        confirm = [job for job in waiting if job.trial.phase == "confirm"]
        before = [*self._running.values(), *(job for job in confirm if job.trial.seed in self._begun)]
        takes = self._seconds(before, [job for job in confirm if job.trial.seed == seed])
        if takes >= self._limit.left:
            self._closed = True
            left = sorted({job.trial.seed for job in confirm} - self._begun)
            seeds = f"seed {left[0]} is" if len(left) == 1 else f"seeds {', '.join(map(str, left))} are"
            needs = f"{takes:.0f} s" if takes < 120 else f"{takes / 60:.0f} min"
            self._tell(f"no time for a further seed, which would end in {needs}: {seeds} left out")

    def _seconds(self, before: list[Job], seed: list[Job]) -> float:
        """Until the last trial of a seed would have ended, each in its turn as soon as there is room for it."""
        jobs = [*before, *seed]
        spent = self._spent(jobs)
        free, ends = [0.0] * max(1, self._slots()), dict[str, float]()
        for job in jobs:
            start = max(heapq.heappop(free), ends.get(job.trial.warm_start or "", 0.0))
            ends[job.trial.id] = start + max(0.0, self._whole(job) - spent.get(job.trial.id, 0.0))
            heapq.heappush(free, ends[job.trial.id])
        return max(ends.values())

    def _whole(self, job: Job) -> float:
        """The longest that a trial of the same kind has taken; else one that tuned the arm, else one of any arm."""
        arm = job.trial.arm
        known = self._longest.get(_kind(job.trial)) or self._longest.get((arm, "tune"))
        return known or max(self._longest.values(), default=0.0)

    def _spent(self, jobs: Iterable[Job]) -> dict[str, float]:
        """Seconds that trials have trained, here or before a stop."""
        return {trial: note.seconds for trial, note in self._ledger.progress(job.trial.id for job in jobs).items()}


def _kind(trial: Trial) -> Kind:
    return trial.arm, trial.phase
