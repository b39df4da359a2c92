"""Tables around the results: coverage, failures, data, settings, provenance."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import polars as pl

from unroll.ledger import ENVIRONMENT, MISSING, PackRecord, RunRecord
from unroll.reporting.document import Table
from unroll.reporting.findings import Findings
from unroll.reporting.numbers import DASH, LONGEST, choose_decimals, count, duration, fixed, ranges, shorten, whole
from unroll.reporting.tables.columns import Build, arm_column, make_table, number, text
from unroll.reporting.wording import STATUS_WORDS, metric_decimals
from unroll.study.analysis import find_changes
from unroll.study.plan import Arm

PROPER_NAMES = {"torch": "torch", "cudnn": "cuDNN"}
"""Headings that are names and keep their letters."""


def coverage_table(findings: Findings) -> Table:
    """Trials of each arm by how they ended."""

    def ended(status: str) -> Build:
        head = status.replace("failed_", "failed: ").replace("_", " ").capitalize()
        return number(head, lambda row: str(row[status]))

    # Behind the columns arm and planned.
    present = [status for status in findings.coverage.columns[2:] if status in findings.counts]
    columns = [arm_column(findings), number("Planned", lambda row: str(row["planned"])), *map(ended, present)]
    caption = f"How the {count(findings.planned, 'planned trial')} ended."
    return make_table("coverage", caption, findings.coverage, columns)


def failures_table(findings: Findings) -> Table | None:
    """Every trial that ended without a result, with its reason; None where there is none."""
    names = ("trial", "arm", "seed", "status", "steps", "seconds", "message")
    rows = findings.ordered.filter(~pl.col("status").is_in(["completed", MISSING])).select(*names)
    if rows.is_empty():
        return None
    columns = [
        text("Arm", lambda row: row["arm"], mark="arm"),
        number("Seed", lambda row: str(row["seed"])),
        text("Status", lambda row: row["status"].replace("_", " ")),
        number("Steps", lambda row: whole(row["steps"] or 0)),
        text("Message", lambda row: shorten(row["message"] or "")),
        text("Trial", lambda row: row["trial"]),
    ]
    return make_table("failures", "Trials that diverged, stopped or failed, with their messages.", rows, columns)


def facts_table(findings: Findings) -> Table:
    """What the data are, once for arms that share them."""
    groups: dict[str, list[str]] = {}
    for arm in findings.arms:
        groups.setdefault(arm.fingerprint, []).append(arm.name)
    arms = {arm.name: arm for arm in findings.arms}
    shared = {tuple(group.labels): group.shared for group in findings.groups}
    rows = []
    for fingerprint, names in groups.items():
        who = "all arms" if len(groups) == 1 else shared.get(tuple(names)) or ", ".join(names)
        first = arms[names[0]]
        facts = {
            key: fixed(value, choose_decimals([value])) if isinstance(value, float) else _value(value)
            for key, value in first.facts.items()
        } | dict(_bounds(first, findings))
        rows += [(who, key, value) for key, value in {**facts, "fingerprint": fingerprint}.items()]
    return _pairs_table("data", "The data as the models saw them; equal content has an equal fingerprint.", rows)


def _bounds(arm: Arm, findings: Findings) -> Iterator[tuple[str, str]]:
    """What the true distribution and chance reach, with the digits that the metric has elsewhere."""
    for who, values in (("of the true distribution", arm.bounds), ("at chance", arm.chance)):
        for name, value in values.items():
            places = metric_decimals(findings, name) if name in findings.plan.metrics else choose_decimals([value])
            yield f"{name} {who}", fixed(value, places)


def levels_table(findings: Findings) -> Table:
    """The level of every factor in every arm."""

    def level(factor: str) -> Build:
        return text(factor, lambda row: row[factor])

    factors = list(findings.plan.factors)
    rows = pl.DataFrame(
        [{"arm": arm.name, **{f: _value(arm.levels.get(f)) for f in factors}} for arm in findings.arms],
        schema=dict.fromkeys(["arm", *factors], pl.String),
    )
    columns = [arm_column(findings), *map(level, factors)]
    return make_table("levels", "The level of each factor in each arm.", rows, columns)


def settings_table(findings: Findings) -> Table:
    """Complete settings: those that all trials share, and the values of those that differ."""
    values: dict[str, dict[str, None]] = {}
    for trial in findings.plan.trials:
        for key, value in flatten(trial.settings):
            values.setdefault(key, {})[_value(value)] = None  # a dict keeps the order in which values appear
    rows = [("varies" if len(v) > 1 else "shared", key, ", ".join(v)) for key, v in sorted(values.items())]
    rows.sort(key=lambda row: row[0] == "shared")
    return _pairs_table("settings", "Every setting with the values that the trials have; defaults included.", rows)


def analysis_table(findings: Findings) -> Table:
    """Every declaration of the analysis: when, how many results there were, what it says or changes."""
    first, *_ = findings.analyses
    rows = [(first.recorded, first.results, "declared", json.dumps(first.declared.model_dump(), ensure_ascii=False))]
    for before, after in pairwise(findings.analyses):
        for change in find_changes(before.declared, after.declared):
            value = "; ".join(change.names) + (f" (before: {change.former})" if change.former else "")
            rows.append((after.recorded, after.results, change.matter, value))
    frame = pl.DataFrame(rows, ["recorded", "results", "matter", "value"], orient="row")
    said = first.declared
    columns = [
        text("Recorded", lambda row: row["recorded"]),
        number("Results by then", lambda row: whole(row["results"])),
        text("What", lambda row: row["matter"]),
        text("Value", lambda row: shorten(row["value"])),
    ]
    against = "; ".join(dict.fromkeys(said.baselines.values()))
    summary = f"{said.metric} of {'; '.join(said.arms)} against {against}, seeds {ranges(said.seeds)}"
    shown = [{**row, "value": summary} if row["matter"] == "declared" else row for row in frame.to_dicts()]
    caption = "What the first recorded run declared, and each later change; results are trials that had ended by then."
    return make_table("analysis", caption, frame, columns, shown)


def environments_table(findings: Findings) -> Table:
    """What the trials that have a result ran on; what no trial recorded has no column."""
    rows = findings.environments

    def condition(name: str) -> Build:
        build = number if name == "threads" else text
        return build(PROPER_NAMES.get(name, name.capitalize()), lambda row: row[name] or DASH)

    known = [name for name in ENVIRONMENT if rows[name].null_count() < len(rows)]
    columns = [
        *map(condition, known),
        number("Trials", lambda row: whole(row["trials"])),
        text("Of the arms", lambda row: shorten(row["arms"])),
    ]
    caption = "What the trials that have a result ran on; of a trial that was continued elsewhere, where it ended."
    return make_table("environments", caption, rows, columns)


def provenance_table(findings: Findings) -> Table:
    """Where the numbers come from, run by run."""
    rows = [row for number, run in enumerate(findings.runs, 1) for row in _run_rows(f"run {number}", run)]
    packed = [row for pack, trials in findings.packs for row in _pack_rows(pack, len(trials))]
    caption = "Runs that had something to do, oldest first."
    if packed:
        caption += (
            " A pack holds the records of trials that ran elsewhere: they were taken over as they are, without their "
            "weights; `unroll verify` runs one again."
        )
    return _pairs_table("provenance", caption, [*packed, *rows])


def _pack_rows(pack: PackRecord, taken: int) -> Iterator[tuple[str, str, str]]:
    who = f"pack {pack.study} {pack.short}"
    yield who, "digest", pack.digest
    yield who, "date", pack.date or "not recorded"
    yield who, "trials taken over", f"{taken:,} of {count(pack.results, 'trial')} with a result"
    for place, run in enumerate(pack.runs, 1):
        yield from _run_rows(f"{who}, run {place}", run)


def _run_rows(who: str, run: RunRecord) -> Iterator[tuple[str, str, str]]:
    yield who, "command", " ".join(run.command)
    yield who, "started", run.started
    yield who, "finished", run.finished or "not recorded: killed, or still running"
    if run.finished:
        yield who, "wall clock", duration(run.seconds)
    yield who, "trials", f"{_ends(run)} ({run.done_before} of {run.planned} were done before)"
    state = {True: "uncommitted changes", False: "clean", None: "unknown state"}[run.git_dirty]
    yield who, "git commit", f"{run.git_commit} ({state})" if run.git_commit else "no repository"
    yield who, "hardware", _joined(run.hardware)
    yield who, "versions", _joined(run.versions)


def _ends(run: RunRecord) -> str:
    if not run.finished:
        return "not recorded"
    ends = (f"{number} {STATUS_WORDS.get(status, status)}" for status, number in sorted(run.counts.items()))
    return ", ".join(ends) or "none ended"


def _joined(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items()) or "not recorded"


def _pairs_table(name: str, caption: str, rows: Iterable[tuple[str, str, str]]) -> Table:
    """Rows of (whose, what, value); a first column that is the same everywhere is not shown."""
    frame = pl.DataFrame(list(rows), schema=dict.fromkeys(["of", "item", "value"], pl.String), orient="row")
    columns = [
        text("Of", lambda row: row["of"]) if frame["of"].n_unique() > 1 else None,
        text("Item", lambda row: row["item"]),
        text("Value", lambda row: shorten(row["value"], 2 * LONGEST)),
    ]
    return make_table(name, caption, frame, columns)


def flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as (dotted path, value)."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _value(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):  # a bool is an int
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.8g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
