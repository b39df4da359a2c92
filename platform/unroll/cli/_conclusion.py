"""What ``unroll run`` says at its end, and its exit code."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from unroll.cli._output import Format, emit, emit_json, say, shown, typeable, visible
from unroll.ledger import FINAL, Ledger
from unroll.report.numbers import duration
from unroll.report.prose.twins import twin_sentences

if TYPE_CHECKING:
    from unroll.execution import Summary
    from unroll.study import Plan
    from unroll.workflow.launch import Launched

ALL_COMPLETED = 0
SOME_NOT_COMPLETED = 1
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Typed:
    """``unroll run`` as it was typed: what continues it says all of it again."""

    study: str
    overrides: tuple[str, ...]
    options: tuple[str, ...]

    def command(self, *switches: str) -> str:
        """The same command, with these switches too."""
        added = [switch for switch in switches if switch not in self.options]
        return typeable(["unroll", "run", self.study, *self.overrides, *self.options, *added])

    def without(self, overrides: Collection[str]) -> str:
        """The same command without some of its overrides."""
        kept = [word for word in self.overrides if word not in overrides]
        return typeable(["unroll", "run", self.study, *kept, *self.options])

    def with_seeds(self, seeds: str) -> str:
        """The same command for other seeds; what was set aside once is not to be set aside after the next edit too."""
        others = [word for word in self.overrides if not word.startswith("seeds=")]
        rerun = ["--if-changed", "rerun"]
        at = next((i for i in range(len(self.options)) if list(self.options[i : i + 2]) == rerun), len(self.options))
        options = self.options[:at] + self.options[at + 2 :]
        return typeable(["unroll", "run", self.study, f"seeds={seeds}", *others, *options])


def conclude(plan: Plan, folder: Path, launched: Launched, *, typed: Typed, format: Format) -> int:  # noqa: A002
    """Print what was reached and how to go on.

    Args:
        plan: what was to be there in the end.
        folder: the results folder.
        launched: what the run came to.
        typed: study, overrides and options as they were typed: what continues this run.
        format: what standard output holds.

    Returns:
        The exit code.
    """
    ledger = Ledger.open(folder)
    rows = arm_rows(ledger, plan)
    if format is Format.JSON:
        emit_json(_overview(plan, folder, launched) | {"arms": rows})
    else:
        emit(rows, format)
    for line in _lines(plan, ledger, launched, typed):
        say(line, stderr=format is not Format.TABLE)
    return exit_code(launched)


def exit_code(launched: Launched) -> int:
    """0 all completed, 1 some did not (a diverged trial did not), 130 interrupted."""
    summary = launched.summary
    if summary.interrupted:
        return INTERRUPTED
    return ALL_COMPLETED if summary.counts.get("completed", 0) == summary.planned else SOME_NOT_COMPLETED


def arm_rows(ledger: Ledger, plan: Plan) -> list[dict[str, Any]]:
    """Per arm: size, how its trials ended, the study's metric over completed trials."""
    from unroll.evidence import coverage, summarise_arms

    trials = ledger.trials_frame(plan)
    ends = coverage(trials)
    seen = [status for status in ends.columns[2:] if ends[status].sum()]
    frame = summarise_arms(trials, plan.metric, direction=plan.metrics[plan.metric].direction)
    return frame.select("arm", "parameters", "planned", *seen, pl.col("mean").alias(plan.metric), "sd").to_dicts()


def _overview(plan: Plan, folder: Path, launched: Launched) -> dict[str, Any]:
    summary = launched.summary
    return {
        "study": plan.study,
        "results": shown(folder),
        "planned": summary.planned,
        "done_before": summary.done_before,
        "counts": summary.counts,
        "interrupted": summary.interrupted,
        "seconds": summary.seconds,
        "unsynced": launched.unsynced,
        "report": shown(launched.report) if launched.report else None,
    }


def _lines(plan: Plan, ledger: Ledger, launched: Launched, typed: Typed) -> list[str]:
    """What a person wants to know next."""
    return [
        *_ended(launched.summary),
        *twin_sentences(plan),
        *_slower(plan, ledger),
        *(visible(f"damaged: {line}") for line in launched.damage),
        *_report(launched.report),
        *_whole(plan, ledger, typed, told=launched.report is not None),
        *_unsynced(ledger.root, launched.unsynced),
        *_next(plan, launched.summary, typed),
    ]


def _ended(summary: Summary) -> list[str]:
    completed = summary.counts.get("completed", 0)
    others = [f"{count} {status}" for status, count in sorted(summary.counts.items()) if status != "completed"]
    ends = ", ".join([f"{completed} of {summary.planned} trials completed", *others])
    return [f"{'interrupted: ' if summary.interrupted else ''}{ends}, {duration(summary.seconds)}"]


def _slower(plan: Plan, ledger: Ledger) -> list[str]:
    """Why trials ran slower than they could, with the number of those that did."""
    outcomes = ledger.outcomes(trial.id for trial in plan.trials).values()
    reasons = Counter(outcome.stood_in for outcome in outcomes if outcome.stood_in)
    return [
        f"slower    {number} of {len(plan.trials)} trials ran without the compiled loop: {visible(reason)}"
        for reason, number in reasons.most_common()
    ]


def _report(page: Path | None) -> list[str]:
    return [f"report    {shown(page)}", f"          {shown(page.with_suffix('.md'))}"] if page else []


def _whole(plan: Plan, ledger: Ledger, typed: Typed, *, told: bool) -> list[str]:
    """The way back from a report that tells of a part, or a variant, of what lies in the folder."""
    if not (told and plan.overrides and ledger.left_out(plan)):
        return []
    return [f"whole     {typed.without(plan.overrides)}   (the report tells of {visible(', '.join(plan.overrides))})"]


def _unsynced(folder: Path, runs: int) -> list[str]:
    if not runs:
        return []
    plural = "runs are" if runs > 1 else "run is"
    told = f"unroll status {shlex.quote(shown(folder))}"
    return [f"W&B       {runs} {plural} unsynced, on disk only; `{told}` tells how to send them"]


def _next(plan: Plan, summary: Summary, typed: Typed) -> list[str]:
    """Commands that continue: what waits for a mended mistake, what is missing, or else more seeds."""
    if summary.interrupted:
        return [f"continue  {typed.command()}"]
    failed = summary.counts.get("failed_user", 0)
    ended = sum(summary.counts.get(status, 0) for status in FINAL)
    lines = [f"retry     {typed.command('--retry')}"] if failed else []
    if ended + failed < summary.planned:
        lines.append(f"again     {typed.command()}")
    more = f"more      {typed.with_seeds(_two_more(plan))}   (runs only the two new seeds)"
    return lines or [more]


def _two_more(plan: Plan) -> str:
    """The plan's seeds and two more: a number where they are the first ones, else a list."""
    seeds = sorted({trial.seed for trial in plan.trials})
    if seeds == list(range(len(seeds))):
        return str(len(seeds) + 2)
    return f"[{', '.join(map(str, [*seeds, seeds[-1] + 1, seeds[-1] + 2]))}]"
