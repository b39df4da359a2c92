"""What a finished study has decided, and what deciding the rest would take."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from unroll.evidence import claim_seeds, deciding_pairs, reach, smallest_p
from unroll.evidence.pairs import LEVEL
from unroll.evidence.power import MOST_SEEDS, POWER
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import count, listed, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The last words on a study whose trials have all ended."""

    decided: str
    """How many claims or comparisons have a verdict."""
    open: str = ""
    """Which have none, and what would give one; empty where all have."""
    seeds: int | None = None
    """Of a study that can decide what is open; None where nothing is, or no number of seeds would."""


def look_on(findings: Findings) -> Outlook | None:
    """What is decided and what is open; None for a study that compares nothing."""
    what = "claim" if findings.plan.claims else "comparison"
    verdicts = _verdicts(findings)
    if not verdicts:
        return None
    planned = len(findings.seeds)
    undecided = [name for name, verdict in verdicts.items() if verdict in ("undecided", "untested")]
    decided = f"{len(verdicts) - len(undecided)} of {count(len(verdicts), what)} with {_seeds(findings)}"
    if not undecided:
        return Outlook(decided=decided)
    fewest, needed = reach(findings.plan).enough_seeds, _needed(findings)
    short = [name for name in undecided if smallest_p(_planned(findings)[name]) > LEVEL]
    if short:
        open_ = f"{listed(short)}: these seeds cannot reach {LEVEL:g}, {fewest} can"
        return Outlook(decided=decided, open=open_, seeds=max(fewest, planned + 1))
    known = {name: max(needed[name] or 0, planned + 1) for name in undecided if needed.get(name)}
    parts = [f"{name} by {seeds:,} seeds" for name, seeds in known.items()]
    if never := [name for name in undecided if verdicts[name] == "undecided" and name not in known]:
        parts.append(f"{listed(never)} by no number of seeds up to {MOST_SEEDS:,}")
    if untested := [name for name in undecided if verdicts[name] == "untested"]:
        parts.append(f"{listed(untested)} by none, since no seed changes either side")
    how = f" (the effect and spread that were seen, {percent(POWER)} power)" if known or never else ""
    return Outlook(
        decided=decided, open=f"would be decided: {listed(parts)}{how}", seeds=max(known.values(), default=None)
    )


def _seeds(findings: Findings) -> str:
    """The planned seeds, and whether they are those that the first run recorded."""
    planned, number = set(findings.seeds), count(len(findings.seeds), "seed")
    if not findings.analyses or findings.analyses[0].results:  # recorded by then by no version
        return number
    declared = planned & set(findings.analyses[0].declared.seeds)
    if declared == planned:
        return f"the {number} that {'was' if len(planned) == 1 else 'were'} declared"
    return f"{number}, of which {len(declared):,} {'was' if len(declared) == 1 else 'were'} declared"


def _verdicts(findings: Findings) -> dict[str, str]:
    """Claim, or arm that is compared -> its verdict."""
    if findings.plan.claims:
        return dict(findings.claims.select("claim", "verdict").iter_rows())
    return dict(findings.differences.select("arm", "verdict").iter_rows())


def _planned(findings: Findings) -> dict[str, int]:
    """The same -> seeds that are planned for both sides."""
    if findings.plan.claims:
        return claim_seeds(findings.plan)
    return dict(findings.differences.select("arm", "planned_pairs").iter_rows())


def _needed(findings: Findings) -> dict[str, int | None]:
    """The same -> seeds that would decide it."""
    if findings.plan.claims:
        rows = findings.claims.filter(pl.col("verdict") == "undecided")
        return dict(rows.select("claim", "seeds_needed").iter_rows())
    return deciding_pairs(findings.paired, findings.metric, baselines=findings.baselines, scale=findings.note.scale)
