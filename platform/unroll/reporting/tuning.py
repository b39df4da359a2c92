"""What a report shows of a tuning, before it becomes words, tables or a chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unroll.evidence import expected_best
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import fixed
from unroll.study.tuning import Winner


def chosen(findings: Findings) -> dict[str, Winner]:
    """Arm -> what its tuning has chosen."""
    winners = {won.tuning: won for won in findings.winners}
    arms = ((arm.name, arm.tuning) for arm in findings.arms if arm.draw is not None)
    return {name: winners[tuning] for name, tuning in arms if tuning in winners}


def draw_curves(findings: Findings) -> dict[str, list[float]]:
    """Arm -> expected best score of 1, 2, ... random draws.

    The draw 0, the study's own settings, was not drawn and is left out. A draw without a value (diverged, or ended
    early) counts as the worst one that has a value.
    """
    tuning = findings.plan.tuning
    if tuning is None or tuning.metric is None:
        return {}
    direction = findings.plan.metrics[tuning.metric].direction
    curves = {}
    for arm, won in chosen(findings).items():
        drawn = [candidate.value for candidate in won.candidates if candidate.draw > 0]
        known = [value for value in drawn if value is not None]
        if known:
            worst = max(known) if direction == "minimize" else min(known)
            curves[arm] = expected_best([worst if v is None else v for v in drawn], direction=direction)
    return curves


def spell_values(values: Mapping[str, Any]) -> str:
    """Drawn values as people read them: ``learning_rate=0.003, dropout=0``."""
    return ", ".join(f"{path.rpartition('.')[2]}={_spell(value)}" for path, value in values.items())


def _spell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def score(value: float | None) -> str:
    """A score with four digits; a dash for none."""
    return "–" if value is None else fixed(value, 2) if abs(value) >= 100 else f"{value:.4g}"
