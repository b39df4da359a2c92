"""How a metric is told: decimals, unit, and which way it improves."""

from __future__ import annotations

from unroll.report.findings import Findings
from unroll.report.numbers import choose_decimals


def decimals(findings: Findings) -> int:
    """Decimals for the study's metric wherever it is told."""
    return metric_decimals(findings, findings.metric)


def metric_decimals(findings: Findings, metric: str) -> int:
    """Decimals for any final metric: enough for its deviations over seeds and for the arms' distances to baselines."""
    summary = findings.summary if metric == findings.metric else findings.summarise(metric)
    means = dict(summary.select("arm", "mean").iter_rows())
    pairs = [(mean, means[findings.baselines[arm]]) for arm, mean in means.items()]
    differences = [mean - other for mean, other in pairs if mean is not None and other is not None]
    return choose_decimals(summary["mean"], summary["sd"], differences)


def goal(direction: str) -> str:
    """``lower is better`` or ``higher is better``."""
    return "lower is better" if direction == "minimize" else "higher is better"


def with_unit(number: str, unit: str) -> str:
    """A number and its unit, if it has one."""
    return f"{number} {unit}" if unit else number
