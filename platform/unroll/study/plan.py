"""What a study comes to: arms, trials and what the report must know about them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Self

from pydantic import Field, model_validator

from unroll.contract import Direction, Scale, Task
from unroll.study._document import shown
from unroll.study._factors import level_name
from unroll.study.claims import Claim
from unroll.study.declaration import Looks, Measure, Tune
from unroll.study.trial import Count, Finite, Frozen, Trial, later

CORPUS, SOURCE, LICENCE, LANGUAGES = "corpus", "corpus from", "corpus licence", "corpus languages"
"""Facts of an arm's data that a plan adds to those of the task, where it knows them: what they are called, where they
are from, what their makers allow, which languages they are in."""
ORIGIN = (CORPUS, SOURCE, LICENCE, LANGUAGES)
GENERATED = "generated"
"""The corpus where the settings name no file: the task's own code makes the data."""


class Arm(Frozen):
    """One combination of levels: what is compared."""

    name: str
    levels: dict[str, Any]
    """Factor -> level as written (named factors: the level's name)."""
    baseline: str | None = None
    """Name of the arm that this one is compared to, its own for a baseline; None: that of the plan."""
    twins: tuple[str, ...] = ()
    """Names of the arms that run the same and are compared as this one."""
    parameters: Count
    trained_parameters: Count | None = None
    """Those that gradients change, not what is frozen or counted; None in plans of older versions."""
    tested_parameters: Count | None = later(None)
    """Those of what is tested, where helpers have others (``contract.TrainingModule``); None: all are."""
    target_parameters: Count | None = None
    """What ``match`` asked for in weights; the difference to :attr:`size` is the mismatch left."""
    flops_per_token: Count | None = None
    """``contract.Task.flops_per_token``; None where the task does not count them."""
    target_flops_per_token: Count | None = None
    """What ``match`` asked for in operations, instead of in weights."""
    bounds: dict[str, Finite] = Field(default={})
    """Metric -> what the true distribution reaches on this arm's data (``contract.Dataset.bounds``)."""
    chance: dict[str, Finite] = Field(default={})
    """Metric -> what one reaches on this arm's data who ignores the input (``contract.Task.chance``)."""
    score_bytes: Count = Field(default=0, exclude=True)
    """Bytes of each trial's scores of test examples (``contract.Task.example_score_bytes``). Never stored."""
    facts: dict[str, int | float | str] = Field(default={})
    warnings: tuple[str, ...] = ()
    """What a reader must know of this arm's data before believing a number (``contract.Task.warnings``)."""
    absent: dict[str, str] = Field(default={})
    """Declared metrics that this arm never logs -> why (``contract.Task.absent``)."""
    fingerprint: str
    steps: Count | None = None
    selects: bool = later(False)
    """Whether the state of the best validation is tested (``contract.Selection.best``), by the trials' ``monitor``."""
    warm_start: str | None = later(None)
    """Name of the arm or preparation whose final weights its trials begin with, seed by seed."""
    seed_varies: tuple[str, ...] | None = later(None)
    """What the seed varies (``contract.Task.seed_varies``): empty, nothing, and one trial stands for all seeds; None
    where the task does not say, and in older plans."""
    shared_weights: Finite | None = later(None)
    """Share of its weights that its baseline has under the same name in the same shape; None where it is not known."""
    copy_number: Count = later(0)
    """Which of several arms with the same settings it is, that differ in their names alone."""
    control: bool = later(False)
    """Whether the study does not name it: it was added, being the control that others must be compared with."""
    tuning: str | None = later(None)
    """Id of the tuning that chooses its settings (``tuning.name_tuning``); None where nothing is searched."""
    draws: tuple[tuple[str, ...], ...] = later(())
    """Ids of the trials of each of its draws, one per tuning seed; draws that came out the same share theirs."""
    draw: Count | None = later(None)
    """The draw whose settings it has; None before one was chosen: it has the study's own settings until then."""
    sources: str = ""
    """Digest of the source files that the arm's trials run, see :attr:`Plan.sources`; empty in older plans."""

    @property
    def size(self) -> int:
        """Parameters of what is tested: what comparisons of size look at."""
        return self.parameters if self.tested_parameters is None else self.tested_parameters

    @property
    def partly_trained(self) -> bool:
        """Whether gradients leave some of the parameters as they are."""
        return self.trained_parameters not in (None, self.parameters)

    @property
    def matched(self) -> Measure | None:
        """What ``match`` made equal: the measure of size, or None without ``match``."""
        if self.target_flops_per_token is not None:
            return "flops_per_token"
        return "parameters" if self.target_parameters is not None else None

    @property
    def target(self) -> int | None:
        """What ``match`` asked for, in the measure that it names."""
        return self.target_parameters if self.target_flops_per_token is None else self.target_flops_per_token

    @property
    def mismatch(self) -> float | None:
        """What ``match`` left, as a share of what was asked for: 0.01 means one percent too much."""
        size = self.size if self.matched == "parameters" else self.flops_per_token
        return size / self.target - 1 if size is not None and self.target else None


class MetricSpec(Frozen):
    """A metric as the report needs it (see ``contract.Metric``)."""

    direction: Direction
    unit: str
    description: str
    scale: Scale = later("identity")


class Plan(Frozen):
    """Everything that is to be run and reported; stored in the ledger, so that a report runs no task code."""

    study: str
    question: str
    task: str
    task_version: Count
    item: str
    size_setting: str = later(Task.size_setting)
    """The setting that ``match`` solves (``contract.Task.size_setting``); older plans do not hold it."""
    metric: str
    metrics: dict[str, MetricSpec]
    """The task's final metrics, as far as any arm logs them."""
    baseline: str
    """Name of the arm that those are compared to which name none: all of them, in plans of earlier versions."""
    factors: dict[str, list[str]]
    arms: list[Arm]
    trials: list[Trial]
    declaration: dict[str, Any]
    """The study as declared, after overrides and defaults, without locations."""
    overrides: tuple[str, ...] = ()
    """Overrides of the command line that change what is asked: no locations, no number of seeds, no resources."""
    fallen: tuple[str, ...] = ()
    """What the study's file sets and an override left without a use, in sentences."""
    sources: dict[str, dict[str, str]] = Field(default={})
    """Digest -> source file below the project -> hash of its code (``study.sources``)."""
    prepared: list[Arm] = later([])
    """What arms begin with that is no arm of the study: trained beside the arms and not compared."""
    preparations: list[Trial] = later([])
    """The trials of :attr:`prepared`."""
    tuning: Tune | None = later(None)
    """How settings are searched, its metric named; None where nothing is searched."""
    tune_trials: list[Trial] = later([])
    """Those of the phase ``tune``; trials of arms whose tuning has no winner yet are pending (``Trial.pending``)."""
    other_sources: dict[str, str] = later({})
    """Trial of the phase ``tune`` -> digest of its source files, where its draw runs others than its arm."""
    claims: list[Claim] = later([])
    """The declared claims, with the arms that each of them sets against each other."""
    looks: Looks | None = later(None)
    """When seeds are added to what is undecided; None where the number of seeds is fixed."""
    reserve: list[Trial] = later([])
    """Trials and preparations of later looks that nothing has asked for so far: no part of what is to be run."""

    @model_validator(mode="after")
    def _names_refer_to_something(self) -> Self:
        for mistake in _lost_names(self):
            raise ValueError(mistake)
        return self

    @property
    def every_arm(self) -> list[Arm]:
        """All that is trained: what arms begin with, then the arms."""
        return [*self.prepared, *self.arms]

    @property
    def every_trial(self) -> list[Trial]:
        """The trials of :attr:`every_arm`, in both phases."""
        return [*self.preparations, *self.tune_trials, *self.trials]

    def needed(self, done: Collection[str]) -> list[Trial]:
        """Preparations without which a trial that is not done cannot begin.

        Args:
            done: ids of the trials that have a result.
        """
        begun = {trial.id: trial.warm_start for trial in self.every_trial}
        needed = {trial.id for trial in self.trials} - {*done}
        for trial in tuple(needed):
            while (start := begun[trial]) is not None and start not in done:
                needed.add(trial := start)
        return [trial for trial in self.preparations if trial.id in needed]

    def begun_with(self, trial: str) -> list[Trial]:
        """Every trial that begins with this one, or with one that does."""
        ids: set[str | None] = {trial}
        while True:
            found = [each for each in self.every_trial if each.warm_start in ids]
            if ids.issuperset(each.id for each in found):
                return found
            ids |= {each.id for each in found}

    def grown(self, arms: Collection[str], seeds: int) -> Plan:
        """The plan with trials out of the reserve, and whatever these begin with.

        Args:
            arms: whose.
            seeds: how many of the study's seeds these arms are to have.
        """
        known = {trial.id: trial for trial in self.reserve}
        first = set(self.looks.seeds[:seeds]) if self.looks else set[int]()
        taken = [trial for trial in self.reserve if trial.arm in arms and trial.seed in first]
        for trial in taken:
            if trial.warm_start in known and known[trial.warm_start] not in taken:
                taken.append(known[trial.warm_start])
        if not taken:
            return self
        ids, names = {trial.id for trial in taken}, {arm.name for arm in self.arms}
        now = [trial for trial in self.reserve if trial.id in ids]
        return self.model_copy(
            update={
                "trials": [*self.trials, *(trial for trial in now if trial.arm in names)],
                "preparations": [*self.preparations, *(trial for trial in now if trial.arm not in names)],
                "reserve": [trial for trial in self.reserve if trial.id not in ids],
            }
        )

    @property
    def sources_of(self) -> dict[str, str]:
        """Trial -> digest of the source files that it runs; empty in older plans."""
        arms = {arm.name: arm.sources for arm in self.every_arm}
        return {trial.id: self.other_sources.get(trial.id, arms[trial.arm]) for trial in self.every_trial}

    @property
    def baselines(self) -> dict[str, str]:
        """Arm -> the arm that it is compared to; a baseline is its own."""
        return {arm.name: arm.baseline or self.baseline for arm in self.arms}


def _lost_names(plan: Plan) -> Iterator[str]:
    """What a plan names and does not have, or has twice."""
    arms, every = [arm.name for arm in plan.arms], [arm.name for arm in plan.every_arm]
    if not arms or len(set(every)) < len(every):
        yield "arms must be there, each once"
    if plan.metric not in plan.metrics:
        yield f"{shown(plan.metric)} is no metric of the plan"
    for arm in plan.arms:
        levels = {factor: level_name(level) for factor, level in arm.levels.items()}
        if levels.keys() != plan.factors.keys() or any(levels[name] not in plan.factors[name] for name in levels):
            yield f"the arm {shown(arm.name)} must have one level of each factor"
    for baseline in plan.baselines.values():
        if baseline not in arms or plan.baselines[baseline] != baseline:
            yield f"{shown(baseline)} is no arm that others can be compared to"
    for claim in plan.claims:
        if not claim.pairs or not claim.arms.issubset(arms) or claim.metric not in plan.metrics:
            yield f"the claim {shown(claim.text)} must have arms and a metric of the plan"
    trials = {trial.id for trial in (*plan.every_trial, *plan.reserve)}
    if len(trials) < len(plan.every_trial) + len(plan.reserve):
        yield "a trial must be there once"
    for names, those in (
        (arms, plan.trials),
        (arms, plan.tune_trials),
        ({*every} - {*arms}, plan.preparations),
        (every, plan.reserve),
    ):
        for trial in those:
            if trial.arm not in names:
                yield f"the trial {trial.id} belongs to no arm"
    for arm in plan.every_arm:
        if arm.warm_start not in (None, *every):
            yield f"the arm {shown(arm.name)} begins with {shown(arm.warm_start or '')}, which is not there"
    if {trial for arm in plan.arms for draw in arm.draws for trial in draw} != {t.id for t in plan.tune_trials}:
        yield "the trials of a tuning must be those of the arms' draws"
    begun = {trial.id: trial.warm_start for trial in (*plan.every_trial, *plan.reserve)}
    for identity, start in begun.items():
        if start not in (None, *trials):
            yield f"the trial {identity} begins with {start}, which is not there"
        chain = {identity}
        while start is not None and start not in chain:
            chain.add(start)
            start = begun.get(start)
        if start is not None:
            yield f"the trial {identity} begins with itself"


def warned_arms(plan: Plan) -> dict[str, list[str]]:
    """Every warning of the task about its data, with the names of the arms that it concerns."""
    found: dict[str, list[str]] = {}
    for arm in plan.arms:
        for warning in arm.warnings:
            found.setdefault(warning, []).append(arm.name)
    return found
