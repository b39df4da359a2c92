"""What the arms reached beside their baselines, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from unroll.evidence import LEVEL, smallest_p
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import count, fixed, listed, p_value, percent, plus_minus, span
from unroll.reporting.wording import decimals, describe_baseline, goal, with_unit
from unroll.study.groups import Group

SPELT_OUT = 6
"""Comparisons up to which each gets its own sentence; beyond, the verdicts are listed by name."""


def comparison_sentences(findings: Findings) -> Iterator[str]:
    """Each baseline with what it reaches, and the arms that are compared with it; one sentence for each of several."""
    measured = f"On {findings.metric} ({goal(findings.direction)}),"
    if findings.several_baselines:
        means = "; means have their 95 % intervals" if _is_long(findings) else ""
        yield f"{measured} each arm is set against {describe_baseline(findings.plan)}{means}."
        yield from (f"With {group.shared}, {_in_one_sentence(group, findings)}." for group in findings.groups)
        return
    (group,) = findings.groups
    yield f"{measured} {_baseline(group, findings)}."
    if _is_long(findings):
        yield from (f"{verdict.capitalize()}: {names}." for verdict, names in _verdicts(group, findings))
    else:
        yield from (f"{_comparison(row, group, findings)}." for row in _rows(group, findings))


def _is_long(findings: Findings) -> bool:
    return len(findings.differences) > SPELT_OUT


def _in_one_sentence(group: Group, findings: Findings) -> str:
    """A baseline and its arms in one sentence."""
    if _is_long(findings):
        others = [f"{verdict}: {names}" for verdict, names in _verdicts(group, findings)]
        return "; ".join([_baseline(group, findings, brief=True), *others])
    others = [_comparison(row, group, findings) for row in _rows(group, findings)]
    return "; ".join([_baseline(group, findings), *others])


def _rows(group: Group, findings: Findings) -> list[dict[str, Any]]:
    """The comparisons of a group; none where its baseline has no value."""
    known = _summary(group.baseline, findings)["n"]
    return findings.differences.filter(pl.col("baseline") == group.baseline).to_dicts() if known else []


def _summary(arm: str, findings: Findings) -> dict[str, Any]:
    return findings.summary.row(by_predicate=pl.col("arm") == arm, named=True)


def _baseline(group: Group, findings: Findings, *, brief: bool = False) -> str:
    row, name = _summary(group.baseline, findings), f"the baseline {group.labels[group.baseline]}"
    if not row["n"]:
        what = "usable final value" if row["completed"] else "completed trial"
        return f"{name} has no {what}{_diverged(group.baseline, findings, ' ({})')}, so nothing can be compared with it"
    half = None if row["high"] is None else row["high"] - row["mean"]
    value = with_unit(plus_minus(row["mean"], half, decimals(findings)), findings.note.unit)
    over = "one seed, so without an interval" if row["n"] == 1 else f"mean over {row['n']} seeds with its 95 % interval"
    return f"{name} reaches {value}{'' if brief else f' ({over})'}{_diverged(group.baseline, findings)}"


def _comparison(row: dict[str, Any], group: Group, findings: Findings) -> str:
    name = group.labels[row["arm"]]
    if not row["n"]:
        return f"{name} is undecided: no completed pair with the baseline{_diverged(row['arm'], findings, ' ({})')}"
    places = decimals(findings)
    size = with_unit(fixed(abs(row["difference"]), places), findings.note.unit)
    way = "lower" if row["difference"] < 0 else "higher"
    amount = f"{size} {way}" if row["relative"] is None else f"{size} {way} ({percent(abs(row['relative']))})"
    if row["low"] is None:
        return f"{name} is undecided: {amount} on one seed, from which neither an interval nor a test follows"
    interval = span(row["low"], row["high"], places, sign=True)
    wins = f"better on {row['superiority'] * row['n']:g} of {row['n']} seeds"
    numbers = f"{amount}, 95 % interval {interval}, {_test(row, findings)}, {wins}"
    return f"{name} is {row['verdict']}: {numbers}{_diverged(row['arm'], findings)}{_elsewhere(row['arm'], findings)}"


def _test(row: dict[str, Any], findings: Findings) -> str:
    """Both p-values, and why an interval on one side of zero decides nothing."""
    p = f"p = {p_value(row['p'])}"
    both = p if len(findings.differences) == 1 else f"{p}, adjusted {p_value(row['p_adjusted'])}"
    if row["smallest_p"] > LEVEL:
        return f"{both} (these seeds cannot reach {LEVEL:g})"
    if smallest_p(row["n"]) > LEVEL:
        return f"{both} (the {row['n']} of {count(row['planned_pairs'], 'pair')} that completed cannot reach {LEVEL:g})"
    if row["verdict"] == "undecided" and row["low"] * row["high"] > 0:
        return f"{both} (p decides, not the interval)"
    return both


def _diverged(arm: str, findings: Findings, words: str = ", but {}") -> str:
    """The trials without which an arm's numbers are, which a sentence about it must not leave out."""
    row = findings.coverage.row(by_predicate=pl.col("arm") == arm, named=True)
    number = f"{row['diverged']} of its {count(row['planned'], 'trial')} diverged"
    return words.format(number) if row["diverged"] else ""


def _elsewhere(arm: str, findings: Findings) -> str:
    """In what hardware and versions of the two sides differ."""
    names = findings.ran_elsewhere.get(arm)
    return f", on another {listed(names)} than the baseline" if names else ""


def _verdicts(group: Group, findings: Findings) -> Iterator[tuple[str, str]]:
    """Each verdict of a group with the names that it is on."""
    rows = _rows(group, findings)
    for verdict in ("better", "worse", "undecided"):
        names = [
            group.labels[row["arm"]] + (f" (but {row['diverged']} diverged)" if row["diverged"] else "")
            for row in rows
            if row["verdict"] == verdict
        ]
        if names:
            yield verdict, listed(names)
