"""How large each arm is, what was asked for, and what it cost to run."""

from __future__ import annotations

from typing import Any

import polars as pl

from unroll.report.document import Table
from unroll.report.findings import Findings
from unroll.report.numbers import fixed, percent, rate, whole
from unroll.report.tables.results import FLOPS, Cells, make_table, name_arm, operations

SIZES: dict[str, type[pl.DataType]] = {
    **{"arm": pl.String, "parameters": pl.Int64, "trained": pl.Int64, "flops_per_token": pl.Int64},
    **{"matched": pl.String, "target": pl.Int64, "mismatch": pl.Float64},
}


def size_table(findings: Findings) -> Table:
    """Parameters and operations, the mismatch that ``match`` left, and throughput."""
    rows, item = _sizes(findings), f"{findings.plan.item}s/s"
    matched, told = rows["matched"].drop_nulls().to_list(), rows["flops_per_token"].count()
    partly = any(arm.partly_trained for arm in findings.arms)

    def show(row: dict[str, Any]) -> Cells:
        target = {"Asked for": whole(row["target"]), "Off by": percent(row["mismatch"], sign=True)} if matched else {}
        flops = {FLOPS: whole(row["flops_per_token"])} if told else {}
        speed = {item: rate(row["items_per_second"]), "Seconds per trial": fixed(row["seconds"], 1)}
        size = {"Arm": name_arm(row["arm"], findings), "Parameters": whole(row["parameters"])}
        trained = {"Trained": whole(row["trained"])} if partly else {}
        return {**size, **trained, **flops, **target, **speed}

    caption = (
        f"{_asked(matched)}Throughput and seconds are medians over completed trials, measured while trials shared the "
        "machine: they say what the study cost, not which arm is the faster one." + operations(rows["flops_per_token"])
    ) + (" Trained: parameters that gradients change, not those that are frozen or counted." if partly else "")
    numbers = frozenset({"Parameters", "Trained", FLOPS, "Asked for", "Off by", item, "Seconds per trial"})
    return make_table("size", caption, rows, show, numbers=numbers, marks={"Arm": "arm"})


def _sizes(findings: Findings) -> pl.DataFrame:
    speeds = findings.summary.select("arm", "items_per_second")
    time = findings.trials.filter(pl.col("status") == "completed").group_by("arm").agg(pl.col("seconds").median())
    sizes = pl.DataFrame(
        [
            (a.name, a.parameters, a.trained_parameters, a.flops_per_token, a.matched, a.target, a.mismatch)
            for a in findings.arms
        ],
        schema=SIZES,
        orient="row",
    )
    return sizes.join(speeds, on="arm", how="left").join(time, on="arm", how="left", maintain_order="left")


def _asked(matched: list[str]) -> str:
    """In what the arms were made equal."""
    if not matched:
        return ""
    return f"The arms were made equal in {'parameters' if matched[0] == 'parameters' else FLOPS}. "
