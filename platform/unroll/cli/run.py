"""``unroll run``: run what is missing, then print what was found."""

from __future__ import annotations

import functools
from typing import Annotated

import typer

from unroll.cli._options import FormatOption, FromOption, OverridesArgument, ResultsOption, StudyArgument
from unroll.cli._output import Format, print_lines
from unroll.interruption import patience
from unroll.terminal.text import console, visible
from unroll.workflow.invocation import IfChanged, Invocation, RunnerName


def run(
    study: StudyArgument,
    overrides: OverridesArgument = None,
    results: ResultsOption = None,
    runner: Annotated[
        RunnerName, typer.Option("--runner", help="ray: in parallel; inline: one by one in this process, to debug.")
    ] = "ray",
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="ADDR", show_default=False, help="A running Ray cluster: auto or HOST:PORT."),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", metavar="N", min=1, show_default=False, help="At most so many trials at a time."),
    ] = None,
    max_hours: Annotated[
        float | None,
        typer.Option(
            "--max-hours",
            metavar="H",
            show_default=False,
            help="End within so many hours: whole seeds are left for the next run, never single arms.",
        ),
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Run again what failed by a mistake in task or settings.")
    ] = False,
    if_changed: Annotated[
        IfChanged,
        typer.Option("--if-changed", help="What to do with results of tasks' source files that were changed since."),
    ] = "refuse",
    packs: FromOption = None,
    share: Annotated[str | None, typer.Option("--share", metavar="NAME/INDEX", hidden=True)] = None,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write the report at the end.")] = True,
    format: FormatOption = Format.TABLE,  # noqa: A002  (the option's own name)
) -> None:
    """Run the trials that have no result yet, then write the report. Running it again continues, or does nothing.

    Exit codes: 0 every trial completed, 1 some did not (a diverged one did not), 2 a mistake, 130 interrupted.
    """
    from unroll.cli._conclusion import conclude
    from unroll.terminal.progress import watch
    from unroll.workflow.launch import launch
    from unroll.workflow.prepare import prepare

    invocation = Invocation(
        study=study,
        overrides=tuple(overrides or ()),
        results=results,
        runner=runner,
        address=address,
        concurrency=concurrency,
        max_hours=max_hours,
        retry=retry,
        if_changed=if_changed,
        packs=tuple(packs or ()),
        share=share,
        report=report,
        format=format,
    )
    invocation.check()
    chosen, until = invocation.make_runner(fork=True), invocation.until()
    prepared = prepare(study, overrides)
    aside = format is not Format.TABLE
    print_lines(*map(visible, prepared.plan.fallen), stderr=aside)
    show = functools.partial(watch, screen=console(stderr=aside))
    result = launch(prepared, invocation, chosen, watch=show, until=until)
    with patience():  # whoever asks now has what a run comes to
        code = conclude(result, invocation)
    raise typer.Exit(code)
