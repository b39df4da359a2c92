"""At which look what was decided, and what that cost."""

from __future__ import annotations

from typing import Any

from unroll.evidence import LEVEL
from unroll.reporting.findings import Findings
from unroll.reporting.looks import looked_rows
from unroll.reporting.numbers import count, listed, p_value
from unroll.study.declaration import Looks

SPELT_OUT = 6
"""Comparisons up to which each is named with its look; beyond, a table alone does so."""


def looks_sentence(findings: Findings) -> str:
    """What was declared, what was decided where, and the trials that were planned for it; empty without looks."""
    looks = findings.plan.looks
    if looks is None:
        return ""
    rows = looked_rows(findings, looks)
    decided = [f"{row['name']} at look {row['look']} ({row['seeds']} seeds)" for row in rows if row["closed"]]
    parts = [f"Looks at {listed(map(str, looks.at))} seeds were declared before the first result"]
    if decided:
        parts.append(f"decided were {listed(decided) if len(rows) <= SPELT_OUT else f'{len(decided)} of {len(rows)}'}")
    return ": ".join(parts) + f". {_undecided(rows, looks)}{_price(findings)}"


def _undecided(rows: list[dict[str, Any]], looks: Looks) -> str:
    """Why what is tested has no verdict although its adjusted p may be below 5 %."""
    waiting = [row for row in rows if not row["closed"] and 0 < row["look"] < len(looks.at)]
    if not waiting:
        return ""
    limits = {row["may_spend"] for row in waiting}
    spent = f" (adjusted p above {p_value(limits.pop())})" if len(limits) == 1 else ""
    number = "1 is" if len(waiting) == 1 else f"{len(waiting)} are"
    return f"{number} undecided so far{spent}, with looks to come. "


def _price(findings: Findings) -> str:
    plan = findings.plan
    arms = {arm.name for arm in plan.arms}
    fixed = len(plan.trials) + sum(trial.arm in arms for trial in plan.reserve)
    seeds = plan.looks.up_to if plan.looks else 0
    return f"{count(len(plan.trials), 'trial')} were planned so far, of {fixed:,} with {seeds} seeds for every arm."


READING_LOOKS = (
    "This study declared looks in advance: seeds are added to what is undecided, and what is decided gets no more. "
    f"The chance of any wrong verdict is {100 * LEVEL:g} % over all looks together: each may spend a part of it (Lan "
    "and DeMets 1983). The adjusted p of a comparison is what earlier looks could spend and its p at its last look, "
    "among joint flips that no earlier look would have decided; it is set against what may be spent up to that look, "
    f"and only after the last look against {LEVEL:g}. All other numbers are over all seeds that are there, as if their "
    "number had been fixed: of what was decided early, differences are larger than those of a repetition would be, and "
    "intervals hold the true difference a little less often."
)
