"""Which sections a report has, and the blocks of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import polars as pl

from unroll.contract import VALIDATION
from unroll.evidence import LEVEL
from unroll.reporting.charts import MOST_PROFILES, colour_arms, draw_charts
from unroll.reporting.document import Block, Chart, Document, Exhibit, Matrix, Note, Section
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import p_value, ranges, shorten
from unroll.reporting.prose.answer import divergence_sentence, tell
from unroll.reporting.prose.claims import claim_title
from unroll.reporting.prose.comparisons import comparison_sentences, verdict_title
from unroll.reporting.prose.decided import NOT_RECORDED, decided_sentences
from unroll.reporting.prose.epochs import READING_EPOCHS, epoch_sentences, epoch_warnings
from unroll.reporting.prose.looks import READING_LOOKS
from unroll.reporting.prose.plan import warm_start_sentences
from unroll.reporting.prose.surroundings import difference_sentences
from unroll.reporting.prose.test_set import test_set_sentences
from unroll.reporting.prose.tuning import crossing_sentence, tuning_line, tuning_warnings
from unroll.reporting.prose.warnings import warnings
from unroll.reporting.tables import context, results
from unroll.reporting.tables.claims import claim_seeds_table, claims_table
from unroll.reporting.tables.columns import name_arm
from unroll.reporting.tables.confusion import confusion_table
from unroll.reporting.tables.divergence import divergence_table
from unroll.reporting.tables.effects import effects_table
from unroll.reporting.tables.examples import examples_table
from unroll.reporting.tables.looks import looks_table
from unroll.reporting.tables.size import size_table
from unroll.reporting.tables.test_set import test_set_table
from unroll.reporting.tables.trials import along_table, trials_table
from unroll.reporting.tables.tuning import search_table, tuning_table
from unroll.reporting.wording import describe_baseline, goal, list_factors
from unroll.study.groups import kept_factors


def compose(findings: Findings) -> Document:
    """Put the findings in order; a section without blocks is left out."""
    told = tell(findings)
    return Document(
        study=findings.plan.study,
        question=findings.plan.question,
        answer=told.first,
        decided=list(decided_sentences(findings.analyses)),
        warnings=[*warnings(findings), *tuning_warnings(findings), *epoch_warnings(findings)],
        tiles=list(_tiles(findings)),
        sections=[section for section in _sections(findings) if section.blocks],
        colours=colour_arms(findings.groups),
        verdicts=told.verdicts,
        remarks=[*told.remarks, tuning_line(findings)],
    )


def _tiles(findings: Findings) -> Iterator[tuple[str, str]]:
    yield f"{findings.counts.get('completed', 0):,} / {findings.planned:,}", "trials completed"
    yield str(len(findings.arms)), "arm" if len(findings.arms) == 1 else "arms"
    yield str(len(findings.seeds)), "seed" if len(findings.seeds) == 1 else "seeds"
    yield findings.metric, goal(findings.direction)
    if smallest := findings.differences["smallest_p"].drop_nulls().to_list():
        yield p_value(min(smallest)), "smallest p within reach"


def _sections(findings: Findings) -> Iterator[Section]:
    charts = draw_charts(findings)
    profiles = _named(charts, "free_running_distance_", "by_distance_", "profile_")
    confusions = [confusion_table(findings, split, number) for number, split in enumerate(findings.confusions, 1)]
    failures = context.failures_table(findings) or "No trial diverged, stopped or failed."
    known = findings.every_run or findings.packs
    runs = context.provenance_table(findings) if known else "The ledger holds no record of a run."
    seeds = charts.get("seeds", "No completed trial has a finite value of the metric.")
    metrics = results.metrics_table(findings) if findings.other_metrics else None
    if findings.plan.claims:
        yield _section("claims", "Claims", claims_table(findings), looks_table(findings), *_claims(findings, charts))
    arms = results.arms_table(findings)
    yield _section("arms", "Arms", seeds, arms, *warm_start_sentences(findings.plan), metrics)
    yield _section("differences", f"Against {describe_baseline(findings.plan)}", *_against(findings, charts))
    if findings.scored and not findings.test_set.is_empty():
        yield _section("test_set", "Test set", *test_set_sentences(findings), test_set_table(findings))
    yield _section("effects", "Averaged over other levels", effects_table(findings))
    if findings.any_diverged:
        rates = charts["divergence"], divergence_table(findings)
        yield _section("divergence", "Divergence", divergence_sentence(findings), *rates)
    curves = charts.get("curves"), charts.get("training")
    gaps = _named(charts, "free_running_step_")
    if findings.plan.tuning and findings.plan.tune_trials:
        tables = search_table(findings.plan.tuning), tuning_table(findings, findings.plan.tuning)
        yield _section("tuning", "Tuning", *tables, charts.get("expected_best"), crossing_sentence(findings))
    epochs = epoch_sentences(findings)
    along = along_table(findings, findings.curve_metric or "", findings.curves) if curves[0] else None
    yield _section(
        "curves", "Learning curves", _no_curve(findings, charts), *epochs, curves[0], along, curves[1], *gaps
    )
    others = ", ".join(list(findings.profiles)[MOST_PROFILES:])
    not_drawn = f"Not drawn, but in tables/profiles.csv: {others}." if others else None
    yield _section("profiles", "Against distance", *profiles, not_drawn)
    yield _section("confusion", "Confusion", *confusions)
    if findings.shown:
        yield _section("examples", "Examples", examples_table(findings), *_named(charts, "example_"))
    yield _section("coverage", "Coverage", _matrix(findings), context.coverage_table(findings))
    yield _section("failures", "Failures", failures)
    yield _section("size", "Size and speed", size_table(findings), *_sizes_differ(findings))
    yield _section("data", "Data", context.facts_table(findings))
    yield _section("settings", "Settings", context.levels_table(findings), context.settings_table(findings))
    environments = None if findings.environments.is_empty() else context.environments_table(findings)
    yield _section("provenance", "Provenance", environments, runs)
    yield _section("analysis", "What was declared, and when", *_declared(findings))
    yield _section("trials", "Every trial", trials_table(findings))
    yield _section("reading", "How to read this", *_reading(findings))


def _named(charts: Mapping[str, Chart], *beginnings: str) -> list[Chart]:
    """Charts whose names begin so."""
    return [chart for name, chart in charts.items() if name.startswith(beginnings)]


def _section(anchor: str, title: str, *blocks: Block | str | None) -> Section:
    """A section: text becomes a paragraph, and what there is none of is left out."""
    return Section(anchor, title, [Note(block) if isinstance(block, str) else block for block in blocks if block])


def _claims(findings: Findings, charts: Mapping[str, Chart]) -> Iterator[Exhibit]:
    """A chart of each claim under its verdict, beside both sides on every seed."""
    rows = {row["claim"]: row for row in findings.claims.to_dicts()}
    for number, claim in enumerate(findings.plan.claims, 1):
        if chart := charts.get(f"claim_{number}"):
            table = claim_seeds_table(findings, claim, f"claim_{number}_seeds")
            yield Exhibit(replace(chart, title=claim_title(rows[claim.text], findings)), table)


def _against(findings: Findings, charts: dict[str, Chart]) -> Iterator[Block | str | None]:
    if findings.differences.is_empty():
        why = "The study has one arm" if len(findings.arms) == 1 else "Every arm is a baseline"
        yield f"{why}: there is nothing to compare it with."
        return
    if findings.plan.claims:
        first, verdicts = comparison_sentences(findings)
        yield " ".join([DESCRIPTION, first, *verdicts]) if findings.counts.get("completed") else None
    if chart := charts.get("differences"):
        yield replace(chart, title=verdict_title(findings))
    yield results.differences_table(findings)
    yield None if findings.plan.claims else looks_table(findings)
    yield from difference_sentences(findings)
    if findings.differences["n"].max():
        yield results.pairing_table(findings)
    rows = findings.differences.filter(pl.col("unpaired_seeds").list.len() > 0).iter_rows(named=True)
    if seeds := "; ".join(f"{row['arm']} {ranges(row['unpaired_seeds'])}" for row in rows):
        yield f"Seeds that were planned for both sides but not completed by both, and so are left out: {seeds}."


def _no_curve(findings: Findings, charts: dict[str, Chart]) -> str:
    """Why there is no curve of validation; empty where there is one."""
    if "curves" in charts:
        return ""
    logged = findings.logged_at.drop_nulls()["metric"].unique()
    if findings.metric in logged or any(name.startswith(VALIDATION) for name in logged):
        return "The validation metrics were logged at one step only: a curve needs several."
    return "No validation metric was logged during training."


def _matrix(findings: Findings) -> Matrix:
    rows = findings.ordered.select("arm", "seed", "status", pl.col("message").fill_null(""))
    ends = {(arm, seed): (status, shorten(message)) for arm, seed, status, message in rows.iter_rows()}
    cells = [(name, [ends.get((name, seed), ("", "")) for seed in findings.seeds]) for name in findings.names]
    caption = "Every planned trial: arms in rows, seeds in columns."
    return Matrix(caption, findings.seeds, [(name_arm(name, findings), row) for name, row in cells])


def _declared(findings: Findings) -> Iterator[Block | str]:
    if not findings.analyses or findings.analyses[0].results:
        yield NOT_RECORDED
    if findings.analyses:
        yield context.analysis_table(findings)


def _sizes_differ(findings: Findings) -> Iterator[str]:
    among = "Among arms that are compared, the" if findings.several_baselines else "The"
    if ratio := _ratio(findings, {arm.name: arm.size for arm in findings.arms}):
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


def _reading(findings: Findings) -> Iterator[str]:
    yield from READING
    if findings.plan.claims:
        yield READING_CLAIMS
    if findings.plan.looks:
        yield READING_LOOKS
    if findings.several_baselines:
        kept = list_factors(findings.plan, kept_factors(findings.plan))
        yield (
            f"This study has several baselines: each arm is compared with {describe_baseline(findings.plan)}, and with "
            f"no other arm. Whether arms differ that do not have the same {kept} is not tested."
        )
    if findings.any_diverged:
        yield READING_DIVERGENCE
    yield READING_EPOCHS


READING = (
    "An arm is one combination of levels. Trials of one seed form pairs, and arms are compared pair by pair: what the "
    "seed brings to both sides cancels. That may be little: arms of different sizes share few initial weights, and the "
    "order of the data only where there is one to draw. The table of pairs says what it was worth here; the test holds "
    "either way.",
    "A 95 % interval is about other seeds of the same study, not other data. That of a mean reaches as far to each "
    "side as Student's t and the bootstrap (of t) do. That of a difference holds every difference that the test of the "
    "comparison alone does not reject; it is not adjusted for other comparisons, so that it may leave out zero where "
    "the verdict, which is adjusted, is undecided. Below six values both are Student's.",
    "p is the share of all sign patterns of the paired differences whose mean is at least as far from zero as the "
    "one seen (two-sided sign-flip test). With n pairs it cannot be smaller than 2 / 2ⁿ. The adjusted p holds for all "
    "comparisons of the study together: a seed's signs are turned in all of them at once, and what is seen is set "
    "against the largest that any comparison would show (step-down max-T, Westfall and Young 1993). It keeps the "
    f"chance of any wrong verdict at {100 * LEVEL:g} % where arms that do not differ vary alike.",
    f"A verdict is “better” or “worse” when the adjusted p is at most {LEVEL:g}, else “undecided”. Undecided means "
    "that these seeds do not separate the arms, not that the arms are equal.",
    "Diverged trials are results: they are counted under Coverage and enter no mean. Trials that failed or have not "
    "run are missing; running the same command again runs them.",
)
READING_CLAIMS = (
    "A claim is a hypothesis that the study declared. Its verdict is “supported” where the claim is shown, “refuted” "
    "where its contrary is, “equivalent” where the sides are shown to differ by less than the margin, else "
    "“undecided”. "
    "A claim and its contrary are one-sided hypotheses on one number for each seed: the difference of the two sides, "
    "averaged over all levels of the other factors, less the margin. Those of all claims are tested together by the "
    f"same joint flips of signs, which keeps the chance of any wrong verdict at {100 * LEVEL:g} %. Effects are in the "
    "metric's own unit with their 95 % t intervals, not corrected. Comparisons with the baseline, which are corrected "
    "among themselves alone, describe and decide nothing."
)
DESCRIPTION = "The claims above decide; what follows describes."
READING_DIVERGENCE = (
    "Where trials diverged, every mean and every difference is over survivors: the seeds on which an arm completed, "
    "which may be the easier ones. Read them beside the rates of divergence. Those are compared over all seeds on "
    "which both arms have a result: if both diverged equally often, each seed on which only one of them did would be "
    "as likely the other way round. p is that binomial tail, two-sided; it is adjusted for the comparisons of "
    "divergence as the others are for theirs."
)
