"""Divide the trials of a study among jobs without a driver: what belongs together stays together."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from unroll.contract import UserError
from unroll.ledger import Ledger, SubmissionRecord
from unroll.study.job import Job
from unroll.workflow.prepare import Prepared


def divide(jobs: Sequence[Job], shares: int) -> list[list[str]]:
    """Divide jobs so that none waits for one of another share.

    A trial stays with what it begins with, and an arm that is tuned with its tuning. What comes first goes first: seeds
    are in the outer loop, so each share has some of every arm, and a study that is stopped has whole seeds.

    Args:
        jobs: what is to be run, each behind what it waits for.
        shares: about how many; fewer where there is not enough to divide, more where groups do not fit together.

    Returns:
        Ids of the trials of each share, in the order of ``jobs``; none is empty.
    """
    groups: dict[str, list[str]] = {}  # the first trial of a group -> all of it
    home: dict[str, str] = {}
    for job in jobs:
        waits = {job.trial.warm_start, *(job.awaits.trials if job.awaits else ())}
        known = sorted({home[trial] for trial in waits if trial in home}, key=list(groups).index)
        first = known[0] if known else job.trial.id
        merged = [trial for name in known for trial in groups.pop(name)]
        groups[first] = [*merged, job.trial.id]
        home |= dict.fromkeys(groups[first], first)
    order = {job.trial.id: number for number, job in enumerate(jobs)}
    size = math.ceil(len(jobs) / shares)
    found: list[list[str]] = [[]]
    for group in sorted(groups.values(), key=lambda group: order[group[0]]):
        if found[-1] and len(found[-1]) + len(group) > size:
            found.append([])
        found[-1] += group
    return [sorted(share, key=order.__getitem__) for share in found]


def read_share(ledger: Ledger, share: str) -> tuple[SubmissionRecord, set[str]]:
    """The submission and the trials of one of its jobs.

    Args:
        ledger: the results folder.
        share: ``NAME/INDEX``; indices begin at 0.

    Raises:
        UserError: there is none.
    """
    name, _, index = share.partition("/")
    submission = ledger.submission(name)
    if not index.isdecimal() or int(index) >= len(submission.shares):
        rule = f"a share of submission {name} must be one of 0 to {len(submission.shares) - 1}"
        raise UserError(rule, where="--share", received=repr(share))
    return submission, set(submission.shares[int(index)])


def share_of(planned: Prepared, decided: Prepared, trials: Collection[str]) -> Prepared:
    """The part of a study that is one share.

    Args:
        planned: the study as it was submitted.
        decided: the same with the settings that tunings have chosen since, in the same order.
        trials: ids of the share's trials, as either of them has them.

    Raises:
        UserError: a trial is none of the study's.
    """
    known = {job.trial.id for prepared in (planned, decided) for job in prepared.jobs}
    if lost := set(trials) - known:
        raise UserError(
            "a share must be of trials of the study as it was submitted",
            where=planned.plan.study,
            received=f"{len(lost)} others",
            advice="the study, its overrides, its data or its code were changed since: submit it again",
        )
    pairs = zip(planned.jobs, decided.jobs, strict=True)
    jobs = [now for then, now in pairs if {then.trial.id, now.trial.id} & set(trials)]
    ids = {job.trial.id for job in jobs}
    plan = decided.plan
    kept = {
        name: [trial for trial in getattr(plan, name) if trial.id in ids]
        for name in ("trials", "tune_trials", "preparations")
    }
    return replace(decided, plan=plan.model_copy(update={**kept, "reserve": []}), jobs=jobs)
