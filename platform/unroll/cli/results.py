"""``unroll results``: the numbers, one row or object per trial."""

from __future__ import annotations

from typing import Annotated

import typer

from unroll.cli._options import FolderArgument, FormatOption
from unroll.cli._output import Format, emit, say, visible

TERSE = ("arm", "seed", "status", "parameters", "steps", "seconds")
"""Columns of the table for people, before the metrics; JSON and CSV hold every column."""


def results(
    folder: FolderArgument,
    format: FormatOption = Format.TABLE,  # noqa: A002  (the option's own name)
    every: Annotated[
        bool, typer.Option("--all", help="Also trials of earlier plans: other settings, seeds or levels.")
    ] = False,
) -> None:
    """Print every trial with its final metrics. NaN and infinities are kept: in JSON and CSV as text."""
    from unroll.ledger.frames import history_table
    from unroll.report.findings import Findings
    from unroll.report.prose.plan import part_sentences
    from unroll.report.prose.warnings import held_out_sentences
    from unroll.workflow.records import open_results, read_trials

    ledger = open_results(folder)
    plan, frame = ledger.plan(), read_trials(ledger, every=every)
    rows = frame.to_dicts()
    if format is Format.TABLE:
        metrics = [
            name for name in frame.columns if name == plan.metric or (name in plan.metrics and frame[name].count())
        ]
        rows = [{name: row[name] for name in (*TERSE, *metrics)} for row in rows]
    emit(rows, format)
    say(*(visible(f"damaged: {line}") for line in ledger.damage()), stderr=format is not Format.TABLE)
    if not every:
        findings = Findings(plan, frame, history_table(()), runs=())
        doubts = [*part_sentences(plan, ledger.left_out(plan), ledger.runs()), *held_out_sentences(findings)]
        say(*doubts, stderr=format is not Format.TABLE)
