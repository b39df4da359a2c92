"""``unroll explain``: a comparison, trial by trial, with the numbers of its test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from unroll.cli._options import FolderArgument, FormatOption
from unroll.cli._output import Format, print_json, print_lines, print_rows
from unroll.terminal.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unroll.workflow.explaining import ClaimExplanation, Explanation, Number

EXACT = "{:.10g}"
"""Values in the tables for people, from which the test can be computed again; JSON and CSV hold every digit."""


def explain(
    folder: FolderArgument,
    comparison: Annotated[
        list[str],
        typer.Argument(
            metavar="STATEMENT|ARM [ARM]",
            show_default=False,
            help="A claim of the study, a statement ('lstm better than elman'), two arms, or one arm, which is taken "
            "with its baseline.",
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
    from unroll.workflow.explaining import explain_claim
    from unroll.workflow.records import open_results

    if len(comparison) > 2:
        raise UserError(
            "a comparison must be one statement, or one or two arms",
            received=f"{len(comparison)} words",
            advice="put a statement, and names that hold blanks, in quotes",
        )
    ledger = open_results(folder)
    if len(comparison) == 1 and metric is None and (claim := explain_claim(ledger, comparison[0])):
        _tell_claim(claim, format)
        return
    found = take_apart(ledger, comparison, metric)
    if format is Format.JSON:
        about = {name: getattr(found, name) for name in ("arm", "baseline", "metric", "direction", "decides")}
        print_json({**about, "test": dict(found.test), "pairs": found.pairs.to_dicts()})
    elif format is Format.CSV:
        print_rows(found.pairs.to_dicts(), format)
    else:
        _show(found)


def _tell_claim(found: ClaimExplanation, format: Format) -> None:  # noqa: A002  (as in the command)
    from unroll.reporting.wording import STATUS_WORDS

    if format is Format.JSON:
        about = {name: getattr(found, name) for name in ("claim", "metric", "first", "second")}
        told = {"seeds": found.seeds.to_dicts(), "trials": found.trials.to_dicts()}
        print_json({**about, "test": dict(found.test), **told})
        return
    if format is Format.CSV:
        print_rows(found.trials.to_dicts(), format)
        return
    print_lines(visible(f"claim: {found.claim}, on {found.metric}, seed by seed"))
    heads = {"first": visible(found.first), "second": visible(found.second), "difference": "difference"}
    print_rows(
        [
            {"seed": row["seed"], **{head: EXACT.format(row[name]) for name, head in heads.items()}}
            for row in found.seeds.to_dicts()
        ],
        Format.TABLE,
    )
    print_rows(
        [
            {
                "seed": row["seed"],
                "arm": visible(row["arm"]),
                found.metric: STATUS_WORDS[row["status"]] if row["value"] is None else EXACT.format(row["value"]),
                "trial": row["trial"],
                "W&B run": row["run"] or None,
            }
            for row in found.trials.to_dicts()
        ],
        Format.TABLE,
        keys=2,
    )
    _print_test(found.test)


def _print_test(test: Mapping[str, Number]) -> None:
    print_lines("")
    width = max(map(len, test))
    print_lines(*(f"{name:<{width}}  {_number(value)}" for name, value in test.items()))
    if "patterns" in test:
        print_lines(
            "p: turn the signs of the differences in every way, and count the patterns whose sum is at least as far "
            "from zero as this one"
        )


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
    _print_test(found.test)


def _number(value: float | str | None) -> str:
    if isinstance(value, float):
        return EXACT.format(value)
    return "" if value is None else visible(value)
