"""What a tuning chooses, once all its trials have ended, and the jobs that waited for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from statistics import fmean
from typing import Any

from unroll.contract import Direction
from unroll.ledger import FINAL, Ledger, Outcome
from unroll.study import Trial
from unroll.study.job import Awaited, Job
from unroll.study.tuning import Candidate, Winner, decided_job


def choose(candidates: Sequence[Candidate], direction: Direction) -> Candidate | None:
    """The candidate with the best value; of equal values that of the lowest draw. None where none has a value.

    A draw of which a trial diverged, or was ended early, has none.
    """
    usable = [candidate for candidate in candidates if candidate.value is not None]
    sign = 1 if direction == "minimize" else -1
    return min(usable, key=lambda each: (sign * (each.value or 0.0), each.draw), default=None)


def freeze(job: Job, ledger: Ledger) -> Winner | None:
    """What the tuning that a pending job waits for has chosen: as it was written down, or else chosen and written now.

    Args:
        job: of a pending trial.
        ledger: where the results of the tuning are.

    Returns:
        None while a trial of the tuning has no result, and where no draw has a usable value.

    Raises:
        UserError: what was written down is damaged.
        StorageError: the disk refused.
    """
    awaited = job.awaits
    if awaited is None:
        return None
    if known := ledger.winner(awaited.tuning):
        return known
    outcomes = ledger.outcomes(awaited.trials)
    if not all(trial in outcomes and outcomes[trial].status in FINAL for trial in awaited.trials):
        return None
    trials = {trial: found for trial in awaited.trials if (found := ledger.trial(trial).read()) is not None}
    if len(trials) < len(awaited.trials):
        return None
    candidates = [_candidate(number, draw, awaited, trials, outcomes) for number, draw in enumerate(awaited.draws)]
    best = choose(candidates, awaited.direction)
    if best is None or best.value is None:
        return None
    chosen = trials[best.trials[0]]
    return ledger.freeze(
        Winner(
            tuning=awaited.tuning,
            study=job.trial.study,
            arm=job.trial.arm,
            metric=awaited.metric,
            draw=best.draw,
            value=best.value,
            settings=chosen.settings,
            parameters=chosen.parameters,
            monitor=chosen.monitor,
            candidates=candidates,
            frozen=datetime.now(UTC).isoformat(timespec="seconds"),
        )
    )


def settled_jobs(jobs: Sequence[Job], ledger: Ledger) -> list[Job]:
    """The jobs, of which those whose settings a tuning has chosen by now are no longer pending."""
    return [decided_job(job, won) if (won := _winner(job, ledger)) else job for job in jobs]


def _winner(job: Job, ledger: Ledger) -> Winner | None:
    return ledger.winner(job.awaits.tuning) if job.awaits else None


def _candidate(
    number: int,
    draw: tuple[str, ...],
    awaited: Awaited,
    trials: Mapping[str, Trial],
    outcomes: Mapping[str, Outcome],
) -> Candidate:
    ends = [outcomes[trial] for trial in draw]
    values = [end.metrics.get(awaited.metric, math.nan) for end in ends if end.status == "completed"]
    usable = len(values) == len(ends) and all(map(math.isfinite, values))
    return Candidate(
        draw=number,
        values={path: _get(trials[draw[0]].settings, path) for path in awaited.searched},
        trials=draw,
        statuses=tuple(end.status for end in ends),
        value=fmean(values) if usable else None,
    )


def _get(settings: Mapping[str, Any], path: str) -> Any:
    value: Any = settings
    for name in path.split("."):
        value = value[name]
    return value
