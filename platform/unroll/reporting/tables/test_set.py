"""How much of each comparison's interval is the test set, as a table."""

from __future__ import annotations

from unroll.evidence.intervals import RESAMPLES
from unroll.reporting.document import Table
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import DASH, fixed, percent, span, whole
from unroll.reporting.tables.columns import Row, arm_column, make_table, number, text
from unroll.reporting.wording import describe_baseline, metric_decimals


def test_set_table(findings: Findings) -> Table:
    """One row per comparison."""
    metric = findings.scored_metric or findings.metric
    places = metric_decimals(findings, metric)
    caption = (
        f"Difference of {metric} to {describe_baseline(findings.plan)}, with 95 % intervals. Over seeds: other seeds, "
        f"these very examples. Over examples: these very seeds, other examples ({RESAMPLES:,} resamples of a generator "
        "with a fixed seed, the same for all trials). Over both: other seeds and other examples. Test set: how much of "
        "the width over both it is, and with endless test data would not be. Not adjusted for several comparisons."
    )

    def interval(of: str, row: Row) -> str:
        return span(row[f"{of}_low"], row[f"{of}_high"], places, sign=True)

    def pairs(row: Row) -> str:
        return str(row["n"]) if row["n"] == row["pairs"] else f"{row['n']} of {row['pairs']}"

    columns = [
        arm_column(findings),
        text("Against", lambda row: row["baseline"], mark="arm") if findings.several_baselines else None,
        number("Pairs", pairs),
        number("Examples", lambda row: whole(row["examples"])),
        number("Difference", lambda row: fixed(row["difference"], places, sign=True)),
        number("Over seeds", lambda row: interval("seeds", row)),
        number("Over examples", lambda row: interval("examples", row)),
        number("Over both", lambda row: interval("both", row)),
        number("Test set", lambda row: DASH if row["share"] is None else percent(row["share"])),
    ]
    return make_table("test_set", caption, findings.written(findings.test_set), columns)
