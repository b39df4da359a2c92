"""``unroll plan``: what a study comes to, before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli._options import FormatOption, OverridesArgument, ResultsOption, StudyArgument
from unroll.cli._output import Format, emit, emit_json, figure, say, shown, size, visible
from unroll.report.numbers import duration

if TYPE_CHECKING:
    from unroll.workflow.overview import Overview

REACH = ("comparisons", "pairs", "smallest_p", "enough_seeds")


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
    from unroll.workflow.overview import look_ahead
    from unroll.workflow.prepare import prepare

    overview = look_ahead(prepare(study, overrides), results, calibrate=calibrate)
    if format is Format.JSON:
        emit_json(_as_json(overview))
    elif format is Format.CSV:
        emit(overview.arm_rows, format)
    else:
        _print(overview)


def _as_json(overview: Overview) -> dict[str, Any]:
    plan = overview.plan
    timed = {"core_seconds": overview.core_seconds, "seconds": overview.seconds} if overview.seconds is not None else {}
    return {
        "study": plan.study,
        "question": plan.question,
        "task": plan.task,
        "metric": plan.metric,
        "monitored": overview.monitored,
        "monitored_by": overview.monitored_by,
        "results": shown(overview.folder),
        "planned": len(plan.trials),
        "done": overview.done,
        "missing": overview.missing,
        "at_once": overview.at_once,
        "disk_bytes": overview.disk_bytes,
        "fallen": plan.fallen,
        "warnings": overview.warnings,
        "reach": {
            name: getattr(overview.reach, name) for name in ("comparisons", "pairs", "smallest_p", "enough_seeds")
        },
        "facts": overview.facts,
        "facts_of_arms": overview.facts_of_arms,
        "bounds": overview.bounds,
        "chance": overview.chance,
        **timed,
        "arms": overview.arm_rows,
        "trials": overview.trial_rows,
    }


def _print(overview: Overview) -> None:
    plan = overview.plan
    better = "lower" if plan.metrics[plan.metric].direction == "minimize" else "higher"
    say(visible(f"{plan.study}: {plan.question}"))
    say(visible(f"task {plan.task}, decided by {plan.metric} ({better} is better)"))
    if overview.monitored:
        arms = overview.monitored_by
        whose = "" if len(arms) == len(plan.arms) else f" ({', '.join(arms)})"
        say(visible(f"{overview.monitored} selects the tested state or ends training early{whose}"))
    say(*map(visible, plan.fallen))
    for warning, arms in overview.warnings.items():
        say(visible(f"warning: {warning}" if len(arms) == len(plan.arms) else f"warning, {', '.join(arms)}: {warning}"))
    if overview.facts:
        say(visible(f"data: {_listed(overview.facts)}"))
    for group in overview.facts_of_arms:
        say(visible(f"data of {', '.join(group['arms'])}: {_listed(group['facts'])}"))
    for metric, value in overview.bounds.items():
        say(visible(f"{metric} of the true distribution, the best possible in expectation: {figure(value)}"))
    for metric, value in overview.chance.items():
        say(visible(f"{metric} at chance, of one who ignores the input: {figure(value)}"))
    emit([_readable(row) for row in overview.arm_rows], Format.TABLE)
    say(
        f"{len(plan.trials)} trials, {overview.done} done, {overview.missing} missing; "
        f"about {size(overview.disk_bytes)} in {shown(overview.folder)}"
    )
    if overview.seconds is not None:
        plural = "trials" if overview.at_once > 1 else "trial"
        say(
            f"about {duration(overview.seconds)} on this machine, {overview.at_once} {plural} at a time, "
            "if its cores are idle; starting Ray comes on top"
        )


def _listed(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {figure(value)}" for key, value in facts.items())


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """A row as people read it."""
    readable = row | ({"mismatch": f"{row['mismatch']:+.3%}"} if "mismatch" in row else {})
    readable |= {"against": row["against"] or "(baseline)"} if "against" in row else {}
    return {name.replace("_", " "): value for name, value in readable.items()}
