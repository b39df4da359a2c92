"""What a reader must know before believing the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from unroll.evidence import split_gaps, twin_metric
from unroll.evidence.arms import LARGEST
from unroll.evidence.splits import SHARE, SHARE_OF_ONE_SEED, SPREADS
from unroll.ledger import FINAL, MISSING, describe_changed
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import count, fixed, listed, ranges, shorten
from unroll.reporting.prose.plan import part_sentences, reach_sentence, selection_sentences, twin_sentences
from unroll.reporting.wording import STATUS_WORDS, decimals, metric_decimals
from unroll.study.plan import warned_arms

DECISIVE = ("device", "vectors", "threads", "loop", "compiler", "torch")
"""What trials of one study must have in common to be compared without a warning."""
REASONS = 3
"""Most messages of failed trials that are listed."""


def warnings(findings: Findings) -> list[str]:
    """One text for each doubt; empty where there is none."""
    plan = findings.plan
    return [
        *part_sentences(plan, findings.left_out, findings.runs),
        *twin_sentences(plan),
        *selection_sentences(plan),
        # The task's own warnings on its data, each once however many arms it concerns.
        *(
            text if len(arms) == len(findings.arms) else f"{listed(arms)}: {text}"
            for text, arms in warned_arms(plan).items()
        ),
        *_time(findings),
        *_trials(findings),
        *held_out_sentences(findings),
        *filter(None, [reach_sentence(plan)]),
        *_conditions(findings),
    ]


def _time(findings: Findings) -> Iterator[str]:
    """Seeds that a limit of time left in part."""
    left = findings.seeds_left_out
    if left:
        names, whole = f"{'seed' if len(left) == 1 else 'seeds'} {ranges(left)}", len(findings.seeds) - len(left)
        yield (
            f"The time was too short for {names}, left out of every mean, comparison and claim: these are over {whole} "
            f"of {count(len(findings.seeds), 'planned seed')}. The clock decided that, not the results, so the tests "
            "hold. Running the same command again adds the others; if that is done because of what is read here, it is "
            "a second look."
        )


def _trials(findings: Findings) -> Iterator[str]:
    """Trials without a result, and those that enter no mean."""
    ends = [
        f"{number:,} {STATUS_WORDS[s]}" for s, number in findings.counts.items() if s not in ("completed", "diverged")
    ]
    if ends:
        without = findings.planned - sum(findings.counts.get(s, 0) for s in ("completed", "diverged"))
        have = "has" if without == 1 else "have"
        yield f"{without:,} of {count(findings.planned, 'planned trial')} {have} no result: {listed(ends)}."
        failed = findings.trials.filter(~pl.col("status").is_in([*FINAL, MISSING]), pl.col("message") != "")
        top = failed["message"].value_counts(sort=True).sort("count", "message", descending=[True, False]).head(REASONS)
        for message, number in top.iter_rows():
            yield f"{count(number, 'trial')} failed with: {shorten(message)}"
    rows = findings.coverage.filter(pl.col("diverged") > 0).to_dicts()
    if rows:
        shares = listed(f"{row['arm']} {row['diverged']} of {row['planned']}" for row in rows)
        yield (
            f"Trials diverged: {shares}. Means and differences are over the trials that did not, "
            "which favours an arm that diverges."
        )
    rows = findings.summary.filter(pl.col("not_finite") > 0).to_dicts()
    if rows:
        shares = listed(f"{row['arm']} {row['not_finite']}" for row in rows)
        yield (
            f"Completed trials without a usable {findings.metric} (none, NaN, or beyond ±{LARGEST:g}): {shares}. They "
            "count in no mean."
        )


def _conditions(findings: Findings) -> Iterator[str]:
    """Data, code and machines that differ. Neither hardware nor versions are part of a trial's identity."""
    data = {arm.name: arm.fingerprint for arm in findings.arms}
    if any(data[arm] != data[baseline] for arm, baseline in findings.baselines.items()):
        yield "Arms were trained on different data: a difference between them is also one between their data."
    commits = len({run.git_commit for run in findings.every_run if run.git_commit})
    if commits > 1:
        yield f"Trials were run with {commits} commits of the code: see Provenance."
    if any(run.git_dirty for run in findings.every_run):
        yield "The code had changes that were not committed: see Provenance."
    if findings.changed:
        changed = describe_changed(findings.plan, findings.changed)
        yield f"Source files that gave results were changed since: {changed}."
    values = {name: findings.environments[name].drop_nulls().unique(maintain_order=True) for name in DECISIVE}
    several = [f"{name} ({', '.join(found)})" for name, found in values.items() if len(found) > 1]
    if several:
        yield (
            f"Trials did not run under the same conditions: they differ in {listed(several)}, which may change their "
            "numbers; see Provenance."
        )
    if findings.damaged:
        files = listed(findings.damaged[:5]) + (" and more" if len(findings.damaged) > 5 else "")
        number = count(len(findings.damaged), "record")
        yield f"{number} on disk cannot be trusted; what they held counts as not run: {files}."


def held_out_sentences(findings: Findings) -> Iterator[str]:
    """What makes held-out numbers doubtful: arms that learned nothing, and texts that disagree."""
    metric, twin = findings.metric, twin_metric(findings.metric)
    known = [metric, *([twin] if twin in findings.plan.metrics else [])]
    warned: set[str] = set()
    for name in known:
        chances = {arm: chance for arm, chance in _at_chance(findings, name).items() if arm not in warned}
        if chances:
            places = metric_decimals(findings, name)
            reached = listed(dict.fromkeys(fixed(chance, places) for chance in chances.values()))
            start, end = ("No", " Have they had enough steps?") if name == metric else (f"On {name} no", "")
            yield f"{start} better on average than a model that ignores the input ({reached}): {listed(chances)}.{end}"
        warned.update(chances)
    if twin in known:
        yield from _apart(findings, twin)


def _at_chance(findings: Findings, metric: str) -> Mapping[str, float]:
    """Arms whose mean is no better than chance, with chance: comparing one compares no networks."""
    means = dict(findings.summarise(metric).drop_nulls("mean").select("arm", "mean").iter_rows())
    chances = {arm.name: arm.chance[metric] for arm in findings.arms if metric in arm.chance}
    sign = 1 if findings.plan.metrics[metric].direction == "minimize" else -1
    return {name: chance for name, chance in chances.items() if name in means and sign * means[name] >= sign * chance}


def _apart(findings: Findings, twin: str) -> Iterator[str]:
    """Arms whose validation and test values differ more than seeds and texts of one source explain."""
    rows = split_gaps(findings.ordered, findings.metric, twin).filter("apart").to_dicts()
    if rows:
        places = min(decimals(findings), metric_decimals(findings, twin))
        means = "; ".join(f"{row['arm']} {fixed(row['mean'], places)} and {fixed(row['twin'], places)}" for row in rows)
        rule = f"by more than {SPREADS} standard deviations over seeds and {100 * SHARE:g} %"
        if all(row["n"] == 1 for row in rows):
            rule = f"by more than {100 * SHARE_OF_ONE_SEED:g} % on one seed"
        yield (
            f"{findings.metric} and {twin} differ {rule}: {means}. Check before relying on either: are both texts of "
            "one source, and is the network as good at the end of a long one as at its start?"
        )
