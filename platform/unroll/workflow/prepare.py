"""From what was typed to what is to be run: the way that ``plan`` and ``run`` share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unroll.contract import UserError
from unroll.workflow.places import trusted_cache

if TYPE_CHECKING:
    from unroll.ledger import Ledger
    from unroll.study import Job, Plan, Study, Winner


@dataclass(frozen=True, slots=True)
class Prepared:
    """A study that was checked, with its data prepared on this node."""

    study: Study
    plan: Plan
    jobs: list[Job]

    def decided(self, winners: Mapping[str, Winner]) -> Prepared:
        """The same with the settings that tunings have chosen, if any of these are of its arms.

        Raises:
            UserError: they are no settings of the task any more.
        """
        from unroll.study import decide, make_jobs

        cache = trusted_cache()
        plan = decide(self.plan, self.study, winners, cache=cache)
        return self if plan is self.plan else Prepared(self.study, plan, make_jobs(plan, self.study, cache=cache))

    def known(self, ledger: Ledger) -> Prepared:
        """The same with all that results have decided so far: settings of tuned arms, and the seeds of later looks.

        Raises:
            UserError: chosen settings are no settings of the task any more.
        """
        from unroll.study import make_jobs
        from unroll.workflow.looks import grown

        tuned = self.decided(ledger.winners())
        plan = grown(tuned.plan, ledger)
        return (
            tuned
            if plan is tuned.plan
            else Prepared(self.study, plan, make_jobs(plan, self.study, cache=trusted_cache()))
        )


_planned_sources: dict[str, str] = {}
"""Source file -> its hash when this process first planned with it, about the time at which it was imported."""


def refuse_edited(plan: Plan) -> None:
    """Refuse source files that were edited since this process imported them: it would go on to run the old ones.

    Raises:
        UserError: there are such files.
    """
    from unroll.study import project_root

    files = {str(project_root() / file): text for sources in plan.sources.values() for file, text in sources.items()}
    edited = sorted(file for file, text in files.items() if _planned_sources.setdefault(file, text) != text)
    if edited:
        raise UserError(
            "source files must not be edited after this process has imported them",
            where=", ".join(edited),
            advice="restart the Python process (of a notebook: its kernel)",
        )


def prepare(target: str, overrides: Sequence[str] | None) -> Prepared:
    """Read a study, prepare its data, and plan its trials.

    Raises:
        UserError: the study or its data are not right; nothing was created but, perhaps, prepared data.
    """
    from unroll.execution.importing import gc_paused
    from unroll.study import load_study, make_jobs, make_plan

    cache = trusted_cache()
    study = load_study(target, overrides or [])
    with gc_paused():  # the task's libraries are imported here
        plan = make_plan(study, cache=cache)
    return Prepared(study, plan, make_jobs(plan, study, cache=cache))
