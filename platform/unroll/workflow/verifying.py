"""Run trials again in a temporary place and compare what they come to with what is recorded, bit for bit."""

from __future__ import annotations

import math
import os
import struct
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from unroll import interruption
from unroll.contract import Settings, UserError
from unroll.execution.inline_runner import InlineRunner
from unroll.ledger import ENVIRONMENT, FINAL, Ledger, Outcome
from unroll.study import (
    Declaration,
    Job,
    Limits,
    Resources,
    Trial,
    Wandb,
    load_study,
    load_task,
    locate,
    read_locations,
    told_locations,
    trial_id,
)
from unroll.study.project import AnyTask
from unroll.study.sources import compare_sources
from unroll.workflow.places import trusted_cache
from unroll.workflow.trained import choose_trial, recorded_threads

Row = tuple[int, int, str]
"""(step, epoch, metric) of a logged value."""


@dataclass(frozen=True, slots=True)
class Again:
    """A trial that is to be run again."""

    trial: Trial
    outcome: Outcome
    """What is recorded of it."""
    begun: Sequence[tuple[Trial, Outcome]]
    """What it begins with, and what that began with, first one first: run before it, to have their weights."""

    @property
    def seconds(self) -> float:
        """What it took when it was recorded, with what it begins with."""
        return math.fsum(outcome.seconds for outcome in (self.outcome, *(outcome for _, outcome in self.begun)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a trial came out the second time: the fields are those of ``unroll verify --format json``."""

    trial: str
    arm: str
    seed: int
    identical: bool
    """Whether status, steps, final metrics and everything that was logged are equal bit for bit, times apart; what each
    test example added to a metric, too, where it is recorded."""
    recorded_status: str
    status: str
    message: str
    """Why it ended so here, where it ended otherwise."""
    values: int
    """Numbers that were compared."""
    differing: int
    """Those of them that differ, or that only one side has."""
    first_step: int | None
    """The first optimizer step at which a logged value differs."""
    metric: str
    """The one that differs most of the final metrics, or else of what was logged; relative to the larger value."""
    recorded: float | None
    here: float | None
    difference: float | None
    """How far these two are apart, relative to the larger one; infinite where one is not finite or is missing."""
    first_example: int | None
    """The first example of the test data, counted from 1, that added something else to a metric."""
    first_sum: str
    """To which of the sums that metrics follow from; empty where the examples are others, or none differs."""
    damaged: list[str]
    """Records of the trial that cannot be believed: what they held is not compared."""
    environment: dict[str, tuple[str, str]]
    """What it ran on where that differs: name -> (recorded, here)."""
    sources: list[str]
    """Source files that are not what they were."""
    seconds: float
    """What it took here."""


def choose_again(
    ledger: Ledger, *, trial: str | None = None, arm: str | None = None, seed: int | None = None
) -> list[Again]:
    """The trials that are to be run again: the one that is named, else of each arm the lowest seed with a result.

    Raises:
        UserError: there is no such trial, or none with a result.
    """
    if (trial, arm, seed) != (None, None, None):
        chosen = choose_trial(ledger, trial=trial, arm=arm, seed=seed)
        return [_with_begun(ledger, chosen.trial, chosen.outcome)]
    plan = ledger.plan()
    outcomes = ledger.outcomes(each.id for each in plan.trials)
    done = [each for each in plan.trials if each.id in outcomes and outcomes[each.id].status in FINAL]
    if not done:
        raise UserError("a trial must have a result before it can be verified", where=str(ledger.root))
    lowest = [min((t for t in done if t.arm == arm.name), key=lambda t: t.seed, default=None) for arm in plan.arms]
    return [_with_begun(ledger, each, outcomes[each.id]) for each in lowest if each is not None]


def _with_begun(ledger: Ledger, trial: Trial, outcome: Outcome) -> Again:
    begun: list[tuple[Trial, Outcome]] = []
    start = trial.warm_start
    while start is not None:
        records = ledger.trial(start)
        before, end = records.read(), records.result()
        if before is None or end is None:
            rule = "what a trial begins with must have a result, too"
            raise UserError(rule, where=f"{trial.arm}, seed {trial.seed}", received=f"{start} has none")
        begun.insert(0, (before, end))
        start = before.warm_start
    return Again(trial, outcome, begun)


def make_again(ledger: Ledger, again: Again, overrides: Sequence[str]) -> list[Job]:
    """What runs a trial again, behind what it begins with.

    Args:
        ledger: where it is recorded.
        again: what is to be run.
        overrides: ``KEY=VALUE`` of settings that say where its data lie; else as its study in this project says.

    Raises:
        UserError: it is no trial of the task as it is here, or its data are not here or are others.
    """
    cache, plan = trusted_cache(), ledger.plan()
    chain = [trial for trial, _ in again.begun] + [again.trial]
    jobs = []
    for trial, outcome in [*again.begun, (again.trial, again.outcome)]:
        task = load_task(trial.task)
        _check_version(task, trial)
        where = f"trial {trial.id} ({trial.arm}, seed {trial.seed})"
        located = locate(task, trial.settings, _locations(task, plan.study, plan.overrides, overrides), where=where)
        settings = task.settings.model_validate(located)
        _check_identity(trial, settings, task.prepare(settings, cache).fingerprint, where)
        gpu = "cudnn" in outcome.environment and torch.cuda.is_available()
        declared = plan.declaration.get("log_every_steps")
        every = declared if isinstance(declared, int) and declared > 0 else None
        jobs.append(
            Job(
                trial=trial,
                settings=located,
                resources=Resources(cpus=recorded_threads(outcome), gpus=1.0 if gpu else 0.0),
                limits=Limits(),
                wandb=Wandb(mode="disabled"),
                metric=plan.metric if trial.id in {each.id for each in plan.trials} else None,
                log_every_steps=every or Declaration.model_fields["log_every_steps"].default,
                keep="none" if trial is chain[-1] else "last",
                cache=os.path.abspath(cache),
            )
        )
    return jobs


def _check_version(task: AnyTask, trial: Trial) -> None:
    if task.version != trial.task_version:
        raise UserError(
            f"the trial must be of version {task.version} of task {trial.task}, which is the one here",
            where=f"trial {trial.id} ({trial.arm}, seed {trial.seed})",
            received=f"version {trial.task_version}",
            advice="use the code that trained it",
        )


def _check_identity(trial: Trial, settings: Settings, fingerprint: str, where: str) -> None:
    if fingerprint != trial.fingerprint:
        raise UserError(
            "the data here must be the data that the trial was trained on",
            where=where,
            received=f"fingerprint {fingerprint}, recorded {trial.fingerprint}",
            advice="tell where they lie: KEY=VALUE, such as data.path=FOLDER",
        )
    found = trial_id(
        task=trial.task,
        task_version=trial.task_version,
        settings=settings,
        seed=trial.seed,
        phase=trial.phase,
        fingerprint=fingerprint,
        monitor=trial.monitor,
        warm_start=trial.warm_start,
        copy_number=trial.copy_number,
    )
    if found != trial.id:
        raise UserError("a trial's id must stand for its content", where=where, received=f"content of {found}")


def _locations(task: AnyTask, study: str, changed: Sequence[str], overrides: Sequence[str]) -> dict[str, str]:
    """Dotted path -> where something lies: as given, else as the study of this name in the project says."""
    found: dict[str, str] = {}
    with suppress(UserError):
        found = told_locations(task, load_study(study, changed).settings)
    return found | read_locations(task, overrides)


class _Quiet:
    """Watches a run and says nothing."""

    def started(self, total: int, missing: int) -> None: ...

    def refresh(self) -> None: ...

    def finished(self, outcome: Outcome) -> None: ...

    def message(self, text: str) -> None: ...


def run_again(ledger: Ledger, again: Again, overrides: Sequence[str] = ()) -> Verdict:
    """Run a trial again in a temporary place, in this process; nothing is sent anywhere, and the records stay.

    Raises:
        UserError: see :func:`make_again`.
        Interrupted: somebody asked this process to leave.
    """
    jobs = make_again(ledger, again, overrides)
    with tempfile.TemporaryDirectory(prefix="unroll-") as folder:
        here = Ledger.create(Path(folder) / "results")

        def register() -> None:
            for job in jobs:
                here.register(job.trial)

        with here.lock(["unroll", "verify"]) as lock:
            InlineRunner().run(jobs, here, token=lock.token, observer=_Quiet(), ready=register)
        interruption.check()
        return _compare(ledger, here, again)


def _compare(ledger: Ledger, here: Ledger, again: Again) -> Verdict:
    trial, before = again.trial, again.outcome
    ends = here.outcomes([trial.id, *(each.id for each, _ in again.begun)])
    after = ends.get(trial.id) or next(end for end in ends.values() if end.status not in FINAL)
    logged, relogged = (_rows(each, trial.id) for each in (ledger, here))
    differing_rows = {row for row in logged.keys() | relogged.keys() if not _same(logged.get(row), relogged.get(row))}
    finals = before.metrics.keys() | after.metrics.keys()
    differing = {name for name in finals if not _same(before.metrics.get(name), after.metrics.get(name))}
    first = min((step for step, _, _ in differing_rows), default=None)
    worst, recorded, found = _worst(before.metrics, after.metrics, differing, str)
    if not differing:
        worst, recorded, found = _worst(logged, relogged, differing_rows, lambda row: f"{row[2]} at step {row[0]}")
    examples = _compare_examples(ledger, here, trial.id)
    damaged = [str(damage) for damage in ledger.damage() if trial.id in str(damage)]
    ends_alike = (before.status, before.steps, before.items, before.selected) == (
        *(after.status, after.steps, after.items),
        after.selected,
    )
    return Verdict(
        trial=trial.id,
        arm=trial.arm,
        seed=trial.seed,
        identical=ends_alike and not differing and not differing_rows and not examples.differing and not damaged,
        recorded_status=before.status,
        status=after.status,
        message="" if after.status == before.status else after.message,
        values=len(finals) + len(logged.keys() | relogged.keys()) + examples.values,
        differing=len(differing) + len(differing_rows) + examples.differing,
        first_step=first,
        metric=worst,
        recorded=recorded,
        here=found,
        difference=_apart(recorded, found) if worst else None,
        first_example=examples.first,
        first_sum=examples.sum,
        damaged=damaged,
        environment={
            name: (before.environment.get(name, ""), after.environment.get(name, ""))
            for name in ENVIRONMENT
            if before.environment.get(name, "") != after.environment.get(name, "")
        },
        sources=_sources(ledger, here, before, after),
        seconds=after.seconds,
    )


@dataclass(frozen=True, slots=True)
class _Examples:
    """What came of comparing examples; nothing where none are recorded."""

    values: int = 0
    differing: int = 0
    first: int | None = None
    sum: str = ""


def _compare_examples(ledger: Ledger, here: Ledger, trial: str) -> _Examples:
    """What each example of the test data added to metrics: recorded, and here."""
    mine, theirs = (each.trial(trial).scores.whole() for each in (ledger, here))
    if mine is None:  # a pack leaves out what is too large for it
        return _Examples()
    (record, recorded), values = mine, mine[0].examples * len(mine[0].sums)
    if theirs is None:
        return _Examples(values, values)
    other, found = theirs
    if (record.test_set, record.examples, record.sums) != (other.test_set, other.examples, other.sums):
        return _Examples(values, values, 1)
    # Both were read from 32 bits, none is NaN: equal numbers have equal bits, but for the sign of a zero.
    differs = {name: recorded[name] != found[name] for name in record.sums}
    differing = sum(int(column.sum()) for column in differs.values())
    if not differing:
        return _Examples(values)
    first, name = min((int(column.argmax()), name) for name, column in differs.items() if column.any())
    return _Examples(values, differing, first + 1, name)


def _rows(ledger: Ledger, trial: str) -> dict[Row, float]:
    """What a trial logged, without what a clock decides."""
    rows = ledger.trial(trial).history.rows()
    return {(step, epoch, metric): value for step, epoch, _, metric, value in rows}


def _same(one: float | None, other: float | None) -> bool:
    """Whether two numbers have the same bits; one NaN is as good as another."""
    if one is None or other is None:
        return one is other
    return struct.pack(">d", one) == struct.pack(">d", other) or (math.isnan(one) and math.isnan(other))


def _apart(one: float | None, other: float | None) -> float:
    """Relative to the larger of two different numbers, in magnitude."""
    if one is None or other is None or not math.isfinite(one) or not math.isfinite(other):
        return math.inf
    return abs(one - other) / max(abs(one), abs(other), math.ulp(0.0))


def _worst(
    mine: Any, theirs: Any, differing: set[Any], name: Callable[[Any], str]
) -> tuple[str, float | None, float | None]:
    """Name of what differs most, and both values."""
    if not differing:
        return "", None, None
    key = max(sorted(differing), key=lambda each: _apart(mine.get(each), theirs.get(each)))
    return name(key), mine.get(key), theirs.get(key)


def _sources(ledger: Ledger, here: Ledger, before: Outcome, after: Outcome) -> list[str]:
    """Files that are not what they were; empty too where no digest was recorded."""
    if before.sources in ("", after.sources):
        return []
    then, now = ledger.sources_of(before.sources), here.sources_of(after.sources)
    return compare_sources(then, now) if then is not None and now is not None else ["source files that are not known"]
