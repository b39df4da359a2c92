"""From what was typed to what is to be run: the way that ``plan`` and ``run`` share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unroll.workflow.places import trusted_cache

if TYPE_CHECKING:
    from unroll.study import Job, Plan, Study


@dataclass(frozen=True, slots=True)
class Prepared:
    """A study that was checked, with its data prepared on this node."""

    study: Study
    plan: Plan
    jobs: list[Job]


def prepare(target: str, overrides: Sequence[str] | None) -> Prepared:
    """Read a study, prepare its data, and plan its trials.

    Raises:
        UserError: the study or its data are not right; nothing was created but, perhaps, prepared data.
    """
    from unroll.execution.importing import uncollected
    from unroll.study import load_study, make_jobs, make_plan

    cache = trusted_cache()
    study = load_study(target, overrides or [])
    with uncollected():  # the task's libraries are imported here
        plan = make_plan(study, cache=cache)
    return Prepared(study, plan, make_jobs(plan, study, cache=cache))
