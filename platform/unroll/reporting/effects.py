"""Effects of levels pooled over the others, for sentences and tables."""

from __future__ import annotations

import polars as pl

from unroll.evidence import factor_effects
from unroll.reporting.findings import Findings
from unroll.study.groups import level_names


def effects(findings: Findings) -> pl.DataFrame:
    """See :func:`~unroll.evidence.effects.factor_effects`; empty where nothing is pooled.

    With looks it is over the seeds of the first one, which all arms have: how many they got later depends on results.
    """
    plan, trials = findings.plan, findings.paired
    if plan.looks is not None:
        trials = trials.filter(pl.col("seed").is_in(plan.looks.seeds[: plan.looks.start]))
    arms = level_names(plan)
    return factor_effects(
        trials,
        findings.metric,
        arms=arms,
        reference=arms[plan.baseline],
        direction=findings.direction,
        scale=findings.note.scale,
    )
