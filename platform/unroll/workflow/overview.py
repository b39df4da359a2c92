"""What a study comes to before anything is spent: arms, trials, what is done, disk, time, and what is doubtful."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unroll.workflow.places import results_folder

if TYPE_CHECKING:
    import polars as pl

    from unroll.evidence import Reach
    from unroll.study import Arm, Plan
    from unroll.workflow.prepare import Prepared

TRIAL_BYTES = 50_000
"""Records and W&B run of one trial, before anything is logged; most of it is folders. Measured on the quickstart."""
ROW_BYTES = 300
"""One logged value, in the ledger and in the W&B log. Measured on the quickstart."""
REPORT_BYTES = 1_300_000
"""The report; most of it is the charts' JavaScript."""
STATE_BYTES = 2 * 3 * 4
"""Per parameter of a running trial: two checkpoints of weights and Adam's two moments, in float32."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, repr=False)
class Overview:
    """What a study comes to."""

    plan: Plan = field(compare=False)
    folder: Path
    """The results folder, which need not exist yet."""
    arm_rows: Rows
    """Per arm: what it is compared with where that differs, size, steps, trials, how many of them are done."""
    trial_rows: Rows
    """Per trial: id, arm, seed, phase, parameters, whether it has a result."""
    at_once: int
    """Trials that fit onto this machine's cores, or into the plan."""
    disk_bytes: int
    """Rough need of the whole study."""
    warnings: Mapping[str, list[str]]
    """What data, design and older results make doubtful -> arms that it concerns."""
    reach: Reach
    """What the planned seeds can decide."""
    core_seconds: float | None = None
    """Time of one core for what is missing; None without calibration."""
    seconds: float | None = None
    """Time for what is missing on this machine, if its cores are idle; None without calibration."""

    @property
    def arms(self) -> pl.DataFrame:
        """:attr:`arm_rows` as a frame."""
        return _frame(self.arm_rows)

    @property
    def trials(self) -> pl.DataFrame:
        """:attr:`trial_rows` as a frame."""
        return _frame(self.trial_rows)

    @property
    def done(self) -> int:
        """Trials of the plan that have a result."""
        return sum(row["done"] for row in self.arm_rows)

    @property
    def missing(self) -> int:
        """Trials of the plan that are still to be run."""
        return len(self.trial_rows) - self.done

    @property
    def monitored(self) -> str | None:
        """The metric that selects the tested state or ends training early, where any arm has one."""
        return next((trial.monitor for trial in self.plan.trials if trial.monitor), None)

    @property
    def monitored_by(self) -> list[str]:
        """Arms for which it does."""
        return list(dict.fromkeys(trial.arm for trial in self.plan.trials if trial.monitor))

    @property
    def facts(self) -> dict[str, Any]:
        """Facts of the data that all arms share: usually all, as they share their data."""
        return _shared([arm.facts for arm in self.plan.arms])

    @property
    def bounds(self) -> dict[str, float]:
        """Metric -> what the true distribution reaches on the data that all arms share."""
        return _shared([arm.bounds for arm in self.plan.arms])

    @property
    def chance(self) -> dict[str, float]:
        """Metric -> what one reaches on these data who ignores the input."""
        return _shared([arm.chance for arm in self.plan.arms])

    @property
    def facts_of_arms(self) -> list[dict[str, Any]]:
        """The other facts (``facts``), once for those ``arms`` that have the same."""
        common, groups = self.facts, list[dict[str, Any]]()
        for arm in self.plan.arms:
            own = {key: value for key, value in arm.facts.items() if key not in common}
            group = next((group for group in groups if group["facts"] == own), None)
            if group:
                group["arms"].append(arm.name)
            elif own:
                groups.append({"arms": [arm.name], "facts": own})
        return groups

    def __repr__(self) -> str:
        plan = self.plan
        lines = [
            f"{plan.study}: {plan.question}",
            f"task {plan.task}, decided by {plan.metric}",
            *(f"warning: {warning}" for warning in self.warnings),
            f"{len(plan.trials)} trials, {self.done} done, {self.missing} missing; in {self.folder}",
            str(self.arms),
        ]
        return "\n".join(lines)


def look_ahead(prepared: Prepared, results: Path | None, *, calibrate: bool = False) -> Overview:
    """Say what a prepared study comes to; nothing is run but, to calibrate, a few steps of each arm.

    Args:
        prepared: the study with its plan.
        results: the results folder; None for the study's own in the project.
        calibrate: whether to measure how long a trial takes.

    Raises:
        UserError: the results folder is none, or an arm cannot be trained.
    """
    from unroll.evidence import reach

    plan, folder = prepared.plan, results_folder(prepared.plan.study, results)
    done = finished_trials(folder, plan)
    seconds = _seconds_per_trial(prepared) if calibrate else {}
    rows = [_arm_row(arm, plan, done, seconds) for arm in plan.arms]
    at_once = _trials_at_once(prepared)
    work = sum(row["missing"] * row["seconds_per_trial"] for row in rows) if calibrate else None
    return Overview(
        plan=plan,
        folder=folder,
        arm_rows=rows,
        trial_rows=[
            {
                "trial": trial.id,
                "arm": trial.arm,
                "seed": trial.seed,
                "phase": trial.phase,
                "parameters": trial.parameters,
                "done": trial.id in done,
            }
            for trial in plan.trials
        ],
        at_once=at_once,
        disk_bytes=_disk_bytes(prepared, at_once),
        warnings=_warnings(plan, folder),
        reach=reach(plan),
        core_seconds=None if work is None else work * prepared.study.resources.cpus,
        seconds=None if work is None else work / at_once,
    )


def finished_trials(folder: Path, plan: Plan) -> set[str]:
    """Ids of the plan's trials that have a result in a results folder, which need not exist yet."""
    from unroll.ledger import FINAL, Ledger

    ledger = Ledger(folder)
    ledger.check_place()
    outcomes = ledger.outcomes([trial.id for trial in plan.trials])
    return {id for id, outcome in outcomes.items() if outcome.status in FINAL}  # noqa: A001


def _shared(mappings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all mappings have in common."""
    first = dict(mappings[0])
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in mappings)}


def _frame(rows: Rows) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(rows, infer_schema_length=None)


def _arm_row(arm: Arm, plan: Plan, done: set[str], seconds: Mapping[str, float]) -> dict[str, Any]:
    trials, baselines = [trial.id for trial in plan.trials if trial.arm == arm.name], plan.baselines
    row: dict[str, Any] = {"arm": arm.name}
    if len(set(baselines.values())) > 1:
        row["against"] = None if baselines[arm.name] == arm.name else baselines[arm.name]
    row["parameters"] = arm.parameters
    if any(other.partly_trained for other in plan.arms):
        row["trained"] = arm.trained_parameters
    if arm.target_parameters is not None:
        row |= {"target": arm.target_parameters, "mismatch": arm.parameters / arm.target_parameters - 1}
    row |= {"steps": arm.steps, "trials": len(trials), "done": len(done & set(trials))}
    row["missing"] = row["trials"] - row["done"]
    if arm.name in seconds:
        row["seconds_per_trial"] = seconds[arm.name]
    return row


def _warnings(plan: Plan, folder: Path) -> dict[str, list[str]]:
    from unroll.ledger import Ledger, describe_changed
    from unroll.report.prose.plan import reach_sentence, twin_sentences
    from unroll.study.plan import warned_arms

    changed = Ledger(folder).changed(plan)
    older = f"source files were changed since: {describe_changed(plan, changed)}; see --if-changed" if changed else ""
    of_all = filter(None, [*twin_sentences(plan), reach_sentence(plan), older])
    return warned_arms(plan) | {warning: [arm.name for arm in plan.arms] for warning in of_all}


def _seconds_per_trial(prepared: Prepared) -> Mapping[str, float]:
    from unroll.execution.calibration import calibrate

    return calibrate(prepared.jobs)


def _trials_at_once(prepared: Prepared) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(math.floor(cores / prepared.study.resources.cpus), len(prepared.plan.trials)))


def _disk_bytes(prepared: Prepared, at_once: int) -> int:
    """Records and logs stay, checkpoints only while a trial runs."""
    arms = {arm.name: arm for arm in prepared.plan.arms}
    count = Counter(trial.arm for trial in prepared.plan.trials)
    metrics = len(prepared.plan.metrics) + 2
    rows = sum(n * (arms[name].steps or 0) for name, n in count.items()) // prepared.study.log_every_steps * metrics
    state = at_once * max(arm.parameters for arm in arms.values()) * STATE_BYTES
    return REPORT_BYTES + len(prepared.plan.trials) * TRIAL_BYTES + rows * ROW_BYTES + state
