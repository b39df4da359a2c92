"""``unroll plan``: what a study comes to, before anything is spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli._options import FormatOption, FromOption, OverridesArgument, ResultsOption, StudyArgument
from unroll.cli._output import Format, format_bytes, print_json, print_lines, print_rows, shown
from unroll.reporting.numbers import DASH, duration
from unroll.terminal.text import format_value, visible

if TYPE_CHECKING:
    from unroll.workflow.overview import Overview


def plan(
    study: StudyArgument,
    overrides: OverridesArgument = None,
    results: ResultsOption = None,
    packs: FromOption = None,
    pilot: Annotated[
        str | None,
        typer.Option(
            "--pilot",
            metavar="RESULTS",
            show_default=False,
            help="Results that tell how much pairs vary, and so what this study can detect.  [default: its own]",
        ),
    ] = None,
    difference: Annotated[
        float | None,
        typer.Option(
            "--difference",
            metavar="X",
            show_default=False,
            help="An improvement worth finding, in the metric's unit: tells the seeds that find it in 80 % of studies.",
        ),
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Train a few steps of each arm to estimate the time.")
    ] = False,
    format: FormatOption = Format.TABLE,  # noqa: A002  (the option's own name)
) -> None:
    """Show arms, trials, what is done, disk and (with --calibrate) time. Nothing is run, nothing recorded."""
    from unroll.workflow.overview import look_ahead
    from unroll.workflow.places import find_results
    from unroll.workflow.prepare import prepare

    known = None if pilot is None else find_results(pilot)
    prepared = prepare(study, overrides)
    overview = look_ahead(prepared, results, packs=packs or (), pilot=known, difference=difference, calibrate=calibrate)
    if format is Format.JSON:
        whole = {field.name: getattr(overview, field.name) for field in fields(overview)}
        frames = {name: getattr(overview, name).to_dicts() for name in ("arms", "prepared", "tuning", "trials")}
        untimed = () if calibrate else ("core_seconds", "seconds")
        whole |= {"results": shown(overview.results), **frames}
        print_json({name: value for name, value in whole.items() if name not in untimed})
    elif format is Format.CSV:
        print_rows(overview.arms.to_dicts(), format)
    else:
        _print(
            overview,
            pilot=known is not None,
            better="lower" if prepared.plan.metrics[overview.metric].direction == "minimize" else "higher",
        )


def _print(overview: Overview, *, pilot: bool, better: str) -> None:
    print_lines(visible(f"{overview.study}: {overview.question}"))
    print_lines(visible(f"task {overview.task}, decided by {overview.metric} ({better} is better)"))
    if overview.monitored:
        arms = overview.monitored_by
        whose = "" if len(arms) == len(overview.arms) else f" ({'; '.join(arms)})"
        print_lines(visible(f"{overview.monitored} selects the tested state or ends training early{whose}"))
    print_lines(*map(visible, overview.claims))
    print_lines(*map(visible, overview.fallen))
    for warning, arms in overview.warnings.items():
        print_lines(
            visible(
                f"warning: {warning}" if len(arms) == len(overview.arms) else f"warning, {', '.join(arms)}: {warning}"
            )
        )
    if overview.facts:
        print_lines(visible(f"data: {_listed(overview.facts)}"))
    for group in overview.facts_of_arms:
        print_lines(visible(f"data of {', '.join(group['arms'])}: {_listed(group['facts'])}"))
    for metric, value in overview.bounds.items():
        print_lines(
            visible(f"{metric} of the true distribution, the best possible in expectation: {format_value(value)}")
        )
    for metric, value in overview.chance.items():
        print_lines(visible(f"{metric} at chance, of one who ignores the input: {format_value(value)}"))
    if overview.controls:
        print_lines(visible(f"added by itself, as the control of what is compared: {'; '.join(overview.controls)}"))
    for rows in (overview.arms.to_dicts(), overview.prepared.to_dicts(), overview.tuning.to_dicts()):
        print_rows([_readable(row) for row in rows], Format.TABLE)
    print_rows([_readable(_detectable(row, overview.difference)) for row in overview.detectable], Format.TABLE)
    if overview.detectable:
        print_lines(
            "detectable: the difference that is found in 80 % of studies, by the spread of the known pairs; half "
            "needs: seeds in all for half of it, and the time of one core for what is added"
        )
        if overview.difference is not None:
            print_lines(f"{overview.difference:g} needs: the same for a difference of {overview.difference:g}")
    elif overview.difference is not None:
        print_lines(
            "how many seeds a difference needs cannot be told: no three pairs of seeds of any comparison are known "
            "(--pilot RESULTS names other results)"
        )
    elif pilot:
        print_lines("the pilot has no three pairs of seeds of any comparison with this metric, and tells no spread")
    print_lines(
        f"{overview.count}; about {format_bytes(overview.disk_bytes)} in {shown(overview.results)}"
        + (f", {format_bytes(overview.kept_bytes)} of it trained weights that stay" if overview.kept_bytes else "")
    )
    if overview.looks is not None:
        print_lines(*_look_lines(overview.looks))
    if overview.seed_core_seconds:
        print_lines(
            f"a whole seed, a trial of each arm, takes about {duration(overview.seed_core_seconds)} of one core, "
            f"{duration(overview.seed_seconds)} on this machine"
        )
    if overview.seconds is not None:
        plural = "trials" if overview.at_once > 1 else "trial"
        print_lines(
            f"about {duration(overview.seconds)} on this machine, {overview.at_once} {plural} at a time, "
            "if its cores are idle; starting Ray comes on top"
        )


def _look_lines(looks: Mapping[str, Any]) -> Iterator[str]:
    spent = ", ".join(f"{share:.2g}" for share in looks["may_spend"])
    yield (
        f"looks at {', '.join(map(str, looks['at']))} seeds, up to which a wrong verdict has a chance of {spent}; "
        f"{looks['made']} made, {looks['decided']} of {looks['of']} decided"
    )
    price = [f"{looks['trials_at_least']} trials at least, {looks['trials_at_most']} at most"]
    if "core_seconds_at_most" in looks:
        least, most = (duration(looks[f"core_seconds_at_{end}"]) for end in ("least", "most"))
        price.append(f"{least} to {most} of one core for those that are missing")
    yield "; ".join(price)


def _listed(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {format_value(value)}" for key, value in facts.items())


def _detectable(row: dict[str, Any], wanted: float | None) -> dict[str, Any]:
    """A comparison's power as people read it, with the seeds that a difference takes which was asked for."""
    found = row["detectable"]
    asked = {} if wanted is None else {f"{wanted:g}_needs": _needs(row, "difference")}
    return {
        "arm": row["arm"],
        "against": row["baseline"],
        "known_pairs": row["known_pairs"],
        "planned_pairs": row["planned_pairs"],
        "detectable": "none" if found is None else f"{found:+.3g}",
        "half_needs": _needs(row, "half"),
        **asked,
    }


def _needs(row: dict[str, Any], name: str) -> str:
    seeds, seconds = row[f"{name}_needs_seeds"], row[f"{name}_core_seconds"]
    return DASH if seeds is None else f"{seeds} seeds" + (f", {duration(seconds)}" if seconds else "")


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """A row as people read it."""
    readable = row | ({"mismatch": f"{row['mismatch']:+.3%}"} if "mismatch" in row else {})
    readable |= {"against": row["against"] or "(baseline)"} if "against" in row else {}
    return {name.replace("_", " "): value for name, value in readable.items()}
