"""Run a prepared study into its results folder: own it, run what is missing, write everything down."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from unroll import interruption
from unroll.execution import Observer, Runner, Summary, find_missing, run_plan
from unroll.execution.changed import IfChanged, settled_changed
from unroll.ledger import Ledger, RunRecord, nothing_left_on_error
from unroll.study import Plan
from unroll.tracking import unsynced
from unroll.workflow.places import cache_folder
from unroll.workflow.prepare import Prepared
from unroll.workflow.provenance import begin_record, now, typed_command
from unroll.workflow.tally import Counted, Tally

Watch = Callable[[Tally], AbstractContextManager[Observer]]
"""Gives the observer that shows a run while the block lasts; the tally is kept up to date for it."""


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


def launch(
    prepared: Prepared,
    folder: Path,
    runner: Runner,
    *,
    retry: bool,
    if_changed: IfChanged = "refuse",
    report: bool,
    watch: Watch,
) -> Launched:
    """Run the trials that have no result yet, compact the ledger, write the report.

    Args:
        prepared: what is to be there in the end.
        folder: the results folder; made if there is none.
        runner: how to run.
        retry: also run again what failed by a user's mistake.
        if_changed: what to do with results of source files that were changed since.
        report: whether to write the report.
        watch: gives the observer that shows progress.

    Raises:
        UserError: somebody else owns the folder, other source files gave its results, the runner cannot start, or the
            disk refused.
        Interrupted: somebody asked this process to leave before anything was started.
    """
    with nothing_left_on_error(folder):
        ledger = Ledger.create(folder)
        with ledger.lock(typed_command()) as lock:
            ledger.clear_stop()
            with settled_changed(prepared.plan, ledger, if_changed):
                summary = _run(prepared, ledger, runner, lock.token, retry=retry, watch=watch)
            try:
                page = _tell(ledger, report=report and not summary.interrupted)
            except interruption.Interrupted:
                summary, page = replace(summary, interrupted=True), None
    return Launched(summary, page, unsynced(folder), tuple(str(damage) for damage in ledger.damage()))


class RunStart:
    """What is written down once nothing can refuse the run any more: plan, trials and, if it has work, its record."""

    def __init__(self, plan: Plan, ledger: Ledger, *, missing: int) -> None:
        self._plan, self._ledger, self._missing = plan, ledger, missing
        self._record: RunRecord | None = None
        self._name = ""

    @property
    def begun(self) -> bool:
        """Whether anything of this run is written down."""
        return bool(self._name)

    def __call__(self) -> None:
        """Write down that the run starts."""
        self._ledger.keep_sources(self._plan.sources)
        self._ledger.save_plan(self._plan)
        for trial in self._plan.trials:
            self._ledger.register(trial)
        if self._missing:
            planned = len(self._plan.trials)
            self._record = begin_record(planned=planned, done_before=planned - self._missing)
            self._name = self._ledger.save_run(self._record)

    def end(self, tally: Tally, summary: Summary | None) -> None:
        """Complete the record of a run that began; one that ended in an error has no summary."""
        if self._record:
            ended = _ended(self._record, tally, summary, unsynced(self._ledger.root))
            self._ledger.save_run(ended, name=self._name)


def _run(prepared: Prepared, ledger: Ledger, runner: Runner, token: str, *, retry: bool, watch: Watch) -> Summary:
    """Run what is missing; only a run that has something to do leaves a record."""
    plan, missing = prepared.plan, find_missing(prepared.jobs, ledger, retry=retry)
    tally = Tally(plan, ledger, missing={job.trial.id for job in missing})
    start = RunStart(plan, ledger, missing=len(missing))
    started, summary = time.perf_counter(), None
    try:
        with watch(tally) as viewer:
            observer = Counted(tally, viewer)
            summary = run_plan(plan, missing, ledger, token=token, runner=runner, observer=observer, ready=start)
    except interruption.Interrupted:  # a second one, or one between two steps: the trials go on from what is saved
        if not start.begun:
            raise
        seconds = time.perf_counter() - started
        summary = Summary(len(plan.trials), tally.before, tally.statuses(), interrupted=True, seconds=seconds)
    finally:
        with interruption.patience():
            start.end(tally, summary)
    return summary


def _ended(record: RunRecord, tally: Tally, summary: Summary | None, unsynced_runs: int) -> RunRecord:
    """A run's record at its end, which may be an error (no summary)."""
    end = {
        "finished": now(),
        "counts": dict(tally.ends),
        "interrupted": summary is not None and summary.interrupted,
        "unsynced": unsynced_runs,
        "seconds": summary.seconds if summary else tally.seconds,
    }
    return record.model_copy(update=end)


def _tell(ledger: Ledger, *, report: bool) -> Path | None:
    """Bring up to date what is derived; gives the report's page, if one is wanted."""
    from unroll.report import needs_update, write_report

    if ledger.has_plan():
        ledger.compact(ledger.plan())
    if not report:
        return None
    if not needs_update(ledger):
        return ledger.root / "report" / "report.html"
    return write_report(ledger, cache=cache_folder()).html
