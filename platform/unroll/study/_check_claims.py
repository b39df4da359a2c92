"""Check that every claim can be read and speaks of arms, levels, factors and metrics that there are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from pydantic import ValidationError

from unroll.contract import Task, UserError
from unroll.study._arms import draft_arms
from unroll.study._error_collector import ErrorCollector
from unroll.study._factors import MOST_ARMS, Factor, arm_name, combine, count_arms
from unroll.study.claims import Claim, read_claim
from unroll.study.declaration import Declaration
from unroll.study.project import AnyTask


def check_claims(draft: Declaration, factors: Sequence[Factor], task: AnyTask, errors: ErrorCollector) -> None:
    """Note one mistake for each claim that has any; the factors are sound."""
    if not draft.claims or count_arms(factors) > MOST_ARMS:
        return
    arms = {arm_name(factors, levels): levels for levels in combine(factors, draft.exclude)}
    added: list[str] = []
    if type(task).control is not Task.control:
        with suppress(ValidationError, UserError):  # mistakes in settings are told elsewhere
            factors, drafted = draft_arms(draft, task)
            arms, added = {arm.name: arm.levels for arm in drafted}, [arm.name for arm in drafted if arm.control]
    metric = draft.metric if draft.metric and draft.metric in task.metrics else next(iter(task.metrics))
    seen: list[Claim] = []
    for index, text in enumerate(draft.claims):
        keys = ("claims", index)
        try:
            claim = read_claim(text, factors, arms, added=added, metrics=task.metrics, metric=metric)
        except UserError as error:
            error.where = errors.document.where(keys)
            errors.add_error(error)
            continue
        if any(claim.says(other) for other in seen):
            errors.add(keys, "a claim may stand only once", received=text)
        seen.append(claim)
