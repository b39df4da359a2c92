"""Where the two sides of a comparison ran: hardware, versions and the packs that their trials came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from unroll.reporting.findings import Findings
from unroll.reporting.numbers import listed, shorten

SHOWN = 60
"""Characters of one value: names of devices are long."""


def difference_sentences(findings: Findings) -> Iterator[str]:
    """What the sides had, for each comparison whose sides ran on other hardware or versions; equal ones in one."""
    arms: dict[tuple[str, str, str], list[str]] = {}
    for arm, names in findings.ran_elsewhere.items():
        baseline = findings.baselines[arm]
        sides = _side(findings, arm, names), _side(findings, baseline, names)
        arms.setdefault((baseline, *sides), []).append(arm)
    for (baseline, own, other), names in arms.items():
        yield f"Not under the same conditions: {listed(names)} ran on {own}; the baseline {baseline} on {other}."


def _side(findings: Findings, arm: str, names: Sequence[str]) -> str:
    """What an arm ran on, as far as it matters, and where its trials came from."""
    values = findings.surroundings[arm]
    parts = [f"{name} {listed(shorten(value, SHOWN) for value in values[name])}" for name in names]
    came = {trial.id: f"the pack {pack.named}" for pack, trials in findings.packs for trial in trials}
    done = findings.ordered.filter(pl.col("arm") == arm, pl.col("status") == "completed")["trial"]
    origins = dict.fromkeys(came.get(trial, "this folder") for trial in done)
    return ", ".join(parts) + (f" (from {listed(origins)})" if came else "")
