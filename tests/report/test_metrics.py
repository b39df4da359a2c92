"""The table of the final metrics that do not decide: those that any trial has."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import polars as pl

from unroll.ledger import Ledger
from unroll.reporting.document import Table
from unroll.reporting.findings import gather
from unroll.reporting.sections import compose
from unroll.reporting.tables.results import arms_table
from unroll.study.plan import MetricSpec

MakeLedger = Callable[..., Ledger]


def shown_tables(ledger: Ledger) -> dict[str, Table]:
    sections = compose(gather(ledger)).sections
    return {block.name: block for section in sections for block in section.blocks if isinstance(block, Table)}


def with_metrics(ledger: Ledger, *names: str) -> Ledger:
    """The same study of a task that declares these metrics beside the one that decides."""
    plan, note = ledger.plan(), MetricSpec(direction="maximize", unit="", description="")
    metrics = {plan.metric: plan.metrics[plan.metric], **dict.fromkeys(names, note)}
    ledger.save_plan(plan.model_copy(update={"metrics": metrics}))
    return ledger


def test_a_metric_that_no_trial_has_is_no_column(make_ledger: MakeLedger) -> None:
    table = shown_tables(with_metrics(make_ledger(seeds=2), "test/perplexity", "test/entity_f1"))["metrics"]
    assert table.shown.columns == ["Arm", "test/perplexity"]
    assert table.rows["metric"].unique().to_list() == ["test/perplexity"]
    assert "entity_f1" not in table.caption


def test_without_any_there_is_no_table(make_ledger: MakeLedger) -> None:
    assert "metrics" not in shown_tables(with_metrics(make_ledger(seeds=2), "test/entity_f1"))


def test_epochs_whose_state_was_tested_are_a_column_where_any_trial_has_one(make_ledger: MakeLedger) -> None:
    findings = gather(make_ledger(seeds=3))
    assert "Tested epoch" not in arms_table(findings).shown.columns
    epoch = pl.when(pl.col("arm") == "gru").then(pl.lit(7, pl.Int64) + pl.col("seed"))
    table = arms_table(dataclasses.replace(findings, trials=findings.trials.with_columns(selected_epoch=epoch)))
    assert table.shown["Tested epoch"].to_list() == ["–", "8 (7–9)", "–"]
    assert table.rows["earliest_epoch"].to_list() == [None, 7, None]
    assert "Tested epoch: that of the best validation" in table.caption
