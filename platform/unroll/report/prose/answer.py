"""The answer in plain words, and what must be said beside it."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from unroll.ledger import FINAL, MISSING, describe_changed
from unroll.report.findings import Findings
from unroll.report.numbers import (
    count,
    fixed,
    listed,
    plain,
    shorten,
)
from unroll.report.prose.comparisons import comparison_sentences
from unroll.report.prose.divergence import divergence_sentence
from unroll.report.prose.held_out import held_out_sentences
from unroll.report.prose.parts import part_sentences
from unroll.report.prose.reach import reach_sentence
from unroll.report.prose.twins import twin_sentences
from unroll.report.wording import FLOOR, STATUS_WORDS, decimals, with_unit
from unroll.study.plan import warned_arms

DECISIVE = ("device", "vectors", "threads", "loop", "compiler", "torch")
"""What trials of one study must have in common to be compared without a warning."""

REASONS = 3
"""Most messages of failed trials that are told at the top."""


def answer(findings: Findings) -> str:
    """What the study has found so far, in one paragraph."""
    return " ".join(_sentences(findings))


def _sentences(findings: Findings) -> Iterator[str]:
    completed = findings.counts.get("completed", 0)
    if not completed:
        yield from _without_numbers(findings)
        return
    yield from comparison_sentences(findings)
    yield from filter(None, [divergence_sentence(findings)])
    yield from _floor(findings)
    have = "has" if completed == 1 else "have"
    yield f"{completed:,} of {count(findings.planned, 'planned trial')} {have} completed."


def _without_numbers(findings: Findings) -> Iterator[str]:
    """No trial completed: either the study has hardly begun, or divergence is all that it found."""
    if findings.counts.get("diverged", 0) == findings.planned:
        yield f"Every planned trial diverged ({findings.planned:,}), so no arm has a final {findings.metric}."
    else:
        yield f"No answer yet: 0 of {count(findings.planned, 'planned trial')} have completed, so no arm leads."
    yield from filter(None, [divergence_sentence(findings)])


def _floor(findings: Findings) -> Iterator[str]:
    floors = FLOOR.values(findings, findings.metric)
    means = findings.summary.drop_nulls("mean").sort("mean", descending=findings.direction == "maximize")
    if len(floors) == 1 and not means.is_empty():
        best, places = means.row(0, named=True), decimals(findings)
        gap, side = fixed(abs(best["mean"] - floors[0]), places), "below" if best["mean"] < floors[0] else "above"
        value = with_unit(fixed(floors[0], places), findings.note.unit)
        yield (
            f"The true distribution of these data reaches {value}, the best possible in expectation; "
            f"{best['arm']}, the best mean, is {gap} {side} it."
        )


def warnings(findings: Findings) -> list[str]:
    """What a reader must know before believing the answer; empty when there is nothing."""
    checks = (
        _part,
        _twins,
        _strange_data,
        _incomplete,
        _diverged,
        _not_finite,
        held_out_sentences,
        _too_few_seeds,
        _data,
        _code,
        _environments,
        _damage,
    )
    return [text for check in checks for text in check(findings)]


def _part(findings: Findings) -> Iterator[str]:
    """The question stays as the study's file has it, whatever was asked of it since."""
    yield from part_sentences(findings.plan, findings.left_out)


def _twins(findings: Findings) -> Iterator[str]:
    yield from twin_sentences(findings.plan)


def _strange_data(findings: Findings) -> Iterator[str]:
    """What the task says of its data, told once however many arms it concerns."""
    for text, arms in warned_arms(findings.plan).items():
        yield plain(text if len(arms) == len(findings.arms) else f"{listed(arms)}: {text}")


def _incomplete(findings: Findings) -> Iterator[str]:
    ends = [
        f"{number:,} {STATUS_WORDS[s]}" for s, number in findings.counts.items() if s not in ("completed", "diverged")
    ]
    if ends:
        without = findings.planned - sum(findings.counts.get(s, 0) for s in ("completed", "diverged"))
        have = "has" if without == 1 else "have"
        yield f"{without:,} of {count(findings.planned, 'planned trial')} {have} no result: {listed(ends)}."
        yield from _reasons(findings)


def _reasons(findings: Findings) -> Iterator[str]:
    """The most frequent messages of trials that left no result."""
    said = findings.trials.filter(~pl.col("status").is_in([*FINAL, MISSING]), pl.col("message") != "")
    top = said["message"].value_counts(sort=True).sort("count", "message", descending=[True, False]).head(REASONS)
    for message, number in top.iter_rows():
        yield f"{count(number, 'trial')} said: {shorten(plain(message))}"


def _diverged(findings: Findings) -> Iterator[str]:
    rows = findings.coverage.filter(pl.col("diverged") > 0).to_dicts()
    if rows:
        shares = listed(f"{row['arm']} {row['diverged']} of {row['planned']}" for row in rows)
        yield (
            f"Trials diverged: {shares}. Means and differences are over the trials that did not, "
            "so they flatter an arm that diverges."
        )


def _not_finite(findings: Findings) -> Iterator[str]:
    rows = findings.summary.filter(pl.col("not_finite") > 0).to_dicts()
    if rows:
        shares = listed(f"{row['arm']} {row['not_finite']}" for row in rows)
        yield f"Completed trials without a finite {findings.metric}: {shares}. They count in no mean."


def _too_few_seeds(findings: Findings) -> Iterator[str]:
    yield from filter(None, [reach_sentence(findings.plan)])


def _data(findings: Findings) -> Iterator[str]:
    data = {arm.name: arm.fingerprint for arm in findings.arms}
    if any(data[arm] != data[baseline] for arm, baseline in findings.baselines.items()):
        yield "Arms were trained on different data: a difference between them is also one between their data."


def _code(findings: Findings) -> Iterator[str]:
    commits = len({run.git_commit for run in findings.runs if run.git_commit})
    if commits > 1:
        yield f"Trials were run with {commits} commits of the code: see Provenance."
    if any(run.git_dirty for run in findings.runs):
        yield "The code had changes that were not committed: see Provenance."
    if findings.changed:
        told = describe_changed(findings.plan, findings.changed)
        yield f"Source files that gave results were changed since: {told}."


def _environments(findings: Findings) -> Iterator[str]:
    """Neither hardware nor versions are part of a trial's identity: trials that differ in them pass for one study."""
    values = {name: findings.environments[name].drop_nulls().unique(maintain_order=True) for name in DECISIVE}
    several = [f"{name} ({', '.join(found)})" for name, found in values.items() if len(found) > 1]
    if several:
        yield (
            f"Trials did not run under the same conditions: they differ in {listed(several)}, which may change their "
            "numbers; see Provenance."
        )


def _damage(findings: Findings) -> Iterator[str]:
    if findings.damaged:
        files = listed(findings.damaged[:5]) + (" and more" if len(findings.damaged) > 5 else "")
        number = count(len(findings.damaged), "record")
        yield f"{number} on disk cannot be trusted; what they held counts as not run: {files}."
