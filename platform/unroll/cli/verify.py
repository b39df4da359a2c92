"""``unroll verify``: run recorded trials again and compare."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli._options import ArmOption, FormatOption, SeedOption, complete_study
from unroll.cli._output import Format, print_json, print_lines, print_rows
from unroll.reporting.numbers import duration
from unroll.terminal.text import format_value, visible

if TYPE_CHECKING:
    from unroll.workflow.verifying import Again, Verdict

ALL_IDENTICAL, SOME_DIFFER = 0, 1


def verify(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="DIR|FILE",
            autocompletion=complete_study,
            show_default=False,
            help="A results folder, a study whose results lie in results/STUDY, or a pack.",
        ),
    ],
    trial: Annotated[
        str | None,
        typer.Argument(metavar="[TRIAL]", show_default=False, help="Id of a trial, or its beginning."),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", show_default=False, help="Where its data lie: data.path=FOLDER."),
    ] = None,
    arm: ArmOption = None,
    seed: SeedOption = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  (the option's own name)
) -> None:
    """Run recorded trials again, in a temporary place, and compare every number bit for bit.

    Without TRIAL and --arm one trial of each arm is run, the lowest seed that has a result; its price is told first.

    Exit codes: 0 all numbers are identical, 1 some differ, 2 a mistake, 130 interrupted.
    """
    from unroll.workflow.opening import opened
    from unroll.workflow.verifying import choose_again, run_again

    if trial is not None and "=" in trial:
        data, trial = [trial, *(data or [])], None
    aside = format is not Format.TABLE
    with opened(folder) as ledger:
        chosen = choose_again(ledger, trial=trial, arm=arm, seed=seed)
        print_lines(visible(_price(chosen)), stderr=aside)
        verdicts: list[Verdict] = []
        for again in chosen:
            verdicts.append(run_again(ledger, again, data or ()))
            print_lines(*map(visible, _lines(verdicts[-1])), stderr=aside)
    if format is Format.JSON:
        print_json([asdict(verdict) for verdict in verdicts])
    elif format is Format.CSV:
        print_rows([_flat(verdict) for verdict in verdicts], format)
    raise typer.Exit(ALL_IDENTICAL if all(verdict.identical for verdict in verdicts) else SOME_DIFFER)


def _price(chosen: list[Again]) -> str:
    number = sum(1 + len(again.begun) for again in chosen)
    seconds = sum(again.seconds for again in chosen)
    what = "1 trial runs" if number == 1 else f"{number} trials run one after another"
    begun = sum(len(again.begun) for again in chosen)
    with_begun = f" ({begun} of them since others begin with their weights)" if begun else ""
    return f"{what} again{with_begun}: about {duration(seconds)} if this machine is as fast as the one recorded"


def _lines(verdict: Verdict) -> list[str]:
    name = f"{verdict.arm} seed {verdict.seed} ({verdict.trial})"
    if verdict.identical:
        return [f"{name}: identical, {verdict.values:,} numbers, {duration(verdict.seconds)}"]
    if verdict.status != verdict.recorded_status:
        why = f": {verdict.message}" if verdict.message else ""
        lines = [f"{name}: differs, {verdict.status} here and {verdict.recorded_status} in the records{why}"]
    else:
        lines = [f"{name}: differs in {verdict.differing:,} of {verdict.values:,} numbers"]
    if verdict.metric:
        recorded, here = (format_value(value) for value in (verdict.recorded, verdict.here))
        lines.append(f"  most in {verdict.metric}: {recorded} recorded, {here} here ({verdict.difference:.2g} of it)")
    if verdict.first_step is not None:
        lines.append(f"  first at step {verdict.first_step:,}")
    if verdict.first_example is not None:
        added = f"added another {verdict.first_sum}" if verdict.first_sum else "and all others are of another test set"
        lines.append(f"  first of the test: example {verdict.first_example:,} {added}")
    lines += [f"  damaged: {damage}" for damage in verdict.damaged]
    lines += [f"  {key}: {then or '-'} recorded, {now or '-'} here" for key, (then, now) in verdict.environment.items()]
    lines += [f"  changed since: {', '.join(verdict.sources)}"] if verdict.sources else []
    if not verdict.environment and not verdict.sources:
        lines.append("  hardware, versions and source files are the same")
    return lines


def _flat(verdict: Verdict) -> dict[str, Any]:
    """A verdict as a row."""
    row = asdict(verdict)
    return row | {
        "environment": ", ".join(verdict.environment),
        "sources": " ".join(verdict.sources),
        "damaged": "; ".join(verdict.damaged),
    }
