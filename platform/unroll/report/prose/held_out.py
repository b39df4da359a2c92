"""What makes held-out numbers doubtful: arms that learned nothing, and texts that disagree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from unroll.evidence import split_gaps, twin_metric
from unroll.evidence.splits import SHARE, SHARE_OF_ONE_SEED, SPREADS
from unroll.report.findings import Findings
from unroll.report.numbers import fixed, listed, plain
from unroll.report.wording import decimals, metric_decimals


def held_out_sentences(findings: Findings) -> Iterator[str]:
    """A sentence for each such finding; none where there is none."""
    twin = twin_metric(findings.metric)
    idle = _at_chance(findings, findings.metric)
    if idle:
        reached = _reached(idle, decimals(findings))
        who = f"No better on average than one who ignores the input ({reached}): {listed(idle)}."
        yield f"{who} Have they had enough steps?"
    if twin not in findings.plan.metrics:
        return
    also = {arm: chance for arm, chance in _at_chance(findings, twin).items() if arm not in idle}
    if also:
        reached = _reached(also, metric_decimals(findings, twin))
        yield f"On {plain(twin)} no better on average than one who ignores the input ({reached}): {listed(also)}."
    yield from _apart(findings, twin)


def _at_chance(findings: Findings, metric: str) -> Mapping[str, float]:
    """Arms that have learned nothing from what they read, with chance: comparing one says nothing about networks."""
    means = dict(findings.summarise(metric).drop_nulls("mean").select("arm", "mean").iter_rows())
    chances = {arm.name: arm.chance[metric] for arm in findings.arms if metric in arm.chance}
    sign = 1 if findings.plan.metrics[metric].direction == "minimize" else -1
    return {name: chance for name, chance in chances.items() if name in means and sign * means[name] >= sign * chance}


def _reached(chances: Mapping[str, float], places: int) -> str:
    return listed(dict.fromkeys(fixed(chance, places) for chance in chances.values()))


def _apart(findings: Findings, twin: str) -> Iterator[str]:
    """Arms whose validation and test values are further apart than seeds and texts of one source explain."""
    gaps = split_gaps(findings.ordered, findings.metric, twin)
    rows = gaps.filter("apart").to_dicts()
    if rows:
        places = min(decimals(findings), metric_decimals(findings, twin))
        told = "; ".join(f"{row['arm']} {fixed(row['mean'], places)} and {fixed(row['twin'], places)}" for row in rows)
        rule = f"by more than {SPREADS} standard deviations over seeds and {100 * SHARE:g} %"
        if all(row["n"] == 1 for row in rows):
            rule = f"by more than {100 * SHARE_OF_ONE_SEED:g} % on one seed"
        yield (
            f"{plain(findings.metric)} and {plain(twin)} differ {rule}: {told}. Before either is believed: are both "
            "texts of one source, and is the network as good at the end of a long one as at its start?"
        )
