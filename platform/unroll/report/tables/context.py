"""Tables of what lies around the results: ends, data, settings, provenance."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl

from unroll.ledger import ENVIRONMENT, MISSING, RunRecord
from unroll.report.document import Table
from unroll.report.findings import Findings
from unroll.report.numbers import DASH, LONGEST, choose_decimals, count, duration, fixed, plain, shorten
from unroll.report.tables.results import Cells, make_table, name_arm
from unroll.report.wording import STATUS_WORDS, metric_decimals
from unroll.study.plan import Arm

PROPER_NAMES = {"torch": "torch", "cudnn": "cuDNN"}
"""Headings that are names and keep their letters."""


def coverage_table(findings: Findings) -> Table:
    """Trials of each arm by how they ended."""
    present = [status for status in findings.coverage.columns[2:] if status in findings.counts]

    def show(row: dict[str, Any]) -> Cells:
        ends = {_heading(status): str(row[status]) for status in present}
        return {"Arm": name_arm(row["arm"], findings), "Planned": str(row["planned"]), **ends}

    numbers = frozenset({"Planned", *(_heading(status) for status in present)})
    caption = f"How the {count(findings.planned, 'planned trial')} ended."
    return make_table("coverage", caption, findings.coverage, show, numbers=numbers, marks={"Arm": "arm"})


def _heading(status: str) -> str:
    return status.replace("failed_", "failed: ").replace("_", " ").capitalize()


def failures_table(findings: Findings) -> Table:
    """Every trial that ended without a result, with its reason."""
    columns = ("trial", "arm", "seed", "status", "steps", "seconds", "message")
    rows = findings.ordered.filter(~pl.col("status").is_in(["completed", MISSING])).select(*columns)

    def show(row: dict[str, Any]) -> Cells:
        return {
            "Arm": row["arm"],
            "Seed": str(row["seed"]),
            "Status": row["status"].replace("_", " "),
            "Steps": f"{row['steps'] or 0:,}",
            "Message": shorten(row["message"] or ""),
            "Trial": row["trial"],
        }

    caption = "Trials that diverged, stopped or failed, with what they left as a message."
    return make_table("failures", caption, rows, show, numbers=frozenset({"Seed", "Steps"}), marks={"Arm": "arm"})


def facts_table(findings: Findings) -> Table:
    """What the data are, told once for arms that share them."""
    groups: dict[str, list[str]] = {}
    for arm in findings.arms:
        groups.setdefault(arm.fingerprint, []).append(arm.name)
    arms = {arm.name: arm for arm in findings.arms}
    shared = {tuple(group.labels): group.shared for group in findings.groups}
    rows = []
    for fingerprint, names in groups.items():
        who = "all arms" if len(groups) == 1 else shared.get(tuple(names)) or ", ".join(names)
        first = arms[names[0]]
        facts = {key: _fact(value) for key, value in first.facts.items()} | dict(_bounds(first, findings))
        rows += [(who, key, value) for key, value in {**facts, "fingerprint": fingerprint}.items()]
    return _pairs_table("data", "The data as the models saw them; equal content has an equal fingerprint.", rows)


def _bounds(arm: Arm, findings: Findings) -> Iterator[tuple[str, str]]:
    """What the true distribution and chance reach, with the digits that the metric has elsewhere."""
    for who, values in (("of the true distribution", arm.bounds), ("at chance", arm.chance)):
        for name, value in values.items():
            places = metric_decimals(findings, name) if name in findings.plan.metrics else choose_decimals([value])
            yield f"{name} {who}", fixed(value, places)


def _fact(value: Any) -> str:
    return fixed(value, choose_decimals([value])) if isinstance(value, float) else _value(value)


def levels_table(findings: Findings) -> Table:
    """The level of every factor in every arm."""
    factors = list(findings.plan.factors)
    rows = pl.DataFrame(
        [{"arm": arm.name, **{f: _value(arm.levels.get(f)) for f in factors}} for arm in findings.arms],
        schema=dict.fromkeys(["arm", *factors], pl.String),
    )

    def show(row: dict[str, Any]) -> Cells:
        return {"Arm": name_arm(row["arm"], findings), **{plain(factor): row[factor] for factor in factors}}

    return make_table("levels", "What each arm sets.", rows, show, marks={"Arm": "arm"})


def settings_table(findings: Findings) -> Table:
    """Complete settings: those that all trials share, and the values of those that differ."""
    values: dict[str, dict[str, None]] = {}
    for trial in findings.plan.trials:
        for key, value in flatten(trial.settings):
            values.setdefault(key, {})[_value(value)] = None
    rows = [("varies" if len(v) > 1 else "shared", key, ", ".join(v)) for key, v in sorted(values.items())]
    rows.sort(key=lambda row: row[0] == "shared")
    return _pairs_table("settings", "Every setting with the values that the trials have; defaults included.", rows)


def environments_table(findings: Findings) -> Table:
    """What the trials that have a result ran on; what no trial tells has no column."""
    told = [name for name in ENVIRONMENT if findings.environments[name].null_count() < len(findings.environments)]

    def show(row: dict[str, Any]) -> Cells:
        values = {PROPER_NAMES.get(name, name.capitalize()): row[name] or DASH for name in told}
        return {**values, "Trials": f"{row['trials']:,}", "Of the arms": shorten(row["arms"])}

    caption = "What the trials that have a result ran on; of a trial that was continued elsewhere, where it ended."
    return make_table("environments", caption, findings.environments, show, numbers=frozenset({"Threads", "Trials"}))


def provenance_table(findings: Findings) -> Table:
    """Where the numbers come from, run by run."""
    rows = [row for number, run in enumerate(findings.runs, 1) for row in _run_rows(f"run {number}", run)]
    return _pairs_table("provenance", "Runs that had something to do, oldest first.", rows)


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
    """Rows of (whose, what, value); a first column that says the same everywhere is not shown."""
    frame = pl.DataFrame(list(rows), schema=dict.fromkeys(["of", "item", "value"], pl.String), orient="row")
    several = frame["of"].n_unique() > 1

    def show(row: dict[str, Any]) -> Cells:
        return {
            **({"Of": row["of"]} if several else {}),
            "Item": row["item"],
            "Value": shorten(row["value"], 2 * LONGEST),
        }

    return make_table(name, caption, frame, show)


def flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as (dotted path, value)."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _value(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.8g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
