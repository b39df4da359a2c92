"""What the arms reached beside their baselines, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from unroll.evidence import LEVEL, smallest_p
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import count, fixed, listed, percent, ranges, span
from unroll.reporting.wording import decimals, describe_baseline, goal, p_words, with_unit
from unroll.study.groups import Group

SPELT_OUT = 6
"""Comparisons up to which each gets its own sentence; beyond, the verdicts are listed by name."""
VERDICTS = ("better", "worse", "undecided", "untested")
"""In the order in which they are told."""


def comparison_sentences(findings: Findings) -> tuple[str, list[str]]:
    """What is measured against what, and a sentence for each comparison; of several baselines one for each, too."""
    measured = f"On {findings.metric} ({goal(findings.direction)}),"
    if findings.several_baselines:
        means = "; means have their 95 % intervals" if _is_long(findings) else ""
        first = f"{measured} each arm is set against {describe_baseline(findings.plan)}{means}."
        each = ((group.shared, text) for group in findings.groups for text in _of_group(group, findings))
        return first, [f"With {shared}, {text}." for shared, text in each]
    (group,) = findings.groups
    first, *others = _of_group(group, findings)
    return f"{measured} {first}.", [
        f"{text[0].upper()}{text[1:]}." if _is_long(findings) else f"{text}." for text in others
    ]


def verdict_title(findings: Findings) -> str:
    """All comparisons in one sentence: ``Better than elman: gru and lstm.``, or how many of each verdict."""
    found = {
        verdict: findings.differences.filter(pl.col("verdict") == verdict)["arm"].to_list() for verdict in VERDICTS
    }
    baseline = describe_baseline(findings.plan)
    if _is_long(findings):
        numbers = listed(f"{len(arms)} {verdict}" for verdict, arms in found.items() if arms)
        return f"Against {baseline}: {numbers}."
    than = {
        "better": "Better than",
        "worse": "Worse than",
        "undecided": "Undecided against",
        "untested": "Untested against",
    }
    return " ".join(f"{than[verdict]} {baseline}: {listed(arms)}." for verdict, arms in found.items() if arms)


def _is_long(findings: Findings) -> bool:
    return len(findings.differences) > SPELT_OUT


def _of_group(group: Group, findings: Findings) -> Iterator[str]:
    """A baseline, then its arms, or each verdict with the arms that it is on."""
    brief = _is_long(findings) and findings.several_baselines
    yield _baseline(group, findings, brief=brief)
    if _is_long(findings):
        yield from (f"{verdict}: {names}" for verdict, names in _verdicts(group, findings))
    else:
        yield from (_comparison(row, group, findings) for row in _rows(group, findings))


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
    places = decimals(findings)
    value = with_unit(fixed(row["mean"], places), findings.note.unit)
    over = _over(row, group.baseline, findings)
    short = "" if row["high"] is None else f" ({span(row['low'], row['high'], places)})"
    return f"{name} reaches {value}{short if brief else f' ({over})'}{_diverged(group.baseline, findings)}"


def _over(row: dict[str, Any], arm: str, findings: Findings) -> str:
    """Over what a mean is, and its interval."""
    if findings.draws_nothing(arm):
        return "the one value that it has, since no seed changes it"
    if row["n"] == 1:
        return "one seed, so without an interval"
    if row["high"] is None:
        return f"the same on all of {row['n']} seeds, so without an interval"
    interval = span(row["low"], row["high"], decimals(findings))
    kind = {"identity": "mean", "log": "geometric mean", "logit": "mean of log odds"}[findings.scale]
    return f"{kind} over {row['n']} seeds, 95 % interval {interval}"


def _comparison(row: dict[str, Any], group: Group, findings: Findings) -> str:
    name = group.labels[row["arm"]]
    if not row["n"]:
        return f"{name} is undecided: no completed pair with the baseline{_diverged(row['arm'], findings, ' ({})')}"
    places = decimals(findings)
    size = with_unit(fixed(abs(row["difference"]), places), findings.note.unit)
    way = "lower" if row["difference"] < 0 else "higher"
    amount = f"{size} {way}" if row["relative"] is None else f"{size} {way} ({percent(abs(row['relative']))})"
    if row["verdict"] == "untested":
        return f"{name} is untested: {amount}, one observation each, since neither varies over seeds"
    if row["low"] is None and row["one_value"] is None and row["test"] == "differences":
        return f"{name} is undecided: {amount} on one seed, from which neither an interval nor a test follows"
    if row["test"] == "differences" and row["difference"] == row["low"] == row["high"] == 0:
        return (
            f"{name} is undecided: it equals the baseline on each of {count(row['n'], 'seed')}, {_test(row, findings)}"
        )
    wins = f"better on {row['superiority'] * row['n']:g} of {row['n']} seeds"
    interval = [] if row["low"] is None else [f"95 % interval {span(row['low'], row['high'], places, sign=True)}"]
    numbers = ", ".join([amount, *interval, _test(row, findings), wins, *_doubts(row, places)])
    return f"{name} is {row['verdict']}: {numbers}{_diverged(row['arm'], findings)}{_elsewhere(row['arm'], findings)}"


def _doubts(row: dict[str, Any], places: int) -> Iterator[str]:
    """What a mean and a verdict alone would hide: few seeds that make them, and a side that does not vary."""
    if row["difference"] * row["median"] < 0:
        median, middle = (fixed(row[name], places, sign=True) for name in ("median", "middle_half"))
        yield f"by few seeds: the median difference is {median}, that of the middle half {middle}"
    if len(row["hangs_on"]) == 1:
        yield f"hangs on one seed, without {row['hangs_on'][0]} undecided"
    elif row["hangs_on"]:
        yield f"hangs on single seeds, undecided without any one of {ranges(row['hangs_on'])}"
    if row["one_value"] in ("arm", "baseline"):
        side = "the arm" if row["one_value"] == "arm" else "the baseline"
        yield f"{side} has one value and the other side varies around its own"


def _test(row: dict[str, Any], findings: Findings) -> str:
    """Both p-values, what they are of, and why nothing is decided."""
    both = p_words(row, alone=len(findings.differences) == 1 and findings.plan.looks is None)
    if row["smallest_p"] > LEVEL:
        return f"{both} (these seeds cannot reach {LEVEL:g})"
    tested = row["tested_pairs"]
    if smallest_p(tested) > LEVEL:
        kept = "that completed" if row["test"] == "differences" else "on which not both diverged"
        return f"{both} (the {tested} of {count(row['planned_pairs'], 'pair')} {kept} cannot reach {LEVEL:g})"
    if row["test"] == "signs":
        return f"{both} of signs, since a side that diverged is worse than any value"
    if row["verdict"] == "undecided" and row["low"] is not None and row["low"] * row["high"] > 0:
        return f"{both} (adjusted p decides, not the interval)"
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
    for verdict in VERDICTS:
        names = [
            group.labels[row["arm"]] + (f" (but {row['diverged']} diverged)" if row["diverged"] else "")
            for row in rows
            if row["verdict"] == verdict
        ]
        if names:
            yield verdict, listed(names)
