"""What the study has found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from unroll.reporting.findings import Findings
from unroll.reporting.numbers import count, fixed, listed, percent_span
from unroll.reporting.prose.claims import claim_sentences, verdicts_sentence
from unroll.reporting.prose.comparisons import comparison_sentences
from unroll.reporting.prose.effects import effects_sentence
from unroll.reporting.prose.looks import looks_sentence
from unroll.reporting.wording import FLOOR, STATUS_WORDS, decimals, p_words, with_unit

SPELT_OUT = 6
"""Arms up to which each has its rate and test written out; beyond, rates and verdicts are listed by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The answer in parts."""

    first: str
    """What is measured against what, or how many claims have which verdict; before all trials ended, how they did."""
    verdicts: list[str]
    """A sentence for each claim or comparison, or for each verdict of many."""
    remarks: list[str]


def answer(findings: Findings) -> str:
    """What the study has found so far, in one paragraph."""
    told = tell(findings)
    return " ".join([told.first, *told.verdicts, *told.remarks])


def tell(findings: Findings) -> Told:
    """What the study has found so far; before a trial completed, divergence at most."""
    completed = findings.counts.get("completed", 0)
    if completed < findings.planned:
        ends, last = [_ends(findings)], []
    else:
        ends, last = [], [_ends(findings)]
    looks = [text] if (text := looks_sentence(findings)) else []
    if findings.plan.claims:
        first = " ".join([verdicts_sentence(findings), *ends])
        return Told(first=first, verdicts=[*claim_sentences(findings)], remarks=[*looks, *last])
    diverged = [text] if (text := divergence_sentence(findings)) else []
    if completed:
        first, verdicts = comparison_sentences(findings)
        pooled = [text] if (text := effects_sentence(findings)) else []
        remarks = [*pooled, *looks, *_floor(findings), *diverged, *last]
        return Told(first=" ".join([*ends, first]), verdicts=verdicts, remarks=remarks)
    if findings.counts.get("diverged", 0) == findings.planned:
        first = f"Every planned trial diverged ({findings.planned:,}), so no arm has a final {findings.metric}."
    else:
        first = f"No answer yet: {_ends(findings).removesuffix('.')}, so no arm leads."
    return Told(first=first, verdicts=[], remarks=diverged)


def _ends(findings: Findings) -> str:
    """How the planned trials ended: ``20 of 24 planned trials have completed; 1 diverged and 3 timed out``."""
    completed = findings.counts.get("completed", 0)
    others = [f"{number:,} {STATUS_WORDS[s]}" for s, number in findings.counts.items() if s != "completed"]
    have = "has" if completed == 1 else "have"
    planned = count(findings.planned, "planned trial")
    return f"{completed:,} of {planned} {have} completed{f'; {listed(others)}' if others and completed else ''}."


def _floor(findings: Findings) -> Iterator[str]:
    floors = FLOOR.values(findings, findings.metric)
    means = findings.summary.drop_nulls("mean").sort("mean", descending=findings.direction == "maximize")
    if len(floors) == 1 and not means.is_empty():
        best, places = means.row(0, named=True), decimals(findings)
        gap, side = fixed(abs(best["mean"] - floors[0]), places), "below" if best["mean"] < floors[0] else "above"
        value = with_unit(fixed(floors[0], places), findings.note.unit)
        yield (
            f"The true distribution of these data reaches {value}, the best possible in expectation; "
            f"{best['arm']}, the best mean, is {gap} {side} it."
        )


def divergence_sentence(findings: Findings) -> str:
    """Rates with their exact intervals and the paired comparison with the baselines; empty where nothing diverged."""
    if not findings.any_diverged:
        return ""
    rows = findings.divergence.to_dicts()
    parts = list(_spelt_out(rows, findings) if len(rows) <= SPELT_OUT else _by_name(findings))
    return "; ".join([parts[0][0].upper() + parts[0][1:], *parts[1:]]) + "."


def _spelt_out(rows: list[dict[str, Any]], findings: Findings) -> Iterator[str]:
    """``The baseline none diverged on 9 of 10 seeds (95 % interval ...)``, and shorter for those after it."""
    first = next(row["arm"] for row in rows if row["n"])
    for row in rows:
        name = f"the baseline {row['arm']}" if row["baseline"] is None else row["arm"]
        if not row["n"]:
            yield f"{name} has no trial with a result yet"
            continue
        interval = percent_span(row["low"], row["high"])
        if row["arm"] == first:
            seeds = f"{row['diverged']} of {count(row['n'], 'seed')}"
            yield f"{name} diverged on {seeds} (95 % interval {interval}){_compared(row, findings)}"
        else:
            yield f"{name} on {row['diverged']} of {row['n']} ({interval}){_compared(row, findings)}"


def _compared(row: dict[str, Any], findings: Findings) -> str:
    """Verdict and p-values; nothing for the baseline itself and where there is no pair."""
    if row["p"] is None:
        return ""
    return f": {row['verdict']}, {p_words(row, alone=findings.divergence['baseline'].count() == 1)}"


def _by_name(findings: Findings) -> Iterator[str]:
    """Every arm that diverged with its counts, then the verdicts."""
    rates, baseline = findings.divergence, "its baseline" if findings.several_baselines else "the baseline"
    diverged = rates.filter(pl.col("diverged") > 0).select("arm", "diverged", "n")
    yield "Seeds that diverged: " + listed(f"{arm} {seeds} of {n}" for arm, seeds, n in diverged.iter_rows())
    for verdict in ("more often", "less often"):
        if names := rates.filter(pl.col("verdict") == verdict)["arm"].to_list():
            yield f"{verdict} than {baseline}: {listed(names)}"
