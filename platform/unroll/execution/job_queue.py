"""Which jobs can run now: those whose warm start, the trial that they begin with, is there, and whose settings are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from unroll.execution.freezing import freeze
from unroll.execution.time_limit import WholeSeeds
from unroll.ledger import FINAL, Ledger, Outcome
from unroll.study import Plan, Trial
from unroll.study.job import Job
from unroll.study.tuning import decided_job


class JobQueue:
    """Hands out jobs in their order, each once what it begins with has its result.

    A pending job is handed out once its tuning has ended, as the job that it stands for; what the tuning has chosen is
    frozen then. A job whose warm start ended without a result is left out, and so is one whose tuning did: it stays
    missing.

    Args:
        jobs: all that is to be run, in the order in which it is to be.
        ledger: where results are.
        whole_seeds: whether there is time for another seed; those for which there is none are left out. None: no limit.
    """

    def __init__(self, jobs: Sequence[Job], ledger: Ledger, *, whole_seeds: WholeSeeds | None = None) -> None:
        self._ledger, self._whole_seeds = ledger, whole_seeds
        self._waiting = {job.trial.id: job for job in jobs}
        self._unended = set(self._waiting)

    def next(self) -> Job | None:
        """The first job that can run; None where there is none, or none yet."""
        for trial, job in tuple(self._waiting.items()):
            if job.trial.warm_start in self._unended or (job.awaits and job.awaits.trials & self._unended):
                continue
            admitted = self._whole_seeds is None or self._whole_seeds.admits(job, self._waiting.values())
            del self._waiting[trial]
            if admitted and (ready := self._ready(job)):
                if self._whole_seeds:
                    self._whole_seeds.handed_out(ready)
                return ready
            self._unended.discard(trial)
        return None

    def _ready(self, job: Job) -> Job | None:
        """The job, all that it waits for having ended; None where that has no result, or the job has one."""
        if job.awaits:
            if (winner := freeze(job, self._ledger)) is None:
                return None
            decided = decided_job(job, winner)
            self._ledger.register(decided.trial)
            return None if self._ledger.trial(decided.trial.id).result() else decided
        start = job.trial.warm_start
        return job if start is None or self._ledger.trial(start).result() else None

    def ended(self, trial: str) -> None:
        """A trial that was handed out has ended, in whatever way."""
        self._unended.discard(trial)
        if self._whole_seeds:
            self._whole_seeds.ended(trial)

    @property
    def exhausted(self) -> bool:
        """Whether no job is left to hand out, now or later."""
        return not self._waiting


def counted_trials(plan: Plan, ledger: Ledger, missing: Set[str]) -> list[Trial]:
    """What a run is about: of the preparations those that it needs or that have a result, and all others of the plan.

    Args:
        plan: what is to be there in the end.
        ledger: where results are.
        missing: ids of the trials that are to be run.
    """
    ids = [trial.id for trial in plan.preparations]
    there = missing | {trial for trial, outcome in ledger.outcomes(ids).items() if _has_result(outcome)}
    return [*(trial for trial in plan.preparations if trial.id in there), *plan.tune_trials, *plan.trials]


def find_missing(jobs: Sequence[Job], ledger: Ledger, *, retry: bool) -> list[Job]:
    """Jobs without a result that can be run, each behind what it begins with; preparations only where they are needed.

    Tuning comes first. Seeds are in the outer loop, so that arms can be compared early. What failed by a user's mistake
    would fail again, so it waits for ``retry`` or for a change of its source files; so does what waits for it.
    """
    every = {job.trial.id: job for job in jobs}
    outcomes = ledger.outcomes(every)
    lost = {trial for trial, job in every.items() if not _has_result(outcomes.get(trial))}
    stuck = {trial for trial in lost if _would_fail_again(every[trial], outcomes.get(trial), retry=retry)}
    chains = {trial: _chain(job, every, lost) for trial, job in every.items()}
    needed = {
        each.trial.id
        for trial in lost
        if every[trial].metric is not None and not any(each.trial.id in stuck for each in chains[trial])
        for each in chains[trial]
    }
    order = {trial: index for index, trial in enumerate(every)}
    wanted = [every[trial] for trial in needed]
    return sorted(wanted, key=lambda job: (*_turn(job), len(chains[job.trial.id]), order[job.trial.id]))


def _turn(job: Job) -> tuple[bool, int, int]:
    return job.trial.phase == "confirm", job.trial.seed, job.trial.draw or 0


def _chain(job: Job, every: Mapping[str, Job], lost: set[str]) -> list[Job]:
    """The job, what it begins with as far as that has no result yet, and so on; before that, what it is tuned by."""
    chain = [job, *(every[trial] for trial in sorted(job.awaits.trials & lost))] if job.awaits else [job]
    while (start := chain[-1].trial.warm_start) in lost:
        chain.append(every[start])
    return chain


def _has_result(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.status in FINAL


def _would_fail_again(job: Job, outcome: Outcome | None, *, retry: bool) -> bool:
    if outcome is None or outcome.status != "failed_user":
        return False
    mended = bool(outcome.sources) and outcome.sources != job.sources
    return not retry and not mended
