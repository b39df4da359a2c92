"""Draws that are behind the others of their arm are ended early: asynchronous successive halving (Li et al. 2020).

The judgement is Ray Tune's own scheduler, one for each arm: a slow cell is not ended because a fast one learns faster.
What it has seen is what trials have logged, so that a resumed study goes on where it was.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from unroll.ledger import Fenced, Ledger
from unroll.ledger.outcome import Outcome
from unroll.study import load_task
from unroll.study.job import Job

SCHEDULER = "asha"
"""``Trial.scheduler`` of the trials that are judged here."""
GRACE_EPOCHS = 1
"""The first rung: no draw is ended before it."""
REDUCTION = 4
"""Of the draws that reach a rung about one in so many goes on; the next rung is so many times as far: Ray's default."""
_FAR = 10**6
"""Epochs that no trial has: where the last rung lies."""


@dataclass(frozen=True, slots=True)
class _Draw:
    """A trial as Ray's scheduler looks at it."""

    trial_id: str


@dataclass(slots=True)
class _Arm:
    """What one arm's scheduler has seen."""

    scheduler: Any
    known: set[str] = field(default_factory=set)


class Halving:
    """Judges the trials of each arm's tuning by the validations that they have had.

    Args:
        jobs: what is to be run; pending ones know all trials of their tuning, those of earlier runs among them.
        ledger: where these have logged, and where an early end is recorded.
    """

    def __init__(self, jobs: Iterable[Job], ledger: Ledger) -> None:
        self._ledger = ledger
        self._arms: dict[str, _Arm] = {}
        self._earlier: dict[str, dict[str, None]] = defaultdict(dict)
        for job in jobs:
            if job.awaits:
                self._earlier[job.trial.arm] |= dict.fromkeys(trial for draw in job.awaits.draws for trial in draw)

    def end(self, job: Job, *, epoch: int, step: int, metrics: Mapping[str, Any]) -> Outcome | None:
        """Judge a trial after a validation; gives how it ended where that is now.

        Args:
            job: whose trial it is; of a trial that nothing may end early, nothing is looked at.
            epoch: that is done, counted from one.
            step: optimizer steps that are done.
            metrics: its last logged values.

        Raises:
            StorageError: the disk refused.
        """
        if job.trial.scheduler != SCHEDULER or job.metric is None or job.metric not in metrics:
            return None
        task = load_task(job.trial.task)
        arm = self._arms.get(job.trial.arm) or self._new_arm(job)
        goes_on = self._judge(arm, job.trial.id, epoch, metrics[job.metric])
        if goes_on or epoch >= task.epochs(task.settings.model_validate(job.settings)):
            return None
        return self._record(job, epoch, step)

    def _new_arm(self, job: Job) -> _Arm:
        """A scheduler that has seen what trials of earlier runs have logged, draw by draw."""
        from ray.tune.schedulers import ASHAScheduler

        task, metric = load_task(job.trial.task), job.metric or ""
        arm = _Arm(
            ASHAScheduler(
                time_attr="epoch",
                metric=metric,
                mode="min" if task.metrics[metric].direction == "minimize" else "max",
                max_t=_FAR,
                grace_period=GRACE_EPOCHS,
                reduction_factor=REDUCTION,
                stop_last_trials=False,
            )
        )
        self._arms[job.trial.arm] = arm
        for trial in self._earlier[job.trial.arm]:
            if trial != job.trial.id:
                for _, epoch, _, name, value in self._ledger.trial(trial).history.rows():
                    if name == metric:
                        self._judge(arm, trial, epoch, value)
        return arm

    def _judge(self, arm: _Arm, trial: str, epoch: int, value: float) -> bool:
        """Whether the trial goes on; a value that is not finite ends it elsewhere, as diverged."""
        if not math.isfinite(value):
            return True
        draw = _Draw(trial)
        if trial not in arm.known:
            arm.known.add(trial)
            arm.scheduler.on_trial_add(None, draw)
        result = {"epoch": epoch, arm.scheduler.metric: value}
        return bool(arm.scheduler.on_trial_result(None, draw, result) == arm.scheduler.CONTINUE)

    def _record(self, job: Job, epoch: int, step: int) -> Outcome | None:
        records, now = self._ledger.trial(job.trial.id), datetime.now(UTC).isoformat(timespec="seconds")
        rows = list(records.history.rows())
        outcome = Outcome(
            trial=job.trial.id,
            status="pruned",
            message=f"ended early, behind other draws of its arm after epoch {epoch}",
            metrics={metric: value for _, _, _, metric, value in rows},
            steps=step,
            seconds=max((row[2] for row in rows), default=0.0),
            started=now,
            finished=now,
            sources=job.sources,
        )
        try:
            self._ledger.record(outcome)
        except Fenced:  # it was quicker, and has its result
            return None
        return outcome
