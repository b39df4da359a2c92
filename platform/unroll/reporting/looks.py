"""What came of looks that were declared in advance, for sentences and tables."""

from __future__ import annotations

from typing import Any

from unroll.evidence import LEVEL, spent_levels
from unroll.reporting.findings import Findings
from unroll.study.declaration import Looks


def looked_rows(findings: Findings, looks: Looks) -> list[dict[str, Any]]:
    """Every comparison, or claim where there are any.

    ``name, verdict, look`` (at which it was decided, or tested last; 0: none), ``seeds`` (at that look), ``p_adjusted,
    may_spend`` (chance of a wrong verdict up to that look, which the adjusted p may not exceed), ``closed``.
    """
    spent = spent_levels(looks.at, looks.spending, LEVEL)
    frame, name = (findings.claims, "claim") if findings.plan.claims else (findings.differences, "arm")
    return [
        {
            "name": row[name],
            "verdict": row["verdict"],
            "look": row["look"],
            "seeds": looks.at[row["look"] - 1] if row["look"] else None,
            "p_adjusted": row["p_adjusted"],
            "may_spend": spent[row["look"] - 1] if row["look"] else None,
            "closed": row["closed"],
        }
        for row in frame.to_dicts()
    ]
