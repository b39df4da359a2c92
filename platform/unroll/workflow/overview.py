"""What a study comes to before anything is spent: arms, trials, what is done, disk, time, and what is doubtful."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from unroll.contract import UserError
from unroll.workflow.places import results_folder

if TYPE_CHECKING:
    import polars as pl

    from unroll.ledger import Ledger
    from unroll.study import Arm, Plan
    from unroll.workflow.prepare import Prepared
    from unroll.workflow.taking_over import Offer

TRIAL_BYTES = 50_000
"""Records and W&B run of one trial, before anything is logged; most of it is folders. Measured on the quickstart."""
ROW_BYTES = 300
"""One logged value, in the ledger and in the W&B log. Measured on the quickstart."""
REPORT_BYTES = 1_300_000
"""The report; most of it is the charts' JavaScript."""
STATE_BYTES = 2 * 4
"""One number per parameter of a running trial, in float32 and in each of two checkpoints."""
STATES = 3
"""Numbers per parameter in a checkpoint: the weight and Adam's two moments; one more where the best state is kept."""
WEIGHT_BYTES = 4
"""One parameter that stays, in float32."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Overview:
    """What a study comes to: the fields are those of ``unroll plan --format json``."""

    study: str
    question: str
    task: str
    metric: str
    monitored: str | None
    """The metric that selects the tested state or ends training early, where any arm has one."""
    monitored_by: list[str]
    """Arms for which it does."""
    results: Path
    """The results folder, which need not exist yet."""
    planned: int
    """Trials of the plan."""
    done: int
    """Those that have a result."""
    from_packs: int
    """Those of them that came from packs, or would."""
    missing: int
    preparations: int
    """Trials beside them, which others begin with."""
    preparations_done: int
    """Those that have a result."""
    preparations_missing: int
    """Those that have none and that a missing trial needs."""
    tune_trials: int
    """Trials beside them, which choose the settings of arms (phase ``tune``)."""
    tune_done: int
    """Those that have a result."""
    tune_missing: int
    controls: list[str]
    """Arms that the study does not name and that were added, being the controls that others must be compared with."""
    at_once: int
    """Trials that fit onto this machine's cores, or into the plan."""
    disk_bytes: int
    """Rough need of the whole study."""
    kept_bytes: int
    """Of it, trained weights that stay (``keep``)."""
    fallen: tuple[str, ...]
    """What the study's file sets and an override left without a use, in sentences."""
    warnings: dict[str, list[str]]
    """What data, design and older results make doubtful -> arms that it concerns."""
    claims: list[str]
    """The declared claims, each with the smallest p within its reach."""
    reach: dict[str, float]
    """Comparisons, pairs of seeds, the smallest p within reach, and how many seeds would be enough."""
    looks: dict[str, Any] | None
    """Where seeds are added to what is undecided: ``at`` (seeds at each look), ``may_spend`` (chance of a wrong verdict
    up to each), ``made, decided, of`` (looks so far; comparisons, or claims), and the price if all that is undecided
    now is decided at once, or stays so: ``trials_at_least, trials_at_most`` and, for those that are missing, with
    calibration ``core_seconds_at_least, core_seconds_at_most``; None where the number of seeds is fixed."""
    detectable: list[dict[str, Any]]
    """Per comparison whose spread is known: ``arm, baseline, known_pairs, planned_pairs, detectable`` (the difference
    that is found in 80 % of studies), ``half_needs_seeds`` (for half of it), ``half_core_seconds`` (of the
    trials that so many seeds add to the plan; None where no time is known), and the same two for ``difference``."""
    seed_seconds: float | None
    """The same on this machine, if its cores are idle."""
    difference: float | None
    """The difference that was asked for, in the metric's unit."""
    seed_core_seconds: float | None
    """Time of one core for a whole seed, one trial of each arm with what it begins with; None where it is not known."""
    facts: dict[str, Any]
    """Facts of the data that all arms share: usually all, as they share their data."""
    facts_of_arms: list[dict[str, Any]]
    """The other ``facts``, once for those ``arms`` that have the same."""
    bounds: dict[str, float]
    """Metric -> what the true distribution reaches, where all arms share it."""
    chance: dict[str, float]
    """Metric -> what one reaches who ignores the input, where all arms share it."""
    core_seconds: float | None
    """Time of one core for what is missing; None without calibration."""
    seconds: float | None
    """Time for what is missing on this machine, if its cores are idle; None without calibration."""
    arms: pl.DataFrame
    """Per arm: what it is compared with where that differs, what it begins with if anything, size, steps, trials, how
    many of them are done."""
    prepared: pl.DataFrame
    """The same of what arms begin with that is no arm; missing are those that are needed."""
    tuning: pl.DataFrame
    """Per arm that is tuned: its draws and tuning seeds, its trials of the phase ``tune``, the draw that was chosen.
    Draws that came out the same share their trials."""
    trials: pl.DataFrame
    """Per trial: id, arm, seed, phase, parameters, whether it has a result."""

    @property
    def count(self) -> str:
        """How many trials there are, how many are done, and how many are missing."""
        packs = f" ({self.from_packs} of them from packs)" if self.from_packs else ""
        count = f"{self.planned} trials, {self.done} done{packs}, {self.missing} missing"
        if self.preparations:
            prepared = f"{self.preparations_done} done, {self.preparations_missing} missing"
            count += f", and {self.preparations} that others begin with, {prepared}"
        if self.tune_trials:
            tuning = f"{self.tune_done} done, {self.tune_missing} missing"
            count += f", and {self.tune_trials} that tune their settings, {tuning}"
        return count

    def __repr__(self) -> str:
        lines = [
            f"{self.study}: {self.question}",
            f"task {self.task}, decided by {self.metric}",
            *(f"warning: {warning}" for warning in self.warnings),
            f"{self.count}; in {self.results}",
            str(self.arms),
        ]
        return "\n".join(lines)


def look_ahead(
    prepared: Prepared,
    results: Path | None,
    *,
    packs: Sequence[str] = (),
    pilot: Path | None = None,
    difference: float | None = None,
    calibrate: bool = False,
) -> Overview:
    """Say what a prepared study comes to; nothing is run but, to calibrate, a few steps of each arm.

    Args:
        prepared: the study with its plan.
        results: the results folder; None for the study's own in the project.
        packs: whose trials count as done, each a file or the name of a study beside which one lies.
        pilot: results folder whose spread tells what this study can detect; None for its own.
        difference: of which is asked how many seeds it takes, in the metric's unit.
        calibrate: whether to measure how long a trial takes.

    Raises:
        UserError: the results folder or the pilot is none, the difference is not above 0, or an arm cannot be trained.
    """
    import polars as pl

    from unroll.evidence import reach
    from unroll.ledger import Ledger
    from unroll.reporting.prose.plan import claim_reach_sentences
    from unroll.study.plan import warned_arms
    from unroll.workflow.taking_over import find_offers, read_packs
    from unroll.workflow.warnings import changed_sentence, warnings

    if difference is not None and not 0 < difference < math.inf:
        raise UserError(
            "a difference that is to be found must be above 0", where="difference", received=f"{difference:g}"
        )
    folder = results_folder(prepared.plan.study, results)
    prepared = prepared.known(Ledger(folder))
    plan, cpus = prepared.plan, prepared.study.resources.cpus
    ledger, seconds = Ledger(folder), _seconds_per_trial(prepared) if calibrate else {}
    known = ledger if pilot is None else Ledger.open(pilot)
    offers = find_offers(plan, ledger, read, choice="keep") if (read := read_packs(packs)) else []
    done, packed = _finished(plan, ledger, offers)
    doubts = [
        *warnings(plan, ledger, "plan"),
        *(changed_sentence(plan, offer.changed, "see --if-changed") for offer in offers if offer.changed),
    ]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    at_once = max(1, min(math.floor(cores / cpus), max(len(plan.trials), len(plan.tune_trials))))
    rows, reached = [_arm_row(arm, plan, done, seconds) for arm in plan.arms], reach(plan)
    prepared_rows = [_prepared_row(arm, plan, done, seconds) for arm in plan.prepared]
    tuning_rows = [_tuning_row(arm, plan, done, seconds) for arm in plan.arms if arm.tuning is not None]
    every_row = (*rows, *prepared_rows, *tuning_rows)
    work = sum(row["missing"] * row["seconds_per_trial"] for row in every_row) if calibrate else None
    names = [arm.name for arm in plan.arms]
    monitored = {trial.arm: trial.monitor for trial in plan.trials if trial.monitor}
    columns = ("trial", "arm", "seed", "phase", "parameters", "done")
    return Overview(
        study=plan.study,
        question=plan.question,
        task=plan.task,
        metric=plan.metric,
        monitored=next(iter(monitored.values()), None),
        monitored_by=list(monitored),
        results=folder,
        planned=len(plan.trials),
        from_packs=sum(trial.id in packed for trial in plan.trials),
        preparations=len(plan.preparations),
        tune_trials=len(plan.tune_trials),
        **_ended("", rows),
        **_ended("preparations_", prepared_rows),
        **_ended("tune_", tuning_rows),
        controls=[arm.name for arm in plan.arms if arm.control],
        at_once=at_once,
        disk_bytes=_disk_bytes(prepared, at_once),
        kept_bytes=_kept_bytes(prepared),
        fallen=plan.fallen,
        warnings=warned_arms(plan) | dict.fromkeys(doubts, names),
        claims=list(claim_reach_sentences(plan)),
        reach={name: getattr(reached, name) for name in ("comparisons", "pairs", "smallest_p", "enough_seeds")},
        looks=_looks(plan, ledger, seconds, work, cpus),
        detectable=_detectable(plan, known, cpus, difference),
        difference=difference,
        seed_core_seconds=(of_seed := _seed_core_seconds(plan, seconds or _known_seconds(known), cpus)),
        seed_seconds=None if of_seed is None else of_seed / cpus / at_once,
        **_facts(plan),
        bounds=_shared([arm.bounds for arm in plan.arms]),
        chance=_shared([arm.chance for arm in plan.arms]),
        core_seconds=None if work is None else work * cpus,
        seconds=None if work is None else work / at_once,
        arms=pl.DataFrame(rows, infer_schema_length=None),
        prepared=pl.DataFrame(prepared_rows, infer_schema_length=None),
        tuning=pl.DataFrame(tuning_rows, infer_schema_length=None),
        trials=pl.DataFrame(
            [(t.id, t.arm, t.seed, t.phase, t.parameters, t.id in done) for t in (*plan.tune_trials, *plan.trials)],
            columns,
            orient="row",
        ),
    )


def _ended(kind: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of the rows of one kind of trials, how many are done and how many are missing."""
    return {f"{kind}{name}": sum(row[name] for row in rows) for name in ("done", "missing")}


def _facts(plan: Plan) -> dict[str, Any]:
    """See :attr:`Overview.facts` and :attr:`Overview.facts_of_arms`."""
    facts = _shared([arm.facts for arm in plan.arms])
    own = [{key: value for key, value in arm.facts.items() if key not in facts} for arm in plan.arms]
    groups = [
        {"arms": [arm.name for arm, other in zip(plan.arms, own, strict=True) if other == each], "facts": each}
        for number, each in enumerate(own)
        if each and each not in own[:number]
    ]
    return {"facts": facts, "facts_of_arms": groups}


def _finished(plan: Plan, ledger: Ledger, offers: Sequence[Offer]) -> tuple[set[str], set[str]]:
    """Trials that count as done, here or in packs that are offered; and those of them that a pack brought or has."""
    offered = {trial for offer in offers for trial in offer.trials}
    here = finished_trials(ledger.root, plan)
    came = {trial.id for _, trials in ledger.taken_over(plan) for trial in trials}
    return here | offered, came & here | offered


def _known_seconds(known: Ledger) -> dict[str, float]:
    """Arm, or what arms begin with -> the median time of its completed trials."""
    from unroll.execution import trial_seconds

    if not known.has_plan():
        return {}
    return {
        arm: median(taken) for (arm, phase), taken in trial_seconds(known.plan(), known).items() if phase == "confirm"
    }


def _seed_core_seconds(plan: Plan, seconds: Mapping[str, float], cpus: float) -> float | None:
    """See :attr:`Overview.seed_core_seconds`; an arm that has one trial for all seeds is none of a further one."""
    counts = Counter(trial.arm for trial in (*plan.preparations, *plan.trials))
    whole = [arm for arm, count in counts.items() if count == max(counts.values())]
    return cpus * sum(seconds[arm] for arm in whole) if all(arm in seconds for arm in whole) else None


def _looks(
    plan: Plan, ledger: Ledger, seconds: Mapping[str, float], work: float | None, cpus: float
) -> dict[str, Any] | None:
    """See :attr:`Overview.looks`; what is asked for now is counted in ``plan``, the rest is its reserve."""
    from unroll.evidence import LEVEL, spent_levels
    from unroll.workflow.looks import look, still_possible

    if plan.looks is None:
        return None
    found = look(plan, ledger)
    possible = still_possible(plan, found)
    told = {
        "at": plan.looks.at,
        "may_spend": spent_levels(plan.looks.at, plan.looks.spending, LEVEL),
        "made": found.made,
        "decided": found.decided,
        "of": found.of,
        "trials_at_least": len(plan.trials),
        "trials_at_most": len(plan.trials) + len(possible),
    }
    if work is not None:
        more = sum(seconds[trial.arm] for trial in possible if trial.arm in seconds)
        told |= {"core_seconds_at_least": work * cpus, "core_seconds_at_most": (work + more) * cpus}
    return told


def _detectable(plan: Plan, known: Ledger, cpus: float, difference: float | None) -> list[dict[str, Any]]:
    """See :attr:`Overview.detectable`; of a pilot those arms count that the plan has by the same names."""
    import polars as pl

    from unroll.evidence import detectable_differences

    if not known.has_plan():
        return []
    seeds: dict[str, set[int]] = {arm.name: set() for arm in plan.arms}
    for trial in (*plan.trials, *plan.reserve):
        if trial.phase == "confirm" and trial.arm in seeds:
            seeds[trial.arm].add(trial.seed)
    names = {name for pair in plan.baselines.items() for name in pair}
    planned = {arm: len(seeds[arm] & seeds[other]) for arm, other in plan.baselines.items() if arm != other}
    trials = known.trials_frame(known.plan()).filter(pl.col("arm").is_in(list(names)), pl.col("phase") == "confirm")
    if plan.metric not in trials.columns or trials.is_empty():
        return []
    metric, baselines = plan.metrics[plan.metric], {arm: plan.baselines[arm] for arm in trials["arm"].unique()}
    found = detectable_differences(
        trials,
        plan.metric,
        baselines=baselines,
        planned=planned,
        direction=metric.direction,
        scale=metric.scale,
        difference=difference,
    ).to_dicts()
    cost = dict(trials.drop_nulls("seconds").group_by("arm").agg(pl.col("seconds").median()).iter_rows())
    for row in found:
        for name in ("half", "difference"):
            row[f"{name}_core_seconds"] = None
            if (seeds := row[f"{name}_needs_seeds"]) is not None and len(cost) == len(plan.arms):
                row[f"{name}_core_seconds"] = max(0, seeds - row["planned_pairs"]) * cpus * sum(cost.values())
    return found


def finished_trials(folder: Path, plan: Plan) -> set[str]:
    """Ids of the plan's trials and preparations that have a result in a folder, which need not exist yet."""
    from unroll.ledger import FINAL, Ledger

    ledger = Ledger(folder)
    ledger.check_place()
    outcomes = ledger.outcomes([trial.id for trial in plan.every_trial])
    return {id for id, outcome in outcomes.items() if outcome.status in FINAL}  # noqa: A001


def _shared(mappings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all mappings have in common."""
    first = dict(mappings[0])
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in mappings)}


def _arm_row(arm: Arm, plan: Plan, done: set[str], seconds: Mapping[str, float]) -> dict[str, Any]:
    trials, baselines = [trial.id for trial in plan.trials if trial.arm == arm.name], plan.baselines
    row: dict[str, Any] = {"arm": arm.name}
    if len(set(baselines.values())) > 1:
        row["against"] = None if baselines[arm.name] == arm.name else baselines[arm.name]
    if any(other.warm_start for other in plan.arms):
        row["begins_with"] = arm.warm_start
    row["parameters"] = arm.parameters
    if any(other.tested_parameters is not None for other in plan.arms):
        row["tested"] = arm.size
    if any(other.partly_trained for other in plan.arms):
        row["trained"] = arm.trained_parameters
    if arm.target_parameters is not None:
        row |= {"target": arm.target_parameters, "mismatch": arm.mismatch}
    row |= {"steps": arm.steps, "trials": len(trials), "done": len(done & set(trials))}
    row["missing"] = row["trials"] - row["done"]
    if arm.name in seconds:
        row["seconds_per_trial"] = seconds[arm.name]
    return row


def _prepared_row(arm: Arm, plan: Plan, done: set[str], seconds: Mapping[str, float]) -> dict[str, Any]:
    trials = {trial.id for trial in plan.preparations if trial.arm == arm.name}
    row: dict[str, Any] = {
        "prepared": arm.name,
        "for": ", ".join(other.name for other in plan.every_arm if other.warm_start == arm.name),
        **({"begins_with": arm.warm_start} if any(other.warm_start for other in plan.prepared) else {}),
        "parameters": arm.parameters,
        "steps": arm.steps,
        "trials": len(trials),
        "done": len(done & trials),
        "missing": len(trials & {trial.id for trial in plan.needed(done)}),
    }
    return row | ({"seconds_per_trial": seconds[arm.name]} if arm.name in seconds else {})


def _tuning_row(arm: Arm, plan: Plan, done: set[str], seconds: Mapping[str, float]) -> dict[str, Any]:
    trials = {trial for draw in arm.draws for trial in draw}
    row: dict[str, Any] = {
        "tuned": arm.name,
        "draws": len(arm.draws),
        "seeds": len(plan.tuning.seeds) if plan.tuning else 0,
        "trials": len(trials),
        "done": len(done & trials),
        "missing": len(trials - done) if arm.draw is None else 0,
        "chosen": arm.draw,
    }
    return row | ({"seconds_per_trial": seconds[arm.name]} if arm.name in seconds else {})


def _seconds_per_trial(prepared: Prepared) -> Mapping[str, float]:
    from unroll.execution.calibration import calibrate

    return calibrate(prepared.jobs)


def _disk_bytes(prepared: Prepared, at_once: int) -> int:
    """Records, scores of test examples, logs and weights stay, checkpoints only while a trial runs."""
    arms = {arm.name: arm for arm in prepared.plan.every_arm}
    count = Counter(trial.arm for trial in prepared.plan.every_trial)
    metrics = len(prepared.plan.metrics) + 2
    rows = sum(n * (arms[name].steps or 0) for name, n in count.items()) // prepared.study.log_every_steps * metrics
    best = prepared.study.keep == "best"
    state = at_once * max(arm.parameters * (STATES + (arm.selects or best)) for arm in arms.values()) * STATE_BYTES
    scores = sum(arms[trial.arm].score_bytes for trial in prepared.plan.every_trial if trial.phase == "confirm")
    records = REPORT_BYTES + count.total() * TRIAL_BYTES + rows * ROW_BYTES + scores
    return records + state + _kept_bytes(prepared)


def _kept_bytes(prepared: Prepared) -> int:
    return sum(job.trial.parameters for job in prepared.jobs if job.keep != "none") * WEIGHT_BYTES
