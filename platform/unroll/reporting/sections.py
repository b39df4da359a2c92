"""Which sections a report has, and what stands in each."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from unroll.evidence import LEVEL
from unroll.reporting.charts import MOST_PROFILES, colour_arms, draw_charts
from unroll.reporting.document import Block, Chart, Document, Matrix, Note, Section
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import p_value, ranges, shorten
from unroll.reporting.prose.answer import answer, divergence_sentence
from unroll.reporting.prose.warnings import warnings
from unroll.reporting.tables import context, results
from unroll.reporting.tables.columns import name_arm
from unroll.reporting.tables.confusion import confusion_table
from unroll.reporting.tables.divergence import divergence_table
from unroll.reporting.tables.size import size_table
from unroll.reporting.wording import describe_baseline, goal, list_factors
from unroll.study.groups import kept_factors


def compose(findings: Findings) -> Document:
    """Put the findings in order."""
    return Document(
        study=findings.plan.study,
        question=findings.plan.question,
        answer=answer(findings),
        warnings=warnings(findings),
        tiles=list(_tiles(findings)),
        sections=[Section(anchor, title, blocks) for anchor, title, blocks in _sections(findings) if blocks],
        colours=colour_arms(findings.groups),
    )


def _tiles(findings: Findings) -> Iterator[tuple[str, str]]:
    yield f"{findings.counts.get('completed', 0):,} / {findings.planned:,}", "trials completed"
    yield str(len(findings.arms)), "arm" if len(findings.arms) == 1 else "arms"
    yield str(len(findings.seeds)), "seed" if len(findings.seeds) == 1 else "seeds"
    yield findings.metric, goal(findings.direction)
    if not findings.differences.is_empty():
        smallest = findings.differences.sort("smallest_p_holm")["smallest_p_holm"].to_list()[0]
        yield p_value(smallest), "smallest p within reach (Holm)"


def _sections(findings: Findings) -> Iterator[tuple[str, str, list[Block]]]:
    """Anchor, title and blocks of every section; one without blocks is left out."""
    charts = draw_charts(findings)
    others = [results.metrics_table(findings)] if findings.other_metrics else []
    yield "arms", "Arms", [results.arms_table(findings), *others]
    yield "differences", f"Against {describe_baseline(findings.plan)}", _against(findings, charts)
    yield "divergence", "Divergence", _divergence(findings, charts)
    yield "curves", "Learning curves", _curves(findings, charts)
    yield "profiles", "Against distance", _profiles(findings, charts)
    yield "confusion", "Confusion", [confusion_table(findings, s, n) for n, s in enumerate(findings.confusions, 1)]
    yield "seeds", "Seed by seed", [charts.get("seeds", Note("No completed trial has a finite value of the metric."))]
    yield "coverage", "Coverage", [_matrix(findings), context.coverage_table(findings)]
    yield (
        "failures",
        "Failures",
        [context.failures_table(findings) or Note("No trial diverged, stopped or failed.")],
    )
    yield "size", "Size and speed", [size_table(findings), *map(Note, _sizes_differ(findings))]
    yield "data", "Data", [context.facts_table(findings)]
    yield "settings", "Settings", [context.levels_table(findings), context.settings_table(findings)]
    yield "provenance", "Provenance", _provenance(findings)
    yield "reading", "How to read this", [Note(text) for text in _reading(findings)]


def _against(findings: Findings, charts: dict[str, Chart]) -> list[Block]:
    if findings.differences.is_empty():
        why = "The study has one arm" if len(findings.arms) == 1 else "Every arm is a baseline"
        return [Note(f"{why}: there is nothing to compare it with.")]
    chart: list[Block] = [charts["differences"]] if "differences" in charts else []
    rows = findings.differences.filter(pl.col("unpaired_seeds").list.len() > 0).iter_rows(named=True)
    seeds = "; ".join(f"{row['arm']} {ranges(row['unpaired_seeds'])}" for row in rows)
    unpaired = Note(f"Seeds that were planned for both sides but not completed by both, and so are left out: {seeds}.")
    return [*chart, results.differences_table(findings), *([unpaired] if seeds else [])]


def _divergence(findings: Findings, charts: dict[str, Chart]) -> list[Block]:
    """Nothing, and so no section, where no trial diverged."""
    if not findings.any_diverged:
        return []
    return [Note(divergence_sentence(findings)), charts["divergence"], divergence_table(findings)]


def _curves(findings: Findings, charts: dict[str, Chart]) -> list[Block]:
    """Validation first, then training; why there is no curve of validation, if there is none."""
    missing: list[Block] = [] if "curves" in charts else [Note(_no_curve(findings))]
    return [*missing, *(charts[name] for name in ("curves", "training") if name in charts)]


def _profiles(findings: Findings, charts: dict[str, Chart]) -> list[Block]:
    """Nothing, and so no section, where no profile was logged."""
    drawn = [chart for name, chart in charts.items() if name.startswith(("by_distance_", "profile_"))]
    others = ", ".join(list(findings.profiles)[MOST_PROFILES:])
    return [*drawn, *([Note(f"Not drawn, but in tables/profiles.csv: {others}.")] if others else [])]


def _no_curve(findings: Findings) -> str:
    logged = findings.history.filter(pl.col("value").is_finite())["metric"].unique()
    if findings.metric in logged or any(name.startswith("validation/") for name in logged):
        return "The validation metrics were logged at one step only: a curve needs several."
    return "No validation metric was logged during training."


def _matrix(findings: Findings) -> Matrix:
    rows = findings.ordered.select("arm", "seed", "status", pl.col("message").fill_null(""))
    ends = {(arm, seed): (status, shorten(message)) for arm, seed, status, message in rows.iter_rows()}
    cells = [(name, [ends.get((name, seed), ("", "")) for seed in findings.seeds]) for name in findings.names]
    caption = "Every planned trial: arms in rows, seeds in columns."
    return Matrix(caption, findings.seeds, [(name_arm(name, findings), row) for name, row in cells])


def _sizes_differ(findings: Findings) -> Iterator[str]:
    among = "Among arms that are compared, the" if findings.several_baselines else "The"
    if ratio := _ratio(findings, {arm.name: arm.parameters for arm in findings.arms}):
        yield f"{among} largest arm has {ratio} times the parameters of the smallest: a difference may come from size."
    if ratio := _ratio(findings, {arm.name: arm.flops_per_token or 0 for arm in findings.arms}):
        yield (
            f"{among} costliest arm takes {ratio} times the operations per token of the cheapest: a difference may "
            "come from computation."
        )


def _ratio(findings: Findings, sizes: dict[str, int]) -> str:
    """Largest over smallest of arms with the same baseline, where they differ by more than 5 %."""
    groups = [[sizes[arm] for arm in group.labels] for group in findings.groups]
    ratio = max((max(group) / min(group) for group in groups if min(group) > 0), default=1)
    return f"{ratio:.2f}" if ratio > 1.05 else ""


def _provenance(findings: Findings) -> list[Block]:
    environments = [] if findings.environments.is_empty() else [context.environments_table(findings)]
    runs = context.provenance_table(findings) if findings.runs else Note("The ledger holds no record of a run.")
    return [*environments, runs]


def _reading(findings: Findings) -> Iterator[str]:
    yield from READING
    if findings.several_baselines:
        kept = list_factors(findings.plan, kept_factors(findings.plan))
        yield (
            f"This study has several baselines: each arm is compared with {describe_baseline(findings.plan)}, and with "
            f"no other arm. Whether arms differ that do not have the same {kept} is not tested."
        )
    if findings.any_diverged:
        yield READING_DIVERGENCE


READING = (
    "An arm is one combination of levels; a seed gives every arm the same data order and the same initial weights "
    "wherever name and shape agree. So trials of one seed form pairs, and arms are compared pair by pair: what the "
    "seed brings to both sides cancels.",
    "A 95 % interval is Student's t interval over seeds, not corrected for the number of comparisons. It is about "
    "other seeds of the same study, not other data. With few seeds it may leave out zero where the test, which "
    "assumes no normal distribution, cannot decide: the verdict follows the test.",
    "p is the share of all sign patterns of the paired differences whose mean is at least as far from zero as the "
    "one seen (two-sided sign-flip test). With n pairs it cannot be smaller than 2 / 2ⁿ. Holm's correction "
    f"keeps the chance of any wrong verdict among all comparisons at {100 * LEVEL:g} %.",
    f"A verdict is “better” or “worse” when the corrected p is at most {LEVEL:g}, else “undecided”. Undecided means "
    "that these seeds do not separate the arms, not that the arms are equal.",
    "Diverged trials are results: they are counted under Coverage and enter no mean. Trials that failed or have not "
    "run are missing; running the same command again runs them.",
)
READING_DIVERGENCE = (
    "Where trials diverged, every mean and every difference is over survivors: the seeds on which an arm completed, "
    "which may be the easier ones. Read them beside the rates of divergence. Those are compared over all seeds on "
    "which both arms have a result: if both diverged equally often, each seed on which only one of them did would be "
    "as likely the other way round. p is that binomial tail, two-sided; Holm's correction is over the comparisons of "
    "divergence."
)
