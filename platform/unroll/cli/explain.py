"""``unroll explain``: a comparison, trial by trial, with the numbers of its test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli._options import FolderArgument, FormatOption
from unroll.cli._output import Format, print_json, print_lines, print_rows
from unroll.terminal.text import visible

if TYPE_CHECKING:
    from unroll.workflow.explaining import Explanation

EXACT = "{:.10g}"
"""Values in the tables for people, from which the test can be computed again; JSON and CSV hold every digit."""


def explain(
    folder: FolderArgument,
    comparison: Annotated[
        list[str],
        typer.Argument(
            metavar="STATEMENT|ARM [ARM]",
            show_default=False,
            help="A statement ('lstm better than elman'), two arms, or one arm, which is taken with its baseline.",
        ),
    ],
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric", metavar="NAME", show_default=False, help="A final metric.  [default: the one that decides]"
        ),
    ] = None,
    format: FormatOption = Format.TABLE,  # noqa: A002  (the option's own name)
) -> None:
    """Show which trials a comparison comes from, seed by seed, and how its p-value is counted."""
    from unroll.contract import UserError
    from unroll.workflow.explaining import explain as take_apart
    from unroll.workflow.records import open_results

    if len(comparison) > 2:
        raise UserError(
            "a comparison must be one statement, or one or two arms",
            received=f"{len(comparison)} words",
            advice="put a statement, and names that hold blanks, in quotes",
        )
    found = take_apart(open_results(folder), comparison, metric)
    if format is Format.JSON:
        about = {name: getattr(found, name) for name in ("arm", "baseline", "metric", "direction", "decides")}
        print_json({**about, "test": dict(found.test), "pairs": found.pairs.to_dicts()})
    elif format is Format.CSV:
        print_rows(found.pairs.to_dicts(), format)
    else:
        _show(found)


def _show(found: Explanation) -> None:
    from unroll.reporting.wording import STATUS_WORDS, goal

    arm, baseline = visible(found.arm), visible(found.baseline)
    print_lines(visible(f"{arm} against {baseline} on {found.metric} ({goal(found.direction)}), paired by seed"))
    if not found.decides:
        print_lines("the report gives no verdict on this: the study compares other arms, or by another metric")
    values, trials = [], []
    for row in found.pairs.to_dicts():
        sides: dict[str, Any] = {}
        for name, value, status in ((arm, "value", "status"), (baseline, "reference", "baseline_status")):
            known = row[value] is not None
            sides[name] = EXACT.format(row[value]) if known else STATUS_WORDS.get(row[status], row[status])
        difference = None if row["difference"] is None else EXACT.format(row["difference"])
        values.append({"seed": row["seed"], **sides, "difference": difference})
        for name, side in ((arm, ""), (baseline, "baseline_")):
            told = {"trial": row[f"{side}trial"], "W&B run": row[f"{side}run"] or None}
            trials.append({"seed": row["seed"], "arm": name, **told})
    print_rows(values, Format.TABLE)
    print_rows(trials, Format.TABLE, keys=2)
    differing = [f"seed {row['seed']}: {row['differs']}" for row in found.pairs.to_dicts() if row["differs"]]
    print_lines(*map(visible, differing or ["the two trials of every seed ran under the same conditions"]))
    print_lines("")
    width = max(map(len, found.test))
    print_lines(*(f"{name:<{width}}  {_number(value)}" for name, value in found.test.items()))
    if "p" in found.test:
        print_lines(
            "p: turn the signs of the differences in every way, and count the patterns whose sum is at least as far "
            "from zero as this one"
        )


def _number(value: float | str | None) -> str:
    if isinstance(value, float):
        return EXACT.format(value)
    return "" if value is None else visible(value)
