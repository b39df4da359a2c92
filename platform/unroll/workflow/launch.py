"""Run a prepared study into its results folder: own it, run what is missing, write everything down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from unroll import interruption
from unroll.execution import Observer, Runner, Summary, TimeLimit, find_missing, run_plan, trial_seconds
from unroll.ledger import Ledger, Pack, RunRecord, nothing_left_on_error, partial_seeds, seeds_left_out, without_seeds
from unroll.ledger.pathless import without_paths
from unroll.reporting.prose.decided import pending_sentences
from unroll.reporting.prose.tuning import border_sentences
from unroll.study import Plan, Trial
from unroll.study.analysis import declared_analysis
from unroll.tracking import unsynced
from unroll.workflow.changed import settled_changed
from unroll.workflow.invocation import Invocation
from unroll.workflow.looks import look_sentences
from unroll.workflow.places import results_folder
from unroll.workflow.prepare import Prepared
from unroll.workflow.provenance import begin_record, now
from unroll.workflow.records import update_report
from unroll.workflow.sharing import read_share, share_of
from unroll.workflow.taking_over import read_packs, take_over
from unroll.workflow.tally import Counted, Tally
from unroll.workflow.warnings import warnings

if TYPE_CHECKING:
    import polars as pl

Watch = Callable[[Tally], AbstractContextManager[Observer]]
"""Gives the observer that shows a run while the block lasts; the tally is kept up to date for it."""


@dataclass(frozen=True, slots=True, repr=False)
class RunResult:
    """What a run came to."""

    plan: Plan = field(compare=False)
    """What was to be there in the end."""
    folder: Path
    """The results folder."""
    summary: Summary
    report: Path | None
    """The page; None where none was wanted or the run was interrupted."""
    unsynced: int
    """Runs of the results folder that W&B has not received."""
    warnings: tuple[str, ...]
    """What makes its numbers doubtful, and files that were found damaged: a line each."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Status -> trials of the whole plan; ``missing`` counts those without any outcome."""
        return self.summary.counts

    @property
    def completed(self) -> bool:
        """Whether every trial of the plan completed; a diverged one did not."""
        return self.counts.get("completed", 0) == self.summary.planned

    @property
    def interrupted(self) -> bool:
        """Whether somebody asked the run to stop."""
        return self.summary.interrupted

    @property
    def seeds_left_out(self) -> list[int]:
        """Seeds for which the time was too short, so that the report and :attr:`arms` leave them out."""
        return seeds_left_out(self.plan, Ledger.open(self.folder))

    @property
    def arms(self) -> pl.DataFrame:
        """One row per arm: parameters, how its trials ended, mean and standard deviation of the study's metric.

        Means are over completed trials with a finite value, without :attr:`seeds_left_out`.
        """
        import polars as pl

        from unroll.evidence import coverage, summarise_arms

        plan, trials = self.plan, Ledger.open(self.folder).trials_frame(self.plan)
        ends = coverage(trials)
        seen = [status for status in ends.columns[2:] if ends[status].sum()]
        whole, spec = without_seeds(trials, self.seeds_left_out), plan.metrics[plan.metric]
        frame = summarise_arms(whole, plan.metric, direction=spec.direction, scale=spec.scale)
        means = frame.select("arm", "parameters", pl.col("mean").alias(plan.metric), "sd")
        found = ends.join(means, on="arm", how="left", maintain_order="left")
        return found.select("arm", "parameters", "planned", *seen, plan.metric, "sd")

    def __repr__(self) -> str:
        ends = ", ".join(f"{count} {status}" for status, count in sorted(self.counts.items()))
        lines = [f"{self.plan.study}: {self.summary.planned} trials: {ends}, in {self.folder}", *self.warnings]
        return "\n".join([*lines, *([f"report: {self.report}"] if self.report else []), str(self.arms)])


def launch(
    prepared: Prepared, invocation: Invocation, runner: Runner, *, watch: Watch, until: float | None = None
) -> RunResult:
    """Run the trials that have no result yet, compact the ledger, write the report.

    Args:
        prepared: what is to be there in the end.
        invocation: what was asked for: the results folder, which is made if there is none, what to run again, whether
            to write a report.
        runner: how to run.
        watch: gives the observer that shows progress.
        until: when the time is used up that was asked for (``Invocation.until``).

    Raises:
        UserError: somebody else owns the folder, other source files gave its results, a pack is none, the runner cannot
            start, or the disk refused.
        Interrupted: somebody asked this process to leave before anything was started.
    """
    folder, packs = results_folder(prepared.plan.study, invocation.results), read_packs(invocation.packs)
    if invocation.share is not None:
        return _launch_share(prepared, folder, invocation, runner, watch)
    with nothing_left_on_error(folder):
        ledger = Ledger.create(folder)
        with ledger.lock(_recorded(invocation)) as lock:
            ledger.clear_stop()
            plan, summary = _look_by_look(prepared, ledger, invocation, packs, runner, lock.token, watch, until)
            try:
                page = update_report(ledger, wanted=invocation.report and not summary.interrupted)
            except interruption.Interrupted:
                summary, page = replace(summary, interrupted=True), None
    found = tuple(warnings(plan, ledger, "run"))
    return RunResult(plan, folder, summary, page, unsynced(folder), found)


def _look_by_look(
    prepared: Prepared,
    ledger: Ledger,
    invocation: Invocation,
    packs: Sequence[Pack],
    runner: Runner,
    token: str,
    watch: Watch,
    until: float | None,
) -> tuple[Plan, Summary]:
    """Run what is missing, and then whatever the results of that ask for; a run without looks comes to its end at once.

    Gives the last plan, and what was done for all of them.
    """
    known, first, seconds = prepared.known(ledger), None, 0.0
    while True:
        with settled_changed(known.plan, ledger, invocation.if_changed):
            known = prepared.known(ledger)
            take_over(known.plan, ledger, packs, invocation.if_changed)
            plan, summary = _run(known, ledger, invocation, runner, token, watch, until)
        first, seconds = first or summary, seconds + summary.seconds
        over = summary.interrupted or (until is not None and time.monotonic() >= until)
        more = known if plan.looks is None or over else prepared.known(ledger)
        if len(more.plan.reserve) >= len(known.plan.reserve):
            return plan, replace(summary, done_before=first.done_before, seconds=seconds)
        known = more


def _launch_share(prepared: Prepared, folder: Path, invocation: Invocation, runner: Runner, watch: Watch) -> RunResult:
    """Run the trials of one job without a driver, beside others that own the folder together with it.

    The plan was written down when it was submitted; whoever comes after all of them completes it and reports.

    Raises:
        UserError: as :func:`launch`; or there is no such share, or the study is not the submitted one any more.
    """
    ledger = Ledger.open(folder)
    submission, trials = read_share(ledger, invocation.share or "")
    with ledger.lock(_recorded(invocation), together=submission.token) as lock:
        own = share_of(prepared, prepared.decided(ledger.winners()), trials)
        plan, summary = _run(own, ledger, invocation, runner, lock.token, watch, None)
    return RunResult(plan, folder, summary, None, unsynced(folder), ())


def write_plan(plan: Plan, trials: Iterable[Trial], ledger: Ledger) -> None:
    """Write down what is to be there in the end, and what is declared of its analysis.

    Args:
        plan: the plan.
        trials: those that a run is about.
        ledger: the results folder, locked by the caller.

    Raises:
        StorageError: the disk refused.
    """
    ledger.keep_sources(plan.sources)
    # Before the plan: a kill between the two leaves a declaration that the next run finds and does not repeat.
    ledger.declare(declared_analysis(plan))
    ledger.save_plan(plan)
    for trial in trials:
        if not trial.pending:
            ledger.register(trial)


class RunStart:
    """What is written down once nothing can refuse the run any more: plan, trials and, if it has work, its record."""

    def __init__(
        self, tally: Tally, ledger: Ledger, command: list[str], *, max_hours: float | None = None, planned: bool = False
    ) -> None:
        self._tally, self._ledger, self._command, self._max_hours = tally, ledger, command, max_hours
        self._planned = planned
        self._record: RunRecord | None = None
        self._name = ""

    @property
    def begun(self) -> bool:
        """Whether anything of this run is written down."""
        return bool(self._name)

    def __call__(self) -> None:
        """Write down that the run starts."""
        if not self._planned:
            write_plan(self._tally.plan, self._tally.trials.values(), self._ledger)
        if self._tally.to_run:
            planned, before = len(self._tally.trials), self._tally.before
            record = begin_record(self._command, planned=planned, done_before=before)
            self._record = record.model_copy(update={"max_hours": self._max_hours})
            self._name = self._ledger.save_run(self._record)

    def end(self, summary: Summary | None) -> None:
        """Complete the record of a run that began; one that ended in an error has no summary."""
        if self._record:
            end = {
                "finished": now(),
                "counts": dict(self._tally.ends),
                "interrupted": summary is not None and summary.interrupted,
                "unsynced": unsynced(self._ledger.root),
                "seconds": summary.seconds if summary else self._tally.seconds,
            }
            self._ledger.save_run(self._record.model_copy(update=end), name=self._name)


def _run(
    prepared: Prepared,
    ledger: Ledger,
    invocation: Invocation,
    runner: Runner,
    token: str,
    watch: Watch,
    until: float | None,
) -> tuple[Plan, Summary]:
    """Run what is missing; only a run that has something to do leaves a record.

    Gives the plan as it is in the end: with the settings that tunings have chosen by then.
    """
    plan, missing = prepared.plan, find_missing(prepared.jobs, ledger, retry=invocation.retry)
    tally = Tally(plan, ledger, missing={job.trial.id for job in missing})
    shared = invocation.share is not None
    start = RunStart(tally, ledger, _recorded(invocation), max_hours=invocation.max_hours, planned=shared)
    longest = {kind: max(seconds) for kind, seconds in trial_seconds(plan, ledger).items()}
    limit = TimeLimit(until, longest) if until is not None else None
    started, summary = time.perf_counter(), None

    def decide() -> None:
        if tally.undecided and any(ledger.winner(tuning) for tuning in tally.undecided):
            winners = ledger.winners()
            known = prepared.decided(winners).plan
            ledger.keep_sources(known.sources)
            if not shared:  # the plan is everybody's
                ledger.save_plan(known)
            news = [winners[tuning] for tuning in tally.undecided if tuning in winners]
            tally.adopt(known)
            for line in border_sentences(news, known.tuning) if known.tuning else ():
                viewer.message(line)

    try:
        with watch(tally) as viewer:
            observer = Counted(tally, viewer, decide=decide)
            told = (
                () if shared else (*pending_sentences(declared_analysis(plan), ledger), *look_sentences(plan, ledger))
            )
            for line in told:
                observer.message(line)
            summary = run_plan(
                plan, missing, ledger, token=token, runner=runner, observer=observer, ready=start, limit=limit
            )
            if start.begun:
                decide()
    except interruption.Interrupted:  # a second one, or one between two steps: the trials go on from what is saved
        if not start.begun:
            raise
        seconds = time.perf_counter() - started
        summary = Summary(len(plan.trials), tally.before_of_plan, tally.statuses(), interrupted=True, seconds=seconds)
    finally:
        # A first Ctrl-C is only noted: without its end, the run's record would look like that of a killed one.
        with interruption.patience():
            start.end(summary)
    if tally.plan is not plan:
        summary = replace(summary, counts=tally.statuses(), done_before=tally.before_of_plan)
    if limit and not summary.interrupted:
        summary = replace(summary, out_of_time=bool(partial_seeds(tally.plan, ledger)))
    return tally.plan, summary


def _recorded(invocation: Invocation) -> list[str]:
    """The command as records hold it: of absolute paths the last part, for where something lies differs by machine."""
    return [without_paths(word) for word in invocation.words()]
