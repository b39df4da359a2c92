"""``unroll compare``: several studies in one table, or one report."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from unroll.cli._options import FormatOption, complete_study
from unroll.cli._output import Format, print_json, print_lines, print_rows, shown
from unroll.terminal.text import visible

ARMS = ("arm", "n", "mean", "low", "high", "sd", "parameters")
DIFFERENCES = ("arm", "baseline", "n", "difference", "low", "high", "p", "p_adjusted", "verdict")
"""Columns of the tables for people, as far as they are there; JSON and CSV hold every column."""


def compare(
    folders: Annotated[
        list[str],
        typer.Argument(
            metavar="DIR|FILE...",
            autocompletion=complete_study,
            show_default=False,
            help="Results folders, studies whose results lie in results/STUDY, or packs: two at least.",
        ),
    ],
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", show_default=False, help="Also write a report there.")
    ] = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  (the option's own name)
) -> None:
    """Join studies: every arm beside the first study's baseline. What must not be mixed is refused, field by field.

    That is another task or version of it, another metric or definition of it, other data.
    """
    from unroll.reporting.prose.warnings import warnings
    from unroll.workflow.comparing import compare as join
    from unroll.workflow.comparing import write_comparison
    from unroll.workflow.opening import opened

    with ExitStack() as stack:
        comparison = join({folder: stack.enter_context(opened(folder)) for folder in folders})
        findings, aside = comparison.findings, format is not Format.TABLE
        levels = {arm.name: arm.levels["study"] for arm in findings.arms}
        arms = [{"study": levels[row["arm"]], **row} for row in findings.summary.to_dicts()]
        differences = findings.differences.to_dicts()
        if format is Format.JSON:
            print_json({"metric": findings.metric, "arms": arms, "differences": differences})
        elif format is Format.CSV:
            print_rows(arms, format)
        else:
            print_rows([_columns(row, ("study", *ARMS)) for row in arms], format, title=findings.metric, keys=2)
            print_rows([_columns(row, DIFFERENCES) for row in differences], format, title="against the baseline")
        found = [*comparison.notes, *(f"warning: {text}" for text in warnings(findings))]
        print_lines(*map(visible, found), stderr=aside)
        if to is not None:
            files = write_comparison(comparison, to)
            print_lines(f"report    {shown(files.html)}", stderr=aside)


def _columns(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row}
