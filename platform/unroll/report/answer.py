"""The answer in plain words, and what must be said beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from unroll.evidence import LEVEL, smallest_p
from unroll.ledger import FINAL, MISSING
from unroll.report.divergence_sentence import divergence_sentence
from unroll.report.findings import Findings
from unroll.report.numbers import (
    choose_decimals,
    count,
    fixed,
    listed,
    p_value,
    percent,
    plain,
    plus_minus,
    shorten,
    span,
)

STATUS_WORDS = {
    "completed": "completed",
    "diverged": "diverged",
    "stopped": "stopped",
    "out_of_memory": "ran out of memory",
    "timeout": "timed out",
    "failed_user": "failed (an error in the task or its settings)",
    "failed_infrastructure": "failed (infrastructure)",
    MISSING: "not run yet",
}
DECISIVE = ("device", "threads", "torch")
"""What trials of one study must have in common to be compared without a warning."""

SPELT_OUT = 6
"""Comparisons up to which each gets its own sentence; beyond, the verdicts are listed by name."""

REASONS = 3
"""Most messages of failed trials that are told at the top."""


def answer(findings: Findings) -> str:
    """What the study has found so far, in one paragraph."""
    return " ".join(_sentences(findings))


def _sentences(findings: Findings) -> Iterator[str]:
    completed = findings.counts.get("completed", 0)
    if not completed:
        yield from _without_numbers(findings)
        return
    yield _baseline(findings)
    rows = findings.differences.to_dicts() if _has_value(findings.plan.baseline, findings) else []
    yield from (_comparison(row, findings) for row in rows) if len(rows) <= SPELT_OUT else _verdicts_by_name(rows)
    yield from filter(None, [divergence_sentence(findings)])
    yield from _floor(findings)
    have = "has" if completed == 1 else "have"
    yield f"{completed:,} of {count(findings.planned, 'planned trial')} {have} completed."


def _without_numbers(findings: Findings) -> Iterator[str]:
    """No trial completed: either the study has hardly begun, or divergence is all that it found."""
    if findings.counts.get("diverged", 0) == findings.planned:
        yield f"Every planned trial diverged ({findings.planned:,}), so no arm has a final {findings.metric}."
    else:
        yield f"No answer yet: 0 of {count(findings.planned, 'planned trial')} have completed, so no arm leads."
    yield from filter(None, [divergence_sentence(findings)])


def decimals(findings: Findings) -> int:
    """Decimals for the study's metric wherever it is told."""
    return metric_decimals(findings, findings.metric)


def metric_decimals(findings: Findings, metric: str) -> int:
    """Decimals for any final metric: enough for its deviations over seeds and for what separates the arms' means."""
    summary = findings.summary if metric == findings.metric else findings.summarise(metric)
    baseline = summary.row(by_predicate=pl.col("arm") == findings.plan.baseline, named=True)["mean"]
    return choose_decimals(summary["mean"], summary["sd"], summary["mean"] - baseline)


def goal(direction: str) -> str:
    """``lower is better`` or ``higher is better``."""
    return "lower is better" if direction == "minimize" else "higher is better"


def with_unit(number: str, unit: str) -> str:
    """A number and its unit, if it has one."""
    return f"{number} {unit}" if unit else number


def _baseline(findings: Findings) -> str:
    row = findings.summary.row(by_predicate=pl.col("arm") == findings.plan.baseline, named=True)
    lead = f"On {findings.metric} ({goal(findings.direction)}), the baseline {findings.plan.baseline}"
    if not row["n"]:
        lost = _lost(findings.plan.baseline, findings)
        return f"{lead} has no completed trial{lost}, so nothing can be compared with it."
    half = None if row["high"] is None else row["high"] - row["mean"]
    value = with_unit(plus_minus(row["mean"], half, decimals(findings)), findings.note.unit)
    over = "one seed, so without an interval" if row["n"] == 1 else f"mean over {row['n']} seeds with its 95 % interval"
    return f"{lead} reaches {value} ({over}){_survivors(findings.plan.baseline, findings)}."


def _comparison(row: dict[str, Any], findings: Findings) -> str:
    if not row["n"]:
        return f"{row['arm']} is undecided: no completed pair with the baseline{_lost(row['arm'], findings)}."
    places = decimals(findings)
    size = with_unit(fixed(abs(row["difference"]), places), findings.note.unit)
    way = "lower" if row["difference"] < 0 else "higher"
    told = f"{size} {way} ({percent(abs(row['relative']))})" if row["relative"] is not None else f"{size} {way}"
    if row["low"] is None:
        return f"{row['arm']} is undecided: {told} on one seed, from which neither an interval nor a test follows."
    interval = span(row["low"], row["high"], places, sign=True)
    wins = f"better on {row['superiority'] * row['n']:g} of {row['n']} seeds"
    numbers = f"{told}, 95 % interval {interval}, {_test(row, findings)}, {wins}"
    return f"{row['arm']} is {row['verdict']}: {numbers}{_survivors(row['arm'], findings)}."


def _test(row: dict[str, Any], findings: Findings) -> str:
    """Both p-values, and why an interval on one side of zero decides nothing."""
    p = f"p = {p_value(row['p'])}"
    told = p if len(findings.differences) == 1 else f"{p}, Holm {p_value(row['p_holm'])}"
    if row["smallest_p_holm"] > LEVEL:
        return f"{told} (these seeds cannot reach {LEVEL:g})"
    if row["verdict"] == "undecided" and row["low"] * row["high"] > 0:
        return f"{told} (p decides, not the interval)"
    return told


def _survivors(arm: str, findings: Findings) -> str:
    """What a sentence about an arm must not leave out: the trials that its numbers do without."""
    row = findings.coverage.row(by_predicate=pl.col("arm") == arm, named=True)
    return f", but {row['diverged']} of its {count(row['planned'], 'trial')} diverged" if row["diverged"] else ""


def _has_value(arm: str, findings: Findings) -> bool:
    return bool(findings.summary.row(by_predicate=pl.col("arm") == arm, named=True)["n"])


def _lost(arm: str, findings: Findings) -> str:
    """In brackets, how many trials of an arm without a number diverged."""
    row = findings.coverage.row(by_predicate=pl.col("arm") == arm, named=True)
    return f" ({row['diverged']} of its {count(row['planned'], 'trial')} diverged)" if row["diverged"] else ""


def _verdicts_by_name(rows: list[dict[str, Any]]) -> Iterator[str]:
    for verdict in ("better", "worse", "undecided"):
        names = [_with_divergence(row) for row in rows if row["verdict"] == verdict]
        if names:
            yield f"{verdict.capitalize()}: {listed(names)}."


def _with_divergence(row: dict[str, Any]) -> str:
    return f"{row['arm']} (but {row['diverged']} diverged)" if row["diverged"] else str(row["arm"])


def _floor(findings: Findings) -> Iterator[str]:
    floors = findings.floors(findings.metric)
    means = findings.summary.drop_nulls("mean").sort("mean", descending=findings.direction == "maximize")
    if len(floors) == 1 and not means.is_empty():
        best, places = means.row(0, named=True), decimals(findings)
        gap, side = fixed(abs(best["mean"] - floors[0]), places), "below" if best["mean"] < floors[0] else "above"
        value = with_unit(fixed(floors[0], places), findings.note.unit)
        yield (
            f"The true distribution of these data reaches {value}, the best possible in expectation; "
            f"{best['arm']}, the best mean, is {gap} {side} it."
        )


def warnings(findings: Findings) -> list[str]:
    """What a reader must know before believing the answer; empty when there is nothing."""
    checks = (_incomplete, _diverged, _not_finite, _too_few_seeds, _data, _code, _environments, _damage)
    return [text for check in checks for text in check(findings)]


def _incomplete(findings: Findings) -> Iterator[str]:
    ends = [
        f"{number:,} {STATUS_WORDS[s]}" for s, number in findings.counts.items() if s not in ("completed", "diverged")
    ]
    if ends:
        without = findings.planned - sum(findings.counts.get(s, 0) for s in ("completed", "diverged"))
        have = "has" if without == 1 else "have"
        yield f"{without:,} of {count(findings.planned, 'planned trial')} {have} no result: {listed(ends)}."
        yield from _reasons(findings)


def _reasons(findings: Findings) -> Iterator[str]:
    """The most frequent messages of trials that left no result."""
    said = findings.trials.filter(~pl.col("status").is_in([*FINAL, MISSING]), pl.col("message") != "")
    top = said["message"].value_counts(sort=True).sort("count", "message", descending=[True, False]).head(REASONS)
    for message, number in top.iter_rows():
        yield f"{count(number, 'trial')} said: {shorten(plain(message))}"


def _diverged(findings: Findings) -> Iterator[str]:
    rows = findings.coverage.filter(pl.col("diverged") > 0).to_dicts()
    if rows:
        shares = listed(f"{row['arm']} {row['diverged']} of {row['planned']}" for row in rows)
        yield (
            f"Trials diverged: {shares}. Means and differences are over the trials that did not, "
            "so they flatter an arm that diverges."
        )


def _not_finite(findings: Findings) -> Iterator[str]:
    rows = findings.summary.filter(pl.col("not_finite") > 0).to_dicts()
    if rows:
        shares = listed(f"{row['arm']} {row['not_finite']}" for row in rows)
        yield f"Completed trials without a finite {findings.metric}: {shares}. They count in no mean."


def _too_few_seeds(findings: Findings) -> Iterator[str]:
    rows = findings.differences.filter(pl.col("smallest_p_holm") > LEVEL).sort("planned_pairs").to_dicts()
    if rows:
        comparisons = len(findings.differences)
        enough = next((n for n in range(1, 64) if comparisons * smallest_p(n) <= LEVEL), None)
        yield (
            f"The planned seeds cannot decide: with {count(rows[0]['planned_pairs'], 'pair')} and "
            f"{count(comparisons, 'comparison')} the smallest p that can be reached is "
            f"{p_value(rows[0]['smallest_p_holm'])}" + (f"; {enough} seeds can reach {LEVEL:g}." if enough else ".")
        )


def _data(findings: Findings) -> Iterator[str]:
    if len({arm.fingerprint for arm in findings.arms}) > 1:
        yield "Arms were trained on different data: a difference between them is also one between their data."


def _code(findings: Findings) -> Iterator[str]:
    commits = len({run.git_commit for run in findings.runs if run.git_commit})
    if commits > 1:
        yield f"Trials were run with {commits} commits of the code: see Provenance."
    if any(run.git_dirty for run in findings.runs):
        yield "The code had changes that were not committed: see Provenance."


def _environments(findings: Findings) -> Iterator[str]:
    """Neither hardware nor versions are part of a trial's identity: trials that differ in them pass for one study."""
    values = {name: findings.environments[name].drop_nulls().unique(maintain_order=True) for name in DECISIVE}
    several = [f"{name} ({', '.join(found)})" for name, found in values.items() if len(found) > 1]
    if several:
        yield (
            f"Trials did not run under the same conditions: they differ in {listed(several)}, which may change their "
            "numbers; see Provenance."
        )


def _damage(findings: Findings) -> Iterator[str]:
    if findings.damaged:
        files = listed(findings.damaged[:5]) + (" and more" if len(findings.damaged) > 5 else "")
        number = count(len(findings.damaged), "record")
        yield f"{number} on disk cannot be trusted; what they held counts as not run: {files}."
