"""Join the results of several studies into one comparison, and refuse what must not be mixed, field by field."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from unroll.contract import UserError, UserErrors
from unroll.ledger import FINAL, Ledger, Outcome, describe_changed, seeds_left_out
from unroll.ledger.frames import history_table, trials_table
from unroll.reporting.findings import Findings, read_shown
from unroll.reporting.pages.files import ReportFiles, write_files
from unroll.reporting.scored import read_scored
from unroll.reporting.sections import compose
from unroll.study import Arm, MetricSpec, Plan, Trial
from unroll.workflow.places import cache_folder

DATA, STUDY, ARM = "data", "study", "arm"
"""Factors of a joined plan; the first only where studies have several data sets."""
_SHORT = 8
"""Characters of a fingerprint in a level."""


@dataclass(frozen=True, slots=True)
class Side:
    """A study that is compared."""

    ledger: Ledger
    plan: Plan
    place: str
    """What errors call it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several studies as one."""

    findings: Findings
    notes: Sequence[str]
    """What was joined, what was left out, and which trials two studies ran with other numbers."""


def compare(ledgers: Mapping[str, Ledger]) -> Comparison:
    """Join studies: arms of the same content become one, and every arm is set against one baseline of its data.

    That baseline is the first study's. Trials that two studies have count once.

    Args:
        ledgers: what errors call each -> the results folder; two at least.

    Raises:
        UserErrors: task, its version, the metric or the data differ: a line for each field.
        UserError: there are no two.
    """
    if len(ledgers) < 2:
        raise UserError("a comparison needs two results folders at least", received=str(len(ledgers)))
    sides = [Side(ledger, ledger.plan(), place) for place, ledger in ledgers.items()]
    if errors := [error for side in sides[1:] for error in _misfits(sides[0], side)]:
        raise UserErrors(errors) if len(errors) > 1 else errors[0]
    return _join(sides)


def write_comparison(comparison: Comparison, to: Path) -> ReportFiles:
    """Write the comparison as a report into a folder.

    Raises:
        StorageError: the disk refused.
    """
    return write_files(comparison.findings, compose(comparison.findings), to, cache=cache_folder())


def _misfits(first: Side, other: Side) -> Iterator[UserError]:
    mine, theirs = dict(_identity(first.plan)), dict(_identity(other.plan))
    for field in mine:
        if mine[field] != theirs[field]:
            yield UserError(
                "studies that are compared must agree in this",
                where=f"{other.place}: {field}",
                received=f"{theirs[field]}, where {first.place} has {mine[field]}",
            )


def _identity(plan: Plan) -> Iterator[tuple[str, str]]:
    """What numbers mean: field -> its value."""
    yield "task", plan.task
    yield "task version", str(plan.task_version)
    yield "metric", plan.metric
    spec = plan.metrics[plan.metric]
    for field in MetricSpec.model_fields:
        yield f"{field} of the metric", repr(getattr(spec, field))
    yield "data fingerprint", ", ".join(sorted({arm.fingerprint for arm in plan.arms}))


class _Names:
    """What arms of several studies are called together: arms of the same content have one name."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self.studies: dict[str, list[str]] = {}
        """Name -> the studies that have it."""

    def add(self, arm: Arm, trials: Sequence[Trial], study: str) -> tuple[str, bool]:
        """Its name, and whether it is new."""
        content = _content(arm, trials)
        if known := self._names.get(content):
            self.studies[known].append(study)
            return known, False
        name, number = arm.name, 1
        while name in self.studies:
            name, number = f"{arm.name} ({study}{f' {number}' if number > 1 else ''})", number + 1
        self._names[content] = name
        self.studies[name] = [study]
        return name, True


def _content(arm: Arm, trials: Sequence[Trial]) -> str:
    """What an arm runs, whatever it is called and whichever seeds it has."""
    first = trials[0] if trials else None
    begun = sorted(f"{trial.seed} {trial.warm_start}" for trial in trials) if arm.warm_start else []
    about = [first and first.settings, first and first.phase, arm.fingerprint, first and first.monitor, begun]
    return json.dumps([*about, arm.name if first is None else ""], sort_keys=True)


def _labels(sides: Sequence[Side]) -> list[str]:
    """Names of studies; two of the same name have that of their place, too."""
    names = [side.plan.study for side in sides]
    return [f"{n} in {s.place}" if names.count(n) > 1 else n for n, s in zip(names, sides, strict=True)]


def _join(sides: Sequence[Side]) -> Comparison:
    names, first = _Names(), sides[0].plan
    arms: dict[str, Arm] = {}
    prepared: dict[str, Arm] = {}
    trials: dict[str, Trial] = {}
    preparations: dict[str, Trial] = {}
    labels = _labels(sides)
    for side, label in zip(sides, labels, strict=True):
        plan = side.plan
        named: dict[str, str] = {}
        compared = {arm.name for arm in plan.arms}
        for arm in plan.every_arm:
            own = [trial for trial in plan.every_trial if trial.arm == arm.name]
            named[arm.name], new = names.add(arm, own, label)
            if new:
                (arms if arm.name in compared else prepared)[named[arm.name]] = arm
            elif arm.name in compared and named[arm.name] in prepared:
                arms[named[arm.name]] = prepared.pop(named[arm.name])
        for name, arm in ((named[arm.name], arm) for arm in plan.every_arm):
            known = arms if name in arms else prepared
            start = None if arm.warm_start is None else named[arm.warm_start]
            known[name] = known[name].model_copy(update={"name": name, "warm_start": start, "twins": ()})
        for trial in plan.every_trial:
            name = named[trial.arm]
            (trials if name in arms else preparations).setdefault(trial.id, trial.model_copy(update={"arm": name}))
    moved = {identity: trial for identity, trial in preparations.items() if trial.arm in arms}
    trials |= moved
    several_data = len({arm.fingerprint for arm in arms.values()}) > 1
    baselines = _baselines(first, arms)
    placed = [
        arm.model_copy(update={"baseline": baselines[arm.fingerprint], "levels": _levels(arm, names, several_data)})
        for arm in arms.values()
    ]
    metrics, left_out = _shared_metrics(sides)
    plan = Plan(
        **{
            **{field: getattr(first, field) for field in Plan.model_fields},
            "study": " + ".join(labels),
            "question": " ".join(dict.fromkeys(side.plan.question for side in sides)),
            "metrics": metrics,
            "baseline": baselines[placed[0].fingerprint],
            "factors": {factor: list(dict.fromkeys(a.levels[factor] for a in placed)) for factor in placed[0].levels},
            "arms": placed,
            "trials": list(trials.values()),
            "prepared": list(prepared.values()),
            "preparations": [trial for identity, trial in preparations.items() if identity not in moved],
            "declaration": {},
            "overrides": (),
            "fallen": (),
            "sources": {digest: files for side in sides for digest, files in side.plan.sources.items()},
        }
    )
    return _gather(plan, sides, labels, left_out)


def _levels(arm: Arm, names: _Names, several_data: bool) -> dict[str, str]:
    data = {DATA: arm.fingerprint[:_SHORT]} if several_data else {}
    return {**data, STUDY: " and ".join(dict.fromkeys(names.studies[arm.name])), ARM: arm.name}


def _baselines(first: Plan, arms: Mapping[str, Arm]) -> dict[str, str]:
    """Fingerprint of data -> the first study's baseline there, which keeps its name."""
    found: dict[str, str] = {}
    for arm in first.arms:
        baseline = first.baselines[arm.name]
        if arms[baseline].fingerprint == arm.fingerprint:
            found.setdefault(arm.fingerprint, baseline)
    for name, arm in arms.items():
        found.setdefault(arm.fingerprint, name)
    return found


def _shared_metrics(sides: Sequence[Side]) -> tuple[dict[str, MetricSpec], list[str]]:
    """The metrics that mean the same in all studies, and the names of the others."""
    first, every = sides[0].plan.metrics, [side.plan.metrics for side in sides]
    shared = {name: spec for name, spec in first.items() if all(other.get(name) == spec for other in every)}
    return shared, sorted({name for metrics in every for name in metrics} - {*shared})


def _gather(plan: Plan, sides: Sequence[Side], labels: Sequence[str], left_out: Sequence[str]) -> Comparison:
    outcomes: dict[str, Outcome] = {}
    owner: dict[str, Ledger] = {}
    both, unlike = set[str](), set[str]()
    for side in sides:
        found = side.ledger.outcomes(trial.id for trial in side.plan.every_trial)
        for identity, outcome in found.items():
            known = outcomes.get(identity)
            again = known is not None and not _is_same_run(known, outcome)
            if known is not None and again and {known.status, outcome.status} <= FINAL:
                both.add(identity)
                if _numbers(known) != _numbers(outcome):
                    unlike.add(identity)
            if known is None or (known.status not in FINAL and outcome.status in FINAL):
                outcomes[identity], owner[identity] = outcome, side.ledger
    trials = trials_table(plan.trials, outcomes, plan.metrics, plan.preparations)
    trials = trials.filter(pl.col("phase") == "confirm").drop(*[name for name in left_out if name in trials.columns])
    kept = {*trials["trial"]}
    history = history_table(
        (trial, owner[trial.id].trial(trial.id).history.frame())
        for trial in plan.trials
        if trial.id in owner and trial.id in kept
    )
    findings = Findings(
        plan,
        trials,
        history.lazy(),
        [run for side in sides for run in side.ledger.runs()],
        damaged=[
            f"{side.place}/{e.path.relative_to(side.ledger.root)}" for side in sides for e in side.ledger.damage()
        ],
        shown=read_shown(lambda trial: owner[trial].trial(trial).shown(), trials),
        scored=read_scored(lambda trial: owner[trial].trial(trial).scores, plan, trials),
        packs=[each for side in sides for each in side.ledger.taken_over(side.plan)],
        seeds_left_out=sorted({seed for side in sides for seed in seeds_left_out(side.plan, side.ledger)}),
    )
    return Comparison(findings, list(_notes(sides, labels, left_out, both, unlike)))


def _is_same_run(one: Outcome, other: Outcome) -> bool:
    """Whether one outcome is a copy of the other, as one that was taken over from a pack is."""
    times = (one.started, one.finished, one.seconds)
    return bool(one.started) and times == (other.started, other.finished, other.seconds)


def _numbers(outcome: Outcome) -> list[Any]:
    return [outcome.status, outcome.steps, *((n, struct.pack(">d", v)) for n, v in sorted(outcome.metrics.items()))]


def _notes(
    sides: Sequence[Side], labels: Sequence[str], left_out: Sequence[str], both: set[str], unlike: set[str]
) -> Iterator[str]:
    for side, label in zip(sides, labels, strict=True):
        done = side.ledger.outcomes(trial.id for trial in side.plan.trials).values()
        ended = sum(outcome.status in FINAL for outcome in done)
        yield f"{label}: {len(side.plan.arms)} arms, {ended} of {len(side.plan.trials)} trials with a result"
        if changed := side.ledger.changed(side.plan):
            yield f"{label}: source files of results were changed since: {describe_changed(side.plan, changed)}"
    if both:
        equal = f"{len(both) - len(unlike)} of them with identical numbers"
        yield f"{len(both)} trials were run in several of these studies and count once, as in the first; {equal}"
    if left_out:
        yield f"metrics that are not the same in all of these studies are left out: {', '.join(left_out)}"
