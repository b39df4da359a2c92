"""The declared claims with their verdicts, one line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from unroll.evidence import LEVEL
from unroll.evidence.power import MOST_SEEDS, POWER
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import count, listed, percent
from unroll.reporting.wording import effect_words, p_words

VERDICTS = ("supported", "equivalent", "refuted", "undecided")


def verdicts_sentence(findings: Findings) -> str:
    """How many claims have which verdict: ``3 claims: 2 supported and 1 undecided``."""
    found = Counter(findings.claims["verdict"])
    return f"{count(len(findings.claims), 'claim')}: {listed(f'{found[v]} {v}' for v in VERDICTS if found[v])}."


def claim_sentences(findings: Findings) -> Iterator[str]:
    """One for each claim: ``gru better than elman is supported``, with its numbers."""
    for row in findings.claims.to_dicts():
        yield f"{row['claim']} is {row['verdict']}: {_numbers(row, findings)}{_survivors(row)}."


def claim_title(row: dict[str, Any], findings: Findings) -> str:
    """A claim, its verdict and its effect, for the head of its chart."""
    effect, interval = effect_words(row, findings) if row["n"] else ("no seed has all its trials", "")
    return f"{row['claim']} is {row['verdict']}: {effect}{f', 95 % interval {interval}' if interval else ''}."


def _numbers(row: dict[str, Any], findings: Findings) -> str:
    """Effect, interval and test; why there is none; and what would decide."""
    if not row["n"]:
        return "no seed has all trials that it speaks of"
    effect, interval = effect_words(row, findings)
    metric = "" if row["kind"] == "diverges less" or row["metric"] == findings.metric else f" on {row['metric']}"
    over = f", averaged over {row['cells']} pairs of arms" if row["cells"] > 1 else ""
    told = f"{effect}{metric}{over}"
    if row["one_value"]:
        return f"{told}, the same on every seed: one observation, from which no test follows"
    if not interval:
        return f"{told} on one seed, from which neither an interval nor a test follows"
    p = p_words(row, alone=len(findings.claims) == 1 and findings.plan.looks is None)
    return f"{told}, 95 % interval {interval}, {p} on {count(row['n'], 'seed')}{_needed(row)}"


def _needed(row: dict[str, Any]) -> str:
    if row["verdict"] != "undecided":
        return ""
    if row["smallest_p"] > LEVEL:
        return f" (the planned seeds cannot reach {LEVEL:g})"
    if row["seeds_needed"] is None:
        return f" (with this effect and spread, {MOST_SEEDS:,} seeds would not decide it)"
    return f" (with this effect and spread, {row['seeds_needed']:,} seeds would decide it with {percent(POWER)} power)"


def _survivors(row: dict[str, Any]) -> str:
    """The trials without which the numbers are."""
    diverged = row["first_diverged"] + row["second_diverged"]
    if not diverged or row["kind"] == "diverges less":
        return ""
    return f", over survivors: {count(diverged, 'trial')} diverged"
