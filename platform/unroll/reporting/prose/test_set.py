"""What the choice of the test examples means for the comparisons, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from unroll.reporting.findings import Findings
from unroll.reporting.numbers import count, listed, percent, whole

SPELT_OUT = 4
"""Comparisons up to which each has its own share; beyond, the smallest and the largest are told."""

READING_TEST_SET = (
    "A verdict over seeds is about this test set: it says what other seeds would reach on these very examples. What "
    "holds for other examples of the same kind is the interval over both. Neither speaks of other corpora."
)


def test_set_sentences(findings: Findings) -> Iterator[str]:
    """How much of the intervals is the test set, which differences might vanish on another one, and what that means."""
    frame = findings.test_set
    known = frame.drop_nulls("share")
    if not known.is_empty():
        shares = [f"{percent(share)} ({arm})" for arm, share in known.select("arm", "share").iter_rows()]
        if len(shares) > SPELT_OUT:
            ends = (known["share"].min(), known["share"].max())
            told = " to ".join(percent(float(end)) for end in ends)  # type: ignore[arg-type]
        else:
            told = listed(shares)
        sizes = known["examples"].unique().sort().to_list()
        yield (
            "Of the width of the interval over seeds and examples, the test set "
            f"({listed(map(whole, sizes))} examples) is {told}."
        )
        clear = (pl.col("seeds_low") > 0) | (pl.col("seeds_high") < 0)
        lost = known.filter(clear, pl.col("both_low") <= 0, pl.col("both_high") >= 0)["arm"].to_list()
        if lost:
            yield (
                f"On other test examples there may be no difference: {listed(lost)}. The interval over seeds leaves "
                "out zero, the one over both does not."
            )
    missing = int((frame["pairs"] - frame["n"]).sum())
    if missing:
        yield (
            f"Of {count(missing, 'pair')} of seeds, trials kept no scores of the examples or were not tested on the "
            "same ones: they are left out here."
        )
    if without := _claims_without(findings):
        yield (
            "These intervals are of arms against their baseline, each by itself. There is none for "
            f"{without} of {count(len(findings.plan.claims), 'claim')} (an average over levels, a slope, arms of which "
            "none is the other's baseline, another metric): a verdict there is about these very examples."
        )
    yield READING_TEST_SET


def _claims_without(findings: Findings) -> int:
    """How many claims on values are no comparison that has its interval over examples."""
    known = {frozenset(sides) for sides in findings.test_set.filter(pl.col("n") > 0).select("arm", "baseline").rows()}
    return sum(
        claim.kind != "diverges less"
        and not (
            claim.factor is None
            and claim.metric in {findings.metric, findings.scored_metric}
            and len(claim.pairs) == 1
            and frozenset({claim.pairs[0].first, claim.pairs[0].second}) in known
        )
        for claim in findings.plan.claims
    )
