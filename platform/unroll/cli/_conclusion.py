"""What ``unroll run`` prints at its end, and its exit code."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unroll.cli._output import Format, print_json, print_lines, print_rows, shell_line, shown
from unroll.ledger import FINAL, Ledger
from unroll.reporting.numbers import count, duration, ranges
from unroll.terminal.text import visible

if TYPE_CHECKING:
    from unroll.study import Plan
    from unroll.workflow.invocation import Invocation
    from unroll.workflow.launch import RunResult

ALL_COMPLETED = 0
SOME_NOT_COMPLETED = 1
INTERRUPTED = 130
MOST_SEEDS = 100
"""Seeds up to which a command is offered that runs them."""


def conclude(result: RunResult, invocation: Invocation) -> int:
    """Print what was reached and how to go on.

    Args:
        result: what the run came to.
        invocation: what it was asked for; what continues it is asked for in the same way.

    Returns:
        The exit code.
    """
    rows = result.arms.to_dicts()
    if invocation.format == Format.JSON:
        print_json(_overview(result) | {"arms": rows})
    else:
        print_rows(rows, Format(invocation.format))
    for line in _lines(result, invocation):
        print_lines(line, stderr=invocation.format != Format.TABLE)
    if result.interrupted:
        return INTERRUPTED
    return ALL_COMPLETED if result.completed else SOME_NOT_COMPLETED


def _overview(result: RunResult) -> dict[str, Any]:
    return {
        "study": result.plan.study,
        "results": shown(result.folder),
        "planned": result.summary.planned,
        "done_before": result.summary.done_before,
        "counts": result.counts,
        "interrupted": result.interrupted,
        "seeds_left_out": result.seeds_left_out,
        "seconds": result.summary.seconds,
        "unsynced": result.unsynced,
        "report": shown(result.report) if result.report else None,
    }


def _lines(result: RunResult, invocation: Invocation) -> Iterator[str]:
    """What a person wants to know next."""
    plan, ledger = result.plan, Ledger.open(result.folder)
    others = [f"{count} {status}" for status, count in sorted(result.counts.items()) if status != "completed"]
    ends = ", ".join([f"{result.counts.get('completed', 0)} of {len(plan.trials)} trials completed", *others])
    yield f"{'interrupted: ' if result.interrupted else ''}{ends}, {duration(result.summary.seconds)}"
    yield from map(visible, result.warnings)
    if result.summary.out_of_time:
        yield f"time      {_out_of_time(result)}"
    if result.report:
        yield f"report    {shown(result.report)}"
        yield f"          {shown(result.report.with_suffix('.md'))}"
        if plan.overrides and ledger.left_out(plan):  # the report is of a part, or a variant, of what the folder holds
            whole = shell_line(invocation.without(plan.overrides).words())
            yield f"whole     {whole}   (the report is of {visible(', '.join(plan.overrides))})"
    if result.unsynced:
        runs = f"{result.unsynced} {'runs are' if result.unsynced > 1 else 'run is'}"
        sync = f"unroll sync {shlex.quote(shown(result.folder))}"
        yield f"W&B       {runs} unsynced, on disk only; `{sync}` sends {'them' if result.unsynced > 1 else 'it'}"
    if invocation.share is None:
        yield from _next(result, invocation, ledger)


def _next(result: RunResult, invocation: Invocation, ledger: Ledger) -> Iterator[str]:
    """How to go on: what waits for a mended mistake, what is missing, or what is decided and what the rest takes."""
    again = shell_line(invocation.words())
    if result.interrupted or result.summary.out_of_time:
        yield f"continue  {again}"
        return
    failed = result.counts.get("failed_user", 0)
    prepared = ledger.outcomes(trial.id for trial in result.plan.preparations).values()
    mistaken = failed or any(outcome.status == "failed_user" for outcome in prepared)
    ended = sum(result.counts.get(status, 0) for status in FINAL)
    if mistaken:
        yield f"retry     {shell_line(replace(invocation, retry=True).words())}"
    if ended + failed < len(result.plan.trials):
        yield f"again     {again}"
    elif not mistaken:
        yield from _outlook(result.plan, ledger, invocation)


def _out_of_time(result: RunResult) -> str:
    """Which seeds are whole, and which are left."""
    left = result.seeds_left_out
    whole = sorted({trial.seed for trial in result.plan.trials} - {*left})
    of = f"; what is claimed is over {count(len(whole), 'whole seed')} ({ranges(whole)})" if whole else ""
    return f"too short for all: left for the next run {'is seed' if len(left) == 1 else 'are seeds'} {ranges(left)}{of}"


def _outlook(plan: Plan, ledger: Ledger, invocation: Invocation) -> Iterator[str]:
    """What is decided, and what would decide the rest; seeds that are added now were not declared."""
    import polars as pl

    from unroll.reporting.findings import Findings
    from unroll.reporting.prose.outlook import look_on

    trials = ledger.trials_frame(plan).filter(pl.col("phase") == "confirm")
    outlook = look_on(Findings(plan, trials, pl.LazyFrame(), runs=(), analyses=ledger.analyses()))
    if outlook is None:
        return
    yield f"decided   {visible(outlook.decided)}"
    if plan.looks is not None:  # seeds beyond the last look would be decided after looking
        return
    if outlook.open:
        yield f"open      {visible(outlook.open)}"
    if outlook.seeds is not None and outlook.seeds <= MOST_SEEDS:
        more = shell_line(invocation.with_seeds(_seeds_up_to(plan, outlook.seeds)).words())
        yield f"more      {more}   (the report tells new seeds as decided after looking)"


def _seeds_up_to(plan: Plan, number: int) -> str:
    """The plan's seeds and as many more as make so many: a number where they are the first ones, else a list."""
    seeds = sorted({trial.seed for trial in plan.trials if trial.phase == "confirm"})
    if seeds == list(range(len(seeds))):
        return str(number)
    return f"[{', '.join(map(str, [*seeds, *range(seeds[-1] + 1, seeds[-1] + 1 + number - len(seeds))]))}]"
