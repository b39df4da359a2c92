"""What is said where the planned seeds cannot decide: before anything is run, and in the report."""

from __future__ import annotations

from unroll.evidence import LEVEL, reach
from unroll.report.numbers import count, p_value
from unroll.study.plan import Plan


def reach_sentence(plan: Plan) -> str:
    """Why every comparison will be undecided, and with how many seeds it need not be; empty where that is not so."""
    reached = reach(plan)
    if reached.decides:
        return ""
    return (
        f"The planned seeds cannot decide: with {count(reached.pairs, 'pair')} and "
        f"{count(reached.comparisons, 'comparison')} the smallest p that can be reached is "
        f"{p_value(reached.smallest_p)}; {reached.enough_seeds} seeds can reach {LEVEL:g}."
    )
