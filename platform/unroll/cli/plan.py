"""``unroll plan``: what a study comes to, before anything is spent."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli._options import FormatOption, OverridesArgument, ResultsOption, StudyArgument
from unroll.cli._output import Format, emit, emit_json, figure, say, shown, size, visible
from unroll.report.numbers import duration
from unroll.workflow.places import results_folder

if TYPE_CHECKING:
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


def plan(
    study: StudyArgument,
    overrides: OverridesArgument = None,
    results: ResultsOption = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Train a few steps of each arm to estimate the time.")
    ] = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  (the option's own name)
) -> None:
    """Show arms, trials, what is done, disk and (with --calibrate) time. Nothing is run, nothing recorded."""
    from unroll.workflow.prepare import prepare

    prepared = prepare(study, overrides)
    folder = results_folder(prepared.plan.study, results)
    done = finished_trials(folder, prepared.plan)
    seconds = _seconds_per_trial(prepared) if calibrate else {}
    rows = [_arm_row(arm, prepared.plan, done, seconds) for arm in prepared.plan.arms]
    overview = _overview(prepared, folder, rows)
    if format is Format.JSON:
        emit_json(overview | {"arms": rows, "trials": _trial_rows(prepared.plan, done)})
    elif format is Format.CSV:
        emit(rows, format)
    else:
        _tell(prepared.plan, overview, rows)


def finished_trials(folder: Path, plan: Plan) -> set[str]:
    """Ids of the plan's trials that have a result in a results folder, which need not exist yet."""
    from unroll.ledger import FINAL, Ledger

    ledger = Ledger(folder)
    ledger.check_place()
    outcomes = ledger.outcomes([trial.id for trial in plan.trials])
    return {id for id, outcome in outcomes.items() if outcome.status in FINAL}  # noqa: A001


def _arm_row(arm: Arm, plan: Plan, done: set[str], seconds: dict[str, float]) -> dict[str, Any]:
    trials = [trial.id for trial in plan.trials if trial.arm == arm.name]
    row: dict[str, Any] = {"arm": arm.name, **_against(arm.name, plan), "parameters": arm.parameters}
    if any(other.partly_trained for other in plan.arms):
        row["trained"] = arm.trained_parameters
    if arm.target_parameters is not None:
        row |= {"target": arm.target_parameters, "mismatch": arm.parameters / arm.target_parameters - 1}
    row |= {"steps": arm.steps, "trials": len(trials), "done": len(done & set(trials))}
    row["missing"] = row["trials"] - row["done"]
    if arm.name in seconds:
        row["seconds_per_trial"] = seconds[arm.name]
    return row


def _against(arm: str, plan: Plan) -> dict[str, str | None]:
    """What an arm is compared with, where that is not the same for all; nothing for a baseline."""
    baselines = plan.baselines
    several = len(set(baselines.values())) > 1
    return {"against": None if baselines[arm] == arm else baselines[arm]} if several else {}


def _trial_rows(plan: Plan, done: set[str]) -> list[dict[str, Any]]:
    return [
        {
            "trial": t.id,
            "arm": t.arm,
            "seed": t.seed,
            "phase": t.phase,
            "parameters": t.parameters,
            "done": t.id in done,
        }
        for t in plan.trials
    ]


def _overview(prepared: Prepared, folder: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    from unroll.evidence import reach

    plan = prepared.plan
    at_once, reached = _trials_at_once(prepared), reach(plan)
    overview: dict[str, Any] = {
        "study": plan.study,
        "question": plan.question,
        "task": plan.task,
        "metric": plan.metric,
        "monitored": next((trial.monitor for trial in plan.trials if trial.monitor), None),
        "monitored_by": list(dict.fromkeys(trial.arm for trial in plan.trials if trial.monitor)),
        "results": shown(folder),
        "planned": len(plan.trials),
        "done": sum(row["done"] for row in rows),
        "missing": sum(row["missing"] for row in rows),
        "at_once": at_once,
        "disk_bytes": _disk_bytes(prepared, at_once),
        "fallen": plan.fallen,
        "warnings": _warnings(plan, folder),
        "reach": {name: getattr(reached, name) for name in ("comparisons", "pairs", "smallest_p", "enough_seeds")},
        "facts": _shared([arm.facts for arm in plan.arms]),
        "facts_of_arms": _own_facts(plan.arms),
        "bounds": _shared([arm.bounds for arm in plan.arms]),
        "chance": _shared([arm.chance for arm in plan.arms]),
    }
    if all("seconds_per_trial" in row for row in rows):
        work = sum(row["missing"] * row["seconds_per_trial"] for row in rows)
        overview |= {"core_seconds": work * prepared.study.resources.cpus, "seconds": work / at_once}
    return overview


def _warnings(plan: Plan, folder: Path) -> dict[str, list[str]]:
    """What data, design and older results make doubtful, with the arms that it concerns."""
    from unroll.ledger import Ledger, describe_changed
    from unroll.report.prose.reach import reach_sentence
    from unroll.report.prose.twins import twin_sentences
    from unroll.study.plan import warned_arms

    changed = Ledger(folder).changed(plan)
    older = f"source files were changed since: {describe_changed(plan, changed)}; see --if-changed" if changed else ""
    of_all = filter(None, [*twin_sentences(plan), reach_sentence(plan), older])
    return warned_arms(plan) | {warning: [arm.name for arm in plan.arms] for warning in of_all}


def _shared(mappings: list[Any]) -> dict[str, Any]:
    """What all arms have in common: usually everything, as they share their data."""
    first = dict(mappings[0])
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in mappings)}


def _own_facts(arms: Sequence[Arm]) -> list[dict[str, Any]]:
    """What arms do not have in common with all others, told once for those that have the same."""
    shared, groups = _shared([arm.facts for arm in arms]), list[dict[str, Any]]()
    for arm in arms:
        own = {key: value for key, value in arm.facts.items() if key not in shared}
        group = next((group for group in groups if group["facts"] == own), None)
        if group:
            group["arms"].append(arm.name)
        elif own:
            groups.append({"arms": [arm.name], "facts": own})
    return groups


def _trials_at_once(prepared: Prepared) -> int:
    """How many trials fit onto this machine's cores, or into the plan."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(math.floor(cores / prepared.study.resources.cpus), len(prepared.plan.trials)))


def _disk_bytes(prepared: Prepared, at_once: int) -> int:
    """Rough need of the whole study: records and logs stay, checkpoints only while a trial runs."""
    arms = {arm.name: arm for arm in prepared.plan.arms}
    count = Counter(trial.arm for trial in prepared.plan.trials)
    metrics = len(prepared.plan.metrics) + 2
    rows = sum(n * (arms[name].steps or 0) for name, n in count.items()) // prepared.study.log_every_steps * metrics
    state = at_once * max(arm.parameters for arm in arms.values()) * STATE_BYTES
    return REPORT_BYTES + len(prepared.plan.trials) * TRIAL_BYTES + rows * ROW_BYTES + state


def _seconds_per_trial(prepared: Prepared) -> dict[str, float]:
    from unroll.execution.calibration import calibrate

    return calibrate(prepared.jobs)


def _tell(plan: Plan, overview: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    better = "lower" if plan.metrics[plan.metric].direction == "minimize" else "higher"
    say(visible(f"{plan.study}: {plan.question}"))
    say(visible(f"task {plan.task}, decided by {plan.metric} ({better} is better)"))
    if overview["monitored"]:
        arms = overview["monitored_by"]
        whose = "" if len(arms) == len(plan.arms) else f" ({', '.join(arms)})"
        say(visible(f"{overview['monitored']} selects the tested state or ends training early{whose}"))
    say(*map(visible, plan.fallen))
    for warning, arms in overview["warnings"].items():
        say(visible(f"warning: {warning}" if len(arms) == len(plan.arms) else f"warning, {', '.join(arms)}: {warning}"))
    if overview["facts"]:
        say(visible(f"data: {_listed(overview['facts'])}"))
    for group in overview["facts_of_arms"]:
        say(visible(f"data of {', '.join(group['arms'])}: {_listed(group['facts'])}"))
    for metric, value in overview["bounds"].items():
        say(visible(f"{metric} of the true distribution, the best possible in expectation: {figure(value)}"))
    for metric, value in overview["chance"].items():
        say(visible(f"{metric} at chance, of one who ignores the input: {figure(value)}"))
    emit([_spoken(row) for row in rows], Format.TABLE)
    say(
        f"{overview['planned']} trials, {overview['done']} done, {overview['missing']} missing; "
        f"about {size(overview['disk_bytes'])} in {overview['results']}"
    )
    if "seconds" in overview:
        plural = "trials" if overview["at_once"] > 1 else "trial"
        say(
            f"about {duration(overview['seconds'])} on this machine, {overview['at_once']} {plural} at a time, "
            "if its cores are idle; starting Ray comes on top"
        )


def _listed(facts: dict[str, Any]) -> str:
    return ", ".join(f"{key} {figure(value)}" for key, value in facts.items())


def _spoken(row: dict[str, Any]) -> dict[str, Any]:
    """A row as people read it."""
    spoken = row | ({"mismatch": f"{row['mismatch']:+.3%}"} if "mismatch" in row else {})
    spoken |= {"against": row["against"] or "(baseline)"} if "against" in row else {}
    return {name.replace("_", " "): value for name, value in spoken.items()}
