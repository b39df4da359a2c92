"""``unroll run``: run what is missing, then tell what was found."""

from __future__ import annotations

import functools
from typing import Annotated

import typer

from unroll.cli._options import FormatOption, OverridesArgument, ResultsOption, StudyArgument
from unroll.cli._output import Format, console, say, visible
from unroll.cli._runners import IfChanged, RunnerName, choose_runner
from unroll.interruption import patience
from unroll.workflow.places import results_folder


def run(
    study: StudyArgument,
    overrides: OverridesArgument = None,
    results: ResultsOption = None,
    runner: Annotated[
        RunnerName, typer.Option("--runner", help="ray: in parallel; inline: one by one in this process, to debug.")
    ] = RunnerName.RAY,
    address: Annotated[
        str | None,
        typer.Option("--address", metavar="ADDR", show_default=False, help="A running Ray cluster: auto or HOST:PORT."),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", metavar="N", min=1, show_default=False, help="At most so many trials at a time."),
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Run again what failed by a mistake in task or settings.")
    ] = False,
    if_changed: Annotated[
        IfChanged,
        typer.Option("--if-changed", help="What to do with results of tasks' source files that were changed since."),
    ] = IfChanged.REFUSE,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write the report at the end.")] = True,
    format: FormatOption = Format.TABLE,  # noqa: A002  (the option's own name)
) -> None:
    """Run the trials that have no result yet, then write the report. Running it again continues, or does nothing.

    Exit codes: 0 every trial completed, 1 some did not (a diverged one did not), 2 a mistake, 130 interrupted.
    """
    from unroll.cli._conclusion import Typed, conclude
    from unroll.cli._progress import watch
    from unroll.workflow.launch import launch
    from unroll.workflow.prepare import prepare

    chosen = choose_runner(runner, address=address, concurrency=concurrency)
    prepared = prepare(study, overrides)
    folder = results_folder(prepared.plan.study, results)
    say(*map(visible, prepared.plan.fallen), stderr=format is not Format.TABLE)
    show = functools.partial(watch, screen=console(stderr=format is not Format.TABLE))
    launched = launch(prepared, folder, chosen, retry=retry, if_changed=if_changed.value, report=report, watch=show)
    options = {
        "--results": results,
        "--runner": runner if runner is not RunnerName.RAY else None,
        "--address": address,
        "--concurrency": concurrency,
        "--if-changed": if_changed if if_changed is not IfChanged.REFUSE else None,
        "--format": format if format is not Format.TABLE else None,
    }
    switches = [*(["--retry"] if retry else []), *([] if report else ["--no-report"])]
    given = [word for name, value in options.items() if value is not None for word in (name, str(value))]
    typed = Typed(study, tuple(overrides or ()), (*given, *switches))
    with patience():  # whoever asks now has what a run comes to
        code = conclude(prepared.plan, folder, launched, typed=typed, format=format)
    raise typer.Exit(code)
