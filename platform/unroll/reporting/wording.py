"""Words that prose, tables and charts share: statuses, metrics, baselines and what values are measured by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, final

from unroll.ledger import MISSING
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import choose_decimals, fixed, listed, p_value, percent, percent_span, span
from unroll.study.groups import find_groups, kept_factors, short_factors
from unroll.study.plan import Arm, Plan

STATUS_WORDS = {
    "completed": "completed",
    "diverged": "diverged",
    "pruned": "ended early",
    "stopped": "stopped",
    "out_of_memory": "ran out of memory",
    "timeout": "timed out",
    "failed_user": "failed (an error in the task or its settings)",
    "failed_infrastructure": "failed (infrastructure)",
    MISSING: "not run yet",
}


def decimals(findings: Findings) -> int:
    """Decimals of the study's metric everywhere in the report."""
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


def p_words(row: Mapping[str, Any], *, alone: bool) -> str:
    """Both p-values of a comparison; one, where adjusting changes nothing or there is nothing to adjust it for."""
    p, adjusted = p_value(row["p"]), p_value(row["p_adjusted"])
    if alone:
        return f"p = {p}"
    return f"adjusted p = {adjusted}" if p == adjusted else f"p = {p}, adjusted {adjusted}"


def effect_words(row: Mapping[str, Any], findings: Findings) -> tuple[str, str]:
    """A claim's effect and its interval, as they are read."""
    if row["kind"] == "diverges less":
        low, high = row["low"], row["high"]
        interval = "" if low is None else percent_span(low, high)
        return f"{percent(row['first'])} of seeds against {percent(row['second'])}", interval
    ends = (row["low"], row["high"])
    spread = None if None in ends else row["high"] - row["low"]
    places = choose_decimals([row["second"]], [spread and spread / 4], [row["effect"]])
    unit = findings.plan.metrics[row["metric"]].unit
    interval = "" if None in ends else span(*ends, places, sign=True)
    if row["kind"] == "flatter":
        slopes = (fixed(row[side], places, sign=True) for side in ("first", "second"))
        return with_unit(" against ".join(slopes), unit) + _per(row, findings), interval
    size = with_unit(fixed(abs(row["effect"]), places), unit)
    way = "lower" if row["effect"] < 0 else "higher"
    return f"{size} {way}" + ("" if row["relative"] is None else f" ({percent(abs(row['relative']))})"), interval


def _per(row: Mapping[str, Any], findings: Findings) -> str:
    claim = next(claim for claim in findings.plan.claims if claim.text == row["claim"])
    return f" per {'doubling' if claim.logarithm else 'unit'} of {(claim.factor or '').rpartition('.')[2]}"


def describe_baseline(plan: Plan) -> str:
    """What arms are compared to: ``elman``, or ``elman with the same length`` where every length has its own."""
    first = find_groups(plan)[0]
    label = first.labels[first.baseline]
    return f"{label} with the same {list_factors(plan, kept_factors(plan))}" if first.shared else label


def list_factors(plan: Plan, factors: list[str]) -> str:
    """Factors by their short names: ``length``, ``length and depth``."""
    return listed(short_factors(plan, factors))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A kind of value that a metric is measured by, drawn as a line.

    Args:
        field: name of its values in a chart.
        label: text at the line, before its value.
        meaning: what the value is, for captions.
        pattern: of the line.
        known: an arm's values by metric.
    """

    field: str
    label: str
    meaning: str
    pattern: Literal["dashed", "dotted"]
    known: Callable[[Arm], Mapping[str, float]]

    def values(self, findings: Findings, metric: str) -> list[float]:
        """Its values on the arms' data: usually one, as arms share their data."""
        return sorted({known[metric] for known in map(self.known, findings.arms) if metric in known})


FLOOR = Reference(
    field="floor",
    label="true distribution",
    meaning="what the true distribution reaches",
    pattern="dashed",
    known=lambda arm: arm.bounds,
)
CHANCE = Reference(
    field="chance",
    label="chance",
    meaning="the best that is reached without the input",
    pattern="dotted",
    known=lambda arm: arm.chance,
)
REFERENCES = (FLOOR, CHANCE)
