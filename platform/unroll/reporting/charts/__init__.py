"""Charts of the results, as Vega-Lite specifications: each file draws one kind and writes its captions."""

from __future__ import annotations

from unroll.reporting.charts.claims import draw_claims
from unroll.reporting.charts.curves import draw_curves
from unroll.reporting.charts.differences import draw_differences
from unroll.reporting.charts.divergence import draw_divergence
from unroll.reporting.charts.examples import draw_examples
from unroll.reporting.charts.free_running import draw_free_running_by_distance, draw_free_running_curves
from unroll.reporting.charts.profiles import MOST_PROFILES, draw_fading, draw_metrics_by_distance
from unroll.reporting.charts.seeds import draw_seeds
from unroll.reporting.charts.style import colour_arms
from unroll.reporting.charts.tuning import draw_expected_best
from unroll.reporting.document import Chart
from unroll.reporting.findings import Findings

__all__ = ["MOST_PROFILES", "colour_arms", "draw_charts"]

DRAW = (
    *(draw_claims, draw_differences, draw_divergence, draw_curves, draw_free_running_curves),
    *(
        draw_free_running_by_distance,
        draw_metrics_by_distance,
        draw_fading,
        draw_seeds,
        draw_examples,
        draw_expected_best,
    ),
)


def draw_charts(findings: Findings) -> dict[str, Chart]:
    """Every chart that the results allow, by name."""
    return {chart.name: chart for draw in DRAW for chart in draw(findings)}
