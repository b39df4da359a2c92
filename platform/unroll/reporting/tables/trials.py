"""Every trial on its own, and what arms had reached along training."""

from __future__ import annotations

import polars as pl

from unroll.reporting.document import Table
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import DASH, choose_decimals, duration, fixed, whole
from unroll.reporting.tables.columns import Build, make_table, number, text
from unroll.reporting.wording import STATUS_WORDS, metric_decimals

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Places along training at which the table of curves has values."""


def trials_table(findings: Findings) -> Table:
    """Every planned trial with how it ended and what it reached; the files hold its other metrics, too."""

    def metric(name: str) -> Build:
        digits = metric_decimals(findings, name)
        return number(name, lambda row: fixed(row[name], digits))

    others = [name for name in findings.plan.metrics if name.startswith("test/") and name != findings.metric]
    columns = [
        text("Arm", lambda row: row["arm"], mark="arm"),
        number("Seed", lambda row: str(row["seed"])),
        text("Ended", lambda row: STATUS_WORDS[row["status"]].partition(" (")[0]),
        metric(findings.metric),
        *map(metric, others[:1]),
        number("Steps", lambda row: whole(row["steps"])),
        number("Time", lambda row: duration(row["seconds"])),
        text("Trial", lambda row: row["trial"]),
    ]
    caption = (
        "Every planned trial. Its records lie in `trials/` under its name, from which `unroll results`, `explain` and "
        "`verify` find it, too."
    )
    return make_table("trials", caption, findings.ordered, columns)


def along_table(findings: Findings, metric: str, curves: pl.DataFrame) -> Table:
    """The numbers of a chart of curves: what each arm's mean was at its first and last point and between.

    Args:
        findings: of the study.
        metric: that the curves are of.
        curves: ``Findings.curves``; some arm has a value.
    """
    rows = []
    for arm, curve in ((name, curves.filter(pl.col("arm") == name)) for name in findings.names):
        if len(curve):
            steps = curve["step"]
            first, last = int(steps[0]), int(steps[-1])
            at = [int(steps.search_sorted(first + share * (last - first))) for share in SHARES]
            rows += [(arm, share, int(steps[i]), curve["mean"][i]) for share, i in zip(SHARES, at, strict=True)]
    schema = {"arm": pl.String, "share": pl.Float64, "step": pl.Int64, "mean": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    known = {(arm, share): (step, mean) for arm, share, step, mean in rows}
    last_means = [known[arm, 1.0][1] for arm in dict.fromkeys(row[0] for row in rows)]
    places = choose_decimals(last_means, [curves["high"][-1] - curves["mean"][-1]] if curves["high"][-1] else [])

    def at_share(share: float) -> Build:
        steps = {step for (_, each), (step, _) in known.items() if each == share}
        head = f"step {steps.pop():,}" if len(steps) == 1 else f"{share:.0%}"
        return number(
            head, lambda row: fixed(known[row["arm"], share][1], places) if (row["arm"], share) in known else DASH
        )

    caption = (
        f"{metric} along training: the arms' means over seeds at the first and last logged step and at the logged "
        "steps that come at or after a quarter, half and three quarters of the way."
    )
    shown = [{"arm": arm} for arm in dict.fromkeys(row[0] for row in rows)]
    columns = [text("Arm", lambda row: row["arm"], mark="arm"), *map(at_share, SHARES)]
    return make_table("progress", caption, frame, columns, shown)
