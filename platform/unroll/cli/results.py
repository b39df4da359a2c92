"""``unroll results``: the numbers, one row or object per trial."""

from __future__ import annotations

from typing import Annotated

import typer

from unroll.cli._options import FolderArgument, FormatOption
from unroll.cli._output import Format, print_lines, print_rows
from unroll.terminal.text import visible

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
    from unroll.workflow.records import open_results, read_trials
    from unroll.workflow.warnings import warnings

    ledger = open_results(folder)
    plan, frame = ledger.plan(), read_trials(ledger, every=every)
    rows = frame.to_dicts()
    if format is Format.TABLE:
        metrics = [
            name for name in frame.columns if name == plan.metric or (name in plan.metrics and frame[name].count())
        ]
        rows = [{name: row[name] for name in (*TERSE, *metrics)} for row in rows]
    print_rows(rows, format, keys=2)
    if format is Format.TABLE and not every and plan.preparations:
        prepared = ledger.preparations_frame(plan).select(TERSE).to_dicts()
        print_lines(f"{len(prepared)} trials that others begin with, which are not compared:")
        print_rows(prepared, format, keys=2)
    if format is Format.TABLE and not every and plan.tuning and plan.tune_trials:
        print_lines(f"{len(plan.tune_trials)} trials that tune their settings; the test is sealed for them:")
        tuned = ledger.tune_frame(plan)
        shown = ("arm", "draw", *TERSE[1:], *([plan.tuning.metric] if plan.tuning.metric in tuned.columns else []))
        print_rows(tuned.select(shown).to_dicts(), format, keys=3)
    found = (f"damaged: {damage}" for damage in ledger.damage()) if every else warnings(plan, ledger, "results")
    print_lines(*map(visible, found), stderr=format is not Format.TABLE)
