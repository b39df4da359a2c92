"""How large each arm is, what was asked for, and what it cost to run."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from unroll.reporting.document import Table
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import fixed, percent, rate, whole
from unroll.reporting.tables.columns import arm_column, make_table, number

FLOPS = "FLOPs/token"
"""Heading of ``contract.Task.flops_per_token``."""


def operations(flops: Iterable[int | None]) -> str:
    """What a caption adds on :data:`FLOPS`, if any are known."""
    return f" {FLOPS}: multiplies and adds of the matrix products in one forward pass." if any(flops) else ""


def size_table(findings: Findings) -> Table:
    """Parameters and operations, the setting that ``match`` solved and the mismatch that it left, and throughput."""
    partly = any(arm.partly_trained for arm in findings.arms)
    helped = any(arm.tested_parameters is not None for arm in findings.arms)
    matched = next((arm.matched for arm in findings.arms if arm.matched), None)
    equal = {"parameters": "parameters", "flops_per_token": FLOPS}
    solved = findings.solved_sizes
    rows = _sizes(findings, solved)
    begun = not findings.begun.is_empty()
    flops = rows["flops_per_token"].to_list()
    caption = (
        (f"The arms were made equal in {equal[matched]}" if matched else "")
        + (f" by solving {findings.plan.size_setting}" if solved else "")
        + (". " if matched else "")
        + "Throughput and seconds are medians over completed trials, measured while trials shared the machine: they "
        f"measure what the study cost, not which arm is faster.{operations(flops)}"
        + (" Seconds before: of what a trial begins with, which come on top of its own." if begun else "")
        + (" Tested: parameters without those that help in training alone." if helped else "")
        + (" Trained: parameters that gradients change, not those that are frozen or counted." if partly else "")
    )
    columns = [
        arm_column(findings),
        number("Parameters", lambda row: whole(row["parameters"])),
        number("Tested", lambda row: whole(row["tested"])) if helped else None,
        number("Trained", lambda row: whole(row["trained"])) if partly else None,
        number(FLOPS, lambda row: whole(row["flops_per_token"])) if any(flops) else None,
        number("Asked for", lambda row: whole(row["target"])) if matched else None,
        number("Off by", lambda row: percent(row["mismatch"], sign=True)) if matched else None,
        number(findings.plan.size_setting.rpartition(".")[2], lambda row: whole(row["size"])) if solved else None,
        number(f"{findings.plan.item}s/s", lambda row: rate(row["items_per_second"])),
        number("Seconds per trial", lambda row: fixed(row["seconds"], 1)),
        number("Seconds before", lambda row: fixed(row["seconds_before"], 1)) if begun else None,
    ]
    return make_table("size", caption, rows, columns)


def _sizes(findings: Findings, solved: dict[str, int]) -> pl.DataFrame:
    done = findings.trials.filter(pl.col("status") == "completed")
    time = done.group_by("arm").agg(pl.col("seconds").median())  # a mean would follow one trial on a busy machine
    arms = [
        {
            "arm": arm.name,
            "parameters": arm.parameters,
            "tested": arm.size,
            "trained": arm.trained_parameters,
            "flops_per_token": arm.flops_per_token,
            "matched": arm.matched,
            "target": arm.target,
            "mismatch": arm.mismatch,
            "size": solved.get(arm.name),
        }
        for arm in findings.arms
    ]
    strings, floats = dict.fromkeys(("arm", "matched"), pl.String), {"mismatch": pl.Float64}
    sizes = pl.DataFrame(arms, schema={**dict.fromkeys(arms[0], pl.Int64), **strings, **floats})
    speeds = findings.summary.select("arm", "items_per_second")
    sizes = sizes.join(speeds, on="arm", how="left").join(time, on="arm", how="left", maintain_order="left")
    if findings.begun.is_empty():
        return sizes
    return sizes.join(findings.begun.select("arm", "seconds_before"), on="arm", how="left", maintain_order="left")
