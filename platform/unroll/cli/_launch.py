"""Run a prepared study into its results folder: own it, run what is missing, write everything down."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from unroll.cli._prepare import Prepared
from unroll.cli._progress import Tally, watch
from unroll.cli._provenance import begin_record, now, typed_command
from unroll.execution import Runner, Summary, find_missing, run_plan
from unroll.ledger import Ledger, RunRecord
from unroll.study import Job
from unroll.tracking import unsynced


@dataclass(frozen=True, slots=True)
class Launched:
    """What ``unroll run`` came to."""

    summary: Summary
    report: Path | None
    """The page; None where none was wanted or the run was interrupted."""
    unsynced: int
    """Runs of the results folder that W&B has not received."""
    damage: tuple[str, ...]
    """Files that were found damaged, one line each."""


def launch(prepared: Prepared, folder: Path, runner: Runner, *, retry: bool, report: bool, voice: Console) -> Launched:
    """Run the trials that have no result yet, compact the ledger, write the report.

    Args:
        prepared: what is to be there in the end.
        folder: the results folder; made if there is none.
        runner: how to run.
        retry: also run again what failed by a user's mistake.
        report: whether to write the report.
        voice: where progress is told.

    Raises:
        UserError: somebody else owns the folder, the runner cannot start, or the disk refused.
    """
    ledger = Ledger.create(folder)
    with ledger.lock(typed_command()) as lock:
        ledger.clear_stop()
        ledger.save_plan(prepared.plan)
        missing = find_missing(prepared.jobs, ledger, retry=retry)
        summary = _run(prepared, ledger, runner, lock.token, missing, retry=retry, voice=voice)
        page = _tell(prepared, ledger, changed=bool(missing), report=report and not summary.interrupted)
    return Launched(summary, page, unsynced(folder), tuple(str(damage) for damage in ledger.damage()))


def _run(
    prepared: Prepared,
    ledger: Ledger,
    runner: Runner,
    token: str,
    missing: Sequence[Job],
    *,
    retry: bool,
    voice: Console,
) -> Summary:
    """Run what is missing; only a run that has something to do leaves a record."""
    plan = prepared.plan
    tally = Tally(plan, ledger, missing={job.trial.id for job in missing})
    record = begin_record(planned=len(plan.trials), done_before=tally.before) if missing else None
    name = ledger.save_run(record) if record else None
    started, summary = time.perf_counter(), None
    try:
        with watch(tally, voice, live=bool(missing)) as observer:
            summary = run_plan(plan, prepared.jobs, ledger, token=token, runner=runner, observer=observer, retry=retry)
    except KeyboardInterrupt:  # a second one: the driver leaves at once, the workers follow the stop request
        seconds = time.perf_counter() - started
        summary = Summary(len(plan.trials), tally.before, tally.statuses(), interrupted=True, seconds=seconds)
    finally:
        if record:
            ledger.save_run(_ended(record, tally, summary, unsynced(ledger.root)), name=name)
    return summary


def _ended(record: RunRecord, tally: Tally, summary: Summary | None, unsynced_runs: int) -> RunRecord:
    """A run's record at its end, which may be an error (no summary)."""
    end = {
        "finished": now(),
        "counts": dict(tally.ends),
        "interrupted": summary is None or summary.interrupted,
        "unsynced": unsynced_runs,
        "seconds": summary.seconds if summary else tally.seconds,
    }
    return record.model_copy(update=end)


def _tell(prepared: Prepared, ledger: Ledger, *, changed: bool, report: bool) -> Path | None:
    """Rebuild what is derived, unless it is current; gives the report's page, if one is wanted."""
    from unroll.report import needs_update, write_report

    outdated = changed or (report and needs_update(ledger))
    if outdated:
        ledger.compact(prepared.plan)
    if not report:
        return None
    return write_report(ledger).html if outdated else ledger.root / "report" / "report.html"
