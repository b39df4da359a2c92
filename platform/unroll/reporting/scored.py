"""What each example of the test data added to the metric that the report looks at, out of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from unroll.evidence import Scored, twin_metric
from unroll.ledger import Scores
from unroll.study.plan import Plan

TEST = "test/"


def scored_metric(plan: Plan) -> str | None:
    """The study's metric where it is one of the test data, else the same of these; None where there is none."""
    twin = plan.metric if plan.metric.startswith(TEST) else twin_metric(plan.metric)
    return twin if twin in plan.metrics and twin is not None and twin.startswith(TEST) else None


def read_scored(find: Callable[[str], Scores], plan: Plan, trials: pl.DataFrame) -> Mapping[str, Scored]:
    """Trial -> its examples, of every completed one that has them.

    Args:
        find: id of a trial -> what the ledger holds of its examples.
        plan: which metric is looked at.
        trials: one row per planned trial.
    """
    metric, found = scored_metric(plan), dict[str, Scored]()
    if metric is not None:
        for trial in trials.filter(pl.col("status") == "completed")["trial"]:
            if (known := find(trial).of(metric)) is not None:
                record, sums = known
                found[trial] = Scored(record.test_set, record.metrics[metric].formula(), sums, record.examples)
    return found
