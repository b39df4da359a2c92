"""What the arms reached, against their baselines and in all metrics."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from unroll.contract import Scale
from unroll.evidence import DRAWS, EXACT_UP_TO
from unroll.reporting.document import Table
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import DASH, fixed, percent, rate, span, whole
from unroll.reporting.tables.columns import (
    SMALLEST_P,
    Build,
    Row,
    adjusted_for,
    arm_column,
    make_table,
    number,
    p_columns,
    text,
)
from unroll.reporting.tables.size import FLOPS, operations
from unroll.reporting.wording import decimals, describe_baseline, goal, metric_decimals, with_unit

SELECTED = (
    " Tested epoch: that of the best validation, whose state was tested, as median over seeds and range; validation's "
    "profiles and confusions are those that were logged last."
)

BEGUN = (
    " Begins with: the trial of the same seed whose final weights a trial begins with, and how many of all optimizer "
    "steps were spent there, as medians over completed trials."
)

ELSEWHERE = " Ran on other: in which hardware or versions the arm's trials differ from the baseline's, see below."


def arms_table(findings: Findings) -> Table:
    """The study's metric per arm."""
    places = decimals(findings)
    flops = {arm.name: arm.flops_per_token for arm in findings.arms}
    rows = findings.summary.with_columns(
        pl.col("arm").replace_strict(flops, return_dtype=pl.Int64).alias("flops_per_token")
    )
    epoch = pl.col("selected_epoch")
    tested = findings.trials.drop_nulls("selected_epoch").group_by("arm")
    epochs = tested.agg(tested_epoch=epoch.median(), earliest_epoch=epoch.min(), latest_epoch=epoch.max())
    selected = not epochs.is_empty()
    if selected:
        rows = rows.join(epochs, on="arm", how="left", maintain_order="left")
    begun = not findings.begun.is_empty()
    if begun:
        costs = findings.begun.select("arm", "begins_with", "own_steps", "steps_before")
        rows = rows.join(costs, on="arm", how="left", maintain_order="left")
    unit = f", in {findings.note.unit}" if findings.note.unit else ""
    caption = (
        f"{findings.metric}{unit} ({goal(findings.direction)}) over completed trials: "
        f"{_mean_words(findings.scale)} with its 95 % interval, standard deviation over seeds, median, best."
        f"{_survivors(findings)}{operations(flops.values())}"
        + (SELECTED if selected else "")
        + (BEGUN if begun else "")
    )
    columns = [
        arm_column(findings),
        text("Begins with", _begins_with) if begun else None,
        number("Completed", lambda row: f"{row['completed']} of {row['planned']}"),
        number("Diverged", lambda row: str(row["diverged"])) if findings.any_diverged else None,
        number("Mean", lambda row: _mean(row, places)),
        number("SD", lambda row: fixed(row["sd"], places)),
        number("Median", lambda row: fixed(row["median"], places)),
        number("Best", lambda row: fixed(row["best"], places)),
        number("Parameters", lambda row: whole(row["parameters"])),
        number(FLOPS, lambda row: whole(row["flops_per_token"])) if any(flops.values()) else None,
        number("Tested epoch", _epochs) if selected else None,
        number(f"{findings.plan.item}s/s", lambda row: rate(row["items_per_second"])),
    ]
    return make_table("arms", caption, rows, columns)


def _begins_with(row: Row) -> str:
    """What an arm begins with, and how many of all updates were spent there."""
    if row["begins_with"] is None:
        return DASH
    before, own = row["steps_before"], row["own_steps"]
    return f"{row['begins_with']}{'' if before is None else f': {before:,.0f} of {before + own:,.0f} steps'}"


def _epochs(row: Row) -> str:
    """Median and range of the epochs whose state was tested."""
    first, last = row["earliest_epoch"], row["latest_epoch"]
    return DASH if first is None else f"{row['tested_epoch']:g} ({first}{DASH}{last})"


def _mean(row: Row, places: int) -> str:
    """``9.71 (9.66 to 9.77)``: an interval is not as long to both sides."""
    mean = fixed(row["mean"], places)
    return mean if row["high"] is None else f"{mean} ({span(row['low'], row['high'], places)})"


def _mean_words(scale: Scale) -> str:
    """What kind of mean it is."""
    kinds: dict[Scale, str] = {"identity": "mean", "log": "geometric mean", "logit": "mean (of log odds)"}
    return kinds[scale]


def _survivors(findings: Findings) -> str:
    """What the caption of every table of means adds where trials diverged."""
    return " Diverged trials enter none of these: they are numbers of survivors." if findings.any_diverged else ""


def differences_table(findings: Findings) -> Table:
    """Every arm against its baseline, seed by seed."""
    places, diverged, elsewhere = decimals(findings), findings.any_diverged, findings.ran_elsewhere

    def difference(row: Row) -> str:
        if not row["n"]:
            return "no completed pair"
        size, share = fixed(row["difference"], places, sign=True), row["relative"]
        return size if share is None else f"{size} ({percent(share, sign=True)})"

    # One comparison with many pairs is enough for the caption to speak of an estimate.
    exact = findings.differences["n"].is_between(0, EXACT_UP_TO).all()
    estimated = f"above {EXACT_UP_TO} pairs estimated from {DRAWS:,} random sign patterns with a fixed seed"
    caption = (
        f"Difference of {findings.metric} to {describe_baseline(findings.plan)} on the same seeds "
        f"({goal(findings.direction)}){_scale_words(findings)}. The 95 % interval holds what the test of the "
        "comparison alone does not reject (below six pairs: Student's t), not adjusted. Median and middle half: of "
        "the pairs' differences, and their mean without the quarter at each end. p: two-sided sign-flip test, "
        f"{'exact' if exact else estimated}; {adjusted_for(len(findings.differences))} "
        f"{SMALLEST_P} Better on: share of pairs in which the arm is better, ties half."
        + (
            " Survivors: a seed on which either side diverged enters no difference, which favours an arm that "
            "diverges. So there the test is of signs, and a side that diverged is worse than any value "
            "(both: no difference). Diverged: such trials of the arm, in brackets the baseline's."
            if diverged
            else ""
        )
        + (ELSEWHERE if elsewhere else "")
    )
    columns = [
        text("Arm", lambda row: row["arm"], mark="arm"),
        text("Against", lambda row: row["baseline"], mark="arm") if findings.several_baselines else None,
        text("Verdict", lambda row: row["verdict"], mark="verdict"),
        number("Diverged", lambda row: f"{row['diverged']} ({row['baseline_diverged']})") if diverged else None,
        number("Difference (survivors)" if diverged else "Difference", difference),
        number("95 % interval", lambda row: span(row["low"], row["high"], places, sign=True)),
        number("Median", lambda row: fixed(row["median"], places, sign=True)),
        number("Middle half", lambda row: fixed(row["middle_half"], places, sign=True)),
        number("Better on", lambda row: percent(row["superiority"])),
        number("Pairs", lambda row: f"{row['n']} of {row['planned_pairs']}"),
        *p_columns(),
        text("Ran on other", lambda row: ", ".join(elsewhere.get(row["arm"], [])) or DASH) if elsewhere else None,
    ]
    return make_table("differences", caption, findings.written(findings.differences), columns)


def pairing_table(findings: Findings) -> Table:
    """What the arms of each comparison share beside the number of the seed, and what pairing them was worth."""
    arms = {arm.name: arm for arm in findings.arms}
    varies = {name: None if arm.seed_varies is None else ", ".join(arm.seed_varies) for name, arm in arms.items()}
    shared = {name: arm.shared_weights for name, arm in arms.items()}
    rows = findings.differences.select(
        *("arm", "baseline", "n", "r", "pairing"),
        shared_weights=pl.col("arm").replace_strict(shared, return_dtype=pl.Float64),
        seed_varies=pl.col("arm").replace_strict(varies, return_dtype=pl.String),
    )
    caption = (
        "What trials of the same seed have in common. r: correlation of the two arms over seeds; near 0, the seed "
        "brought nothing to both sides. Worth: variance of a difference between independent trials over that between "
        "pairs, so how many times the seeds a comparison without pairs would need; 1 is nothing gained. Weights alike: "
        "share of the arm's weights that the baseline has under the same name in the same shape, which begin alike "
        "where both are drawn by the same rule. The seed varies: what differs between two trials of the arm."
    )
    columns = [
        text("Arm", lambda row: row["arm"], mark="arm"),
        text("Against", lambda row: row["baseline"], mark="arm") if findings.several_baselines else None,
        number("r", lambda row: fixed(row["r"], 2)),
        number("Worth (times)", lambda row: fixed(row["pairing"], 1)),
        number("Weights alike", lambda row: percent(row["shared_weights"])) if _any_known(shared) else None,
        text("The seed varies", lambda row: _varies(row["seed_varies"])) if _any_known(varies) else None,
    ]
    return make_table("pairing", caption, findings.written(rows), columns)


def _any_known(values: Mapping[str, object]) -> bool:
    return any(value is not None for value in values.values())


def _varies(words: str | None) -> str:
    return DASH if words is None else words or "nothing"


def _scale_words(findings: Findings) -> str:
    """On which scale differences are taken, where it is not the values' own."""
    kinds: dict[Scale, str] = {
        "identity": "",
        "log": ", taken between logarithms: the share in brackets is that of the geometric means",
        "logit": ", taken between log odds",
    }
    return kinds[findings.scale]


def metrics_table(findings: Findings) -> Table:
    """Every other final metric per arm; the study has one at least."""
    others = findings.other_metrics
    summaries = {name: findings.summarise(name).with_columns(metric=pl.lit(name)) for name in others}
    names = ("metric", "arm", "n", "mean", "sd", "low", "high", "median", "best", "not_finite")
    places = {name: metric_decimals(findings, name) for name in others}
    means = {
        name: {row["arm"]: _mean(row, places[name]) for row in summary.iter_rows(named=True)}
        for name, summary in summaries.items()
    }
    specs = {name: findings.plan.metrics[name] for name in others}
    described = [
        with_unit(f"{name}: {goal(spec.direction)}", f"({spec.unit})" if spec.unit else "")
        for name, spec in specs.items()
    ]
    caption = (
        "Other final metrics: mean (of perplexities geometric, of shares of log odds, as each declares) with its 95 % "
        f"interval over completed trials.{_survivors(findings)} "
        f"{'; '.join(described)}."
    )

    def column(name: str) -> Build:
        return number(name, lambda row: means[name][row["arm"]])

    # Files have a row for each metric and arm; on the page an arm is a row and a metric a column.
    rows = pl.concat(summaries.values()).select(names)
    shown = [{"arm": arm} for arm in findings.names]
    return make_table("metrics", caption, rows, [arm_column(findings), *map(column, others)], shown)
