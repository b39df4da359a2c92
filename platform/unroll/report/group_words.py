"""What arms are compared to, in words."""

from __future__ import annotations

from unroll.report.numbers import listed
from unroll.study.groups import find_groups, kept_factors, short_factors
from unroll.study.plan import Plan


def told_baseline(plan: Plan) -> str:
    """What arms are compared to: ``elman``, or ``elman with the same length`` where every length has its own."""
    first = find_groups(plan)[0]
    kind = first.kinds[first.baseline]
    return f"{kind} with the same {told_factors(plan, kept_factors(plan))}" if first.shared else kind


def told_factors(plan: Plan, factors: list[str]) -> str:
    """Factors by their short names: ``length``, ``length and depth``."""
    return listed(short_factors(plan, factors))
