"""The study's record of truth: a folder of small immutable records.

::

    <results>/
      plan.json                      the latest plan, replaced in one step
      runs/<utc>-<random>.json       provenance of each run
      analysis/0001.json             what the first run declared of its analysis; one more for each later change
      lock/                          who owns the folder, see lock.py
      stop                           a request to stop, addressed to one owner
      packs/<digest>.json            what is known of a pack that trials were taken over from
      submissions/0001.json          what was sent to a cluster; its scripts and output in submissions/0001/
      sources/<digest>.json          the source files that trials ran, written once
      kept/<digest>.json             what rebuilds modules around their weights, written once
      set_aside/<id>-<number>/       a trial whose result other sources gave, as it was
      tuning/<id>.json               what the tuning of one arm has chosen, written once
      trials/<id>/trial.json         the trial, written once
      trials/<id>/attempts/0001.json outcome of the first attempt, immutable
      trials/<id>/history/*.json     immutable segments of what was logged
      trials/<id>/claims/            which attempt has the trial, while one has, see claims.py
      trials/<id>/checkpoint/        the last two checkpoints
      trials/<id>/weights.safetensors  trained weights; they count where weights.json vouches for them
      trials/<id>/weights.json       what they are, and what rebuilds the module around them
      trials/<id>/examples.json      what its model made of a few examples, replaced by a later attempt
      trials/<id>/scores.parquet     what each example of the test data added to its metrics
      trials/<id>/scores.json        vouches for that table, as weights.json does for weights
      trials/<id>/progress.json      where it is: neither durable nor a record
      trials.parquet, history.parquet  derived, rebuilt by ``compact``
      history.made.json              what history.parquet was made of, see logged.py

No record holds an absolute path (see pathless.py), so the folder can be moved and copied.
"""

from __future__ import annotations

import contextlib
import json
import re
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from unroll.contract import UserError
from unroll.ledger.analyses import Analyses, AnalysisRecord
from unroll.ledger.columns import check_metrics
from unroll.ledger.files import StorageError, make_folder, move_folder, read_file, remove, sweep, write_atomic
from unroll.ledger.frames import attempts_table, history_table, trials_table, write_parquet
from unroll.ledger.kept import Kept
from unroll.ledger.lock import HEARTBEAT, PATIENCE, Lock, Owner, read_owner
from unroll.ledger.logged import Logged, LoggedTable
from unroll.ledger.outcome import FINAL, Outcome, Progress
from unroll.ledger.packs import PackRecord
from unroll.ledger.place import check_links, check_owners
from unroll.ledger.records import DamagedRecord, Reader, read_record, write_record, write_record_once
from unroll.ledger.run_record import RunRecord
from unroll.ledger.sources import Sources
from unroll.ledger.submissions import SubmissionRecord
from unroll.ledger.trial_records import TrialRecords
from unroll.study.analysis import DeclaredAnalysis
from unroll.study.plan import Plan
from unroll.study.trial import TRIAL_ID, Trial
from unroll.study.tuning import Winner

if TYPE_CHECKING:
    import polars as pl

_TRIAL_ID = re.compile(TRIAL_ID)
_WINNER = "winner"


class Ledger:
    """The records in one results folder. Constructing it touches no disk.

    Args:
        root: the results folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._reader = Reader()

    @classmethod
    def create(cls, root: Path) -> Self:
        """Open a results folder, made if there is none.

        Raises:
            UserError: something else lies there, every account could change it, or a folder of it is a link.
            StorageError: the disk refused.
        """
        ledger = cls(root)
        ledger.check_place()
        make_folder(ledger._trials)
        make_folder(ledger._runs)
        check_owners(root)  # in a folder for all (/tmp), somebody else may have been the first to make it
        return ledger

    def check_place(self) -> None:
        """Refuse a place that :meth:`create` would refuse; nothing is made.

        Raises:
            UserError: something else lies there, every account could change it, or a folder of it is a link.
            StorageError: it cannot be looked into.
        """
        if not self._is_ledger() and self.root.exists() and not _is_empty(self.root):
            raise UserError(
                "results must go to a new folder, an empty one or one that holds results",
                where=str(self.root),
                advice="name another folder with --results",
            )
        check_owners(self.root)
        check_links(self.root)

    @classmethod
    def open(cls, root: Path) -> Self:
        """Open a results folder.

        Raises:
            UserError: it is none.
        """
        ledger = cls(root)
        if not ledger._is_ledger():
            raise UserError(
                "a results folder must hold trials and runs",
                where=str(root),
                received="another folder" if root.is_dir() else "no folder",
                advice="give the folder that `unroll run` printed, such as results/quickstart",
            )
        return ledger

    @property
    def _trials(self) -> Path:
        return self.root / "trials"

    @property
    def _runs(self) -> Path:
        return self.root / "runs"

    @property
    def _analysis(self) -> Path:
        return self.root / "analysis"

    @property
    def _packs(self) -> Path:
        return self.root / "packs"

    @property
    def _kept(self) -> Path:
        return self.root / "kept"

    def _is_ledger(self) -> bool:
        return self._trials.is_dir() and self._runs.is_dir()

    # Plan and provenance

    def save_plan(self, plan: Plan) -> None:
        """Make this the current plan.

        Raises:
            UserError: a metric is named like a column of the trials.
            StorageError: the disk refused.
        """
        check_metrics(plan.metrics)
        write_record(self.root / "plan.json", "plan", plan)

    def has_plan(self) -> bool:
        """Whether a plan lies here; a first run that waits for its runner has none yet."""
        return (self.root / "plan.json").is_file()

    def plan(self) -> Plan:
        """The current plan.

        Raises:
            UserError: there is none yet.
            DamagedRecord: it is damaged; ``unroll run`` or ``unroll plan`` writes it anew.
        """
        try:
            return read_record(self.root / "plan.json", "plan", Plan)
        except FileNotFoundError:
            starting = read_owner(self._lock) is not None
            raise UserError(
                "a results folder must hold a plan before it can be reported on",
                where=str(self.root),
                advice="its first run is starting" if starting else "run the study into this folder first",
            ) from None

    def save_run(self, run: RunRecord, *, name: str | None = None) -> str:
        """Write down a run; gives the name under which it lies.

        Args:
            run: what is known of it so far.
            name: what an earlier call gave for the same run, which is replaced.

        Raises:
            StorageError: the disk refused.
        """
        name = name or f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}-{uuid.uuid4().hex[:8]}"
        write_record(self._runs / f"{name}.json", "run", run)
        return name

    def runs(self) -> list[RunRecord]:
        """All runs, oldest first; damaged ones are left to :meth:`damage`."""
        runs = (self._reader.read(path, "run", RunRecord) for path in sorted(self._runs.glob("[!.]*.json")))
        return [run for run in runs if run is not None]

    def keep_pack(self, pack: PackRecord) -> None:
        """Write down what is known of a pack, before trials are taken over from it.

        Raises:
            StorageError: the disk refused.
        """
        write_record(self._packs / f"{pack.digest}.json", "pack", pack)

    def packs(self) -> list[PackRecord]:
        """The packs that trials were taken over from, oldest results first."""
        found = (self._reader.read(path, "pack", PackRecord) for path in sorted(self._packs.glob("[!.]*.json")))
        return sorted((pack for pack in found if pack is not None), key=lambda pack: (pack.date, pack.digest))

    def taken_over(self, plan: Plan) -> list[tuple[PackRecord, list[Trial]]]:
        """The packs from which trials of ``plan`` have their outcome, with these trials."""
        packs = self.packs()
        if not packs:
            return []
        outcomes = self.outcomes(trial.id for trial in plan.every_trial)
        came = {trial: outcome.pack for trial, outcome in outcomes.items()}
        found = ((pack, [t for t in plan.every_trial if came.get(t.id) == pack.digest]) for pack in packs)
        return [(pack, trials) for pack, trials in found if trials]

    def analyses(self) -> list[AnalysisRecord]:
        """What was declared of the analysis, oldest first; none where only earlier versions ran."""
        return self._analyses.read()

    def declare(self, analysis: DeclaredAnalysis) -> None:
        """Write down what a run declares of its analysis, unless the newest record says the same.

        Raises:
            StorageError: the disk refused.
        """
        if self._analyses.differs(analysis):
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._analyses.write(AnalysisRecord(declared=analysis, recorded=now, results=self.count_results()))

    def take_over_analyses(self, records: Iterable[AnalysisRecord]) -> None:
        """Write down what was declared where results come from, unless something is declared here.

        Raises:
            StorageError: the disk refused.
        """
        if not self.analyses():
            for record in records:
                self._analyses.write(record)

    def count_results(self) -> int:
        """Trials with a result that were ever run here, whatever their settings, those that were set aside too.

        Those that a pack brought are not among them: they are no results of this study's own runs.
        """
        outcomes = [*self.outcomes(trial.id for trial in self.registered()).values()]
        outcomes += filter(None, (records.outcome() for _, records in self._aside()))
        return sum(outcome.status in FINAL and not outcome.pack for outcome in outcomes)

    @property
    def _analyses(self) -> Analyses:
        return Analyses(self._analysis, self._reader)

    def submit(self, submission: SubmissionRecord) -> str:
        """Write down what is about to be sent to a cluster.

        Returns:
            Its name.

        Raises:
            StorageError: the disk refused.
        """
        make_folder(self._submissions)
        while True:
            name = f"{max(map(int, self.submission_names()), default=0) + 1:04}"
            with contextlib.suppress(FileExistsError):
                write_record_once(self._submissions / f"{name}.json", "submission", submission)
                return name

    def submitted(self, name: str, submission: SubmissionRecord) -> None:
        """Write down what a place calls what was sent to it.

        Raises:
            StorageError: the disk refused.
        """
        write_record(self._submissions / f"{name}.json", "submission", submission)

    def keep_submitted(self, name: str, files: Mapping[str, str]) -> None:
        """Keep the scripts that are sent, beside what they will print.

        Raises:
            StorageError: the disk refused.
        """
        for file, text in files.items():
            write_atomic(self._submissions / name / file, text.encode())

    def submission_names(self) -> list[str]:
        """Names of what was sent to clusters, oldest first."""
        return sorted(path.stem for path in self._submissions.glob("*.json") if path.stem.isdecimal())

    def submission(self, name: str) -> SubmissionRecord:
        """What was sent.

        Raises:
            UserError: there is none of this name.
            DamagedRecord: its record is damaged.
        """
        if name not in self.submission_names():
            rule = "a submission must be one that was sent from here"
            raise UserError(rule, where=str(self.root), received=repr(name))
        return read_record(self._submissions / f"{name}.json", "submission", SubmissionRecord)

    @property
    def _submissions(self) -> Path:
        return self.root / "submissions"

    def damage(self) -> list[DamagedRecord]:
        """What this ledger found damaged while it read, by path. Whatever it held counts as missing."""
        return self._reader.damage

    # Trials

    def trial(self, trial_id: str) -> TrialRecords:
        """The records of one trial, which need not exist yet.

        Raises:
            UserError: the id could name a place outside the results folder.
        """
        if not _TRIAL_ID.fullmatch(trial_id):
            raise UserError("a trial's id must be letters, digits, - and _", received=repr(trial_id))
        return TrialRecords(self._trials / trial_id, trial_id, self._reader, Kept(self._kept))

    def register(self, trial: Trial) -> None:
        """See :meth:`TrialRecords.register`."""
        self.trial(trial.id).register(trial)

    def record(self, outcome: Outcome) -> int:
        """See :meth:`TrialRecords.record`."""
        return self.trial(outcome.trial).record(outcome)

    def note_progress(self, progress: Progress) -> None:
        """See :meth:`TrialRecords.note_progress`."""
        self.trial(progress.trial).note_progress(progress)

    def check(self, plan: Plan) -> None:
        """Refuse a plan that this folder cannot hold; nothing is written.

        Raises:
            UserError: a metric is named like a column of the trials, or an id stands for another trial here.
        """
        check_metrics(plan.metrics)
        for trial in plan.every_trial:
            self.trial(trial.id).known(trial)

    def outcomes(self, ids: Iterable[str]) -> dict[str, Outcome]:
        """How those of ``ids`` ended that have an outcome."""
        found = ((trial_id, self.trial(trial_id).outcome()) for trial_id in ids)
        return {trial_id: outcome for trial_id, outcome in found if outcome is not None}

    def progress(self, ids: Iterable[str]) -> dict[str, Progress]:
        """Where those of ``ids`` are that left a readable note."""
        found = ((trial_id, self.trial(trial_id).progress()) for trial_id in ids)
        return {trial_id: note for trial_id, note in found if note is not None}

    def keep_sources(self, sources: Mapping[str, Mapping[str, str]]) -> None:
        """Write down what digests of source files stand for (``Plan.sources``).

        Raises:
            StorageError: the disk refused.
        """
        self._sources.keep(sources)

    def sources_of(self, digest: str) -> Mapping[str, str] | None:
        """Source file -> hash of what a digest in an outcome stands for; None where that is lost."""
        found = self._sources.read(digest) if digest else None
        return None if found is None else found.files

    def changed(self, plan: Plan) -> dict[str, list[str]]:
        """Trials with a result that other source files gave than the plan's: id -> the files that differ."""
        return self._sources.changed(plan, self.outcomes(trial.id for trial in plan.every_trial).values())

    def set_aside(self, trial_id: str) -> Path:
        """Take a trial out of the study, with all that is known of it; nothing is lost, and it can be run anew.

        Gives the place for :meth:`put_back`.

        Raises:
            StorageError: the disk refused.
        """
        return self._move_aside(self.trial(trial_id).folder, trial_id)

    def put_back(self, trial_id: str, place: Path) -> None:
        """Undo :meth:`set_aside`, unless the trial has begun anew since.

        Raises:
            StorageError: the disk refused.
        """
        folder = self.trial(trial_id).folder
        if not folder.exists():
            move_folder(place, folder)

    def set_winner_aside(self, tuning: str) -> Path:
        """Take back what a tuning has chosen, as :meth:`set_aside` does a trial; for :meth:`put_winner_back`."""
        return self._move_aside(self._tuning / f"{tuning}.json", tuning)

    def put_winner_back(self, tuning: str, place: Path) -> None:
        """Undo :meth:`set_winner_aside`, unless the tuning has chosen anew since."""
        file = self._tuning / f"{tuning}.json"
        if not file.exists():
            move_folder(place, file)

    def _move_aside(self, what: Path, name: str) -> Path:
        aside = self.root / "set_aside"
        make_folder(aside)
        number = 1
        while (place := aside / f"{name}-{number}").exists():
            number += 1
        move_folder(what, place)
        return place

    @property
    def _sources(self) -> Sources:
        return Sources(self.root / "sources", self._reader)

    # Tuning

    def freeze(self, winner: Winner) -> Winner:
        """Write down what a tuning has chosen, for good; gives what was written down before, if anything was.

        Raises:
            UserError: what was written down before cannot be read.
            StorageError: the disk refused.
        """
        try:
            write_record_once(self._tuning / f"{winner.tuning}.json", _WINNER, winner)
        except FileExistsError:
            return read_record(self._tuning / f"{winner.tuning}.json", _WINNER, Winner)
        return winner

    def winner(self, tuning: str) -> Winner | None:
        """What a tuning has chosen; None before, or where the record is damaged."""
        if not _TRIAL_ID.fullmatch(tuning):
            return None
        return self._reader.read(self._tuning / f"{tuning}.json", _WINNER, Winner)

    def winners(self) -> dict[str, Winner]:
        """What tunings have chosen here, those of earlier plans too, by id, in the order in which they did."""
        ids = (path.stem for path in self._reader.list(self._tuning) if path.suffix == ".json")
        found = (winner for winner in map(self.winner, ids) if winner is not None)
        return {winner.tuning: winner for winner in sorted(found, key=lambda each: (each.frozen, each.tuning))}

    @property
    def _tuning(self) -> Path:
        return self.root / "tuning"

    # Frames

    def trials_frame(self, plan: Plan) -> pl.DataFrame:
        """One row per trial of ``plan``, in its order.

        Columns are trial, study, task, arm, seed, phase, status (``missing`` without an outcome), message,
        parameters, selected_epoch, steps, items, seconds, items_per_second, those of ``ENVIRONMENT``, where any trial
        begins with another one those of ``WARM_COLUMNS``, and one per metric: null where a trial has none, and NaN and
        infinities as they were. A completed trial that lost a part of its history is left to :meth:`damage`.
        """
        outcomes = self.outcomes(trial.id for trial in plan.every_trial)
        for outcome in outcomes.values():
            if outcome.status == "completed":
                self.trial(outcome.trial).history.check(outcome.steps)
        return trials_table(plan.trials, outcomes, plan.metrics, plan.preparations)

    def preparations_frame(self, plan: Plan) -> pl.DataFrame:
        """The same for what trials of ``plan`` begin with that is not compared, as far as it is needed or done."""
        outcomes = self.outcomes(trial.id for trial in plan.every_trial)
        done = {trial for trial, outcome in outcomes.items() if outcome.status in FINAL}
        shown = {trial.id for trial in plan.needed(done)} | outcomes.keys()
        return trials_table([trial for trial in plan.preparations if trial.id in shown], outcomes, ())

    def tune_frame(self, plan: Plan) -> pl.DataFrame:
        """The same for the trials that choose the settings; a column ``draw`` comes first."""
        import polars as pl

        outcomes = self.outcomes(trial.id for trial in plan.tune_trials)
        frame = trials_table(plan.tune_trials, outcomes, ())
        draws = pl.Series("draw", [trial.draw for trial in plan.tune_trials], pl.Int64)
        return frame.select(draws, pl.all())

    def every_trial_frame(self) -> pl.DataFrame:
        """The same for all trials that were ever registered here, whatever their settings."""
        trials = list(self.registered())
        return trials_table(trials, self.outcomes(trial.id for trial in trials), ())

    def attempts_frame(self) -> pl.DataFrame:
        """Every attempt that this folder knows of, whatever came of it and whatever plan it belonged to.

        One row per attempt: trial, arm, seed, phase, aside (whether its trial was set aside), status, seconds: those
        of this attempt alone, as far as its record tells. By trial, oldest first.
        """
        here = [(trial, False, self.trial(trial.id)) for trial in self.registered()]
        aside = [(trial, True, records) for trial, records in self._aside()]
        return attempts_table((trial, gone, records.attempts()) for trial, gone, records in [*here, *aside])

    def _aside(self) -> Iterator[tuple[Trial, TrialRecords]]:
        for folder in sorted((self.root / "set_aside").glob("[!.]*-[0-9]*")):
            name = folder.name.rpartition("-")[0]
            records = TrialRecords(folder, name, self._reader, Kept(self._kept))
            if _TRIAL_ID.fullmatch(name) and (trial := records.read()) is not None:
                yield trial, records

    def left_out(self, plan: Plan) -> list[Trial]:
        """Trials that have a result here and are none of the plan's, by arm and seed."""
        trials = {trial.id: trial for trial in self.registered(besides={trial.id for trial in plan.every_trial})}
        ended = (trials[trial] for trial, outcome in self.outcomes(trials).items() if outcome.status in FINAL)
        return sorted(ended, key=lambda trial: (trial.arm, trial.seed, trial.id))

    def registered(self, besides: Collection[str] = ()) -> Iterator[Trial]:
        """Every trial that was ever written down here, by id, without some of them."""
        names = sorted(path.name for path in self._trials.iterdir() if path.is_dir() and path.name not in besides)
        for name in filter(_TRIAL_ID.fullmatch, names):
            if (trial := self.trial(name).read()) is not None:
                yield trial

    def history_frame(self, plan: Plan) -> pl.DataFrame:
        """What the trials of ``plan`` logged: trial, arm, seed, step, epoch, seconds, metric, value.

        (trial, step, metric) is unique; rows are ordered by the plan's trials and then by step.
        """
        return history_table((trial, self.trial(trial.id).history.frame()) for trial in plan.trials)

    def logged(self, plan: Plan) -> Logged:
        """The same, read lazily out of ``history.parquet`` where that holds it (see :meth:`compact`)."""
        return self._logged.read(plan.trials)

    def compact(self, plan: Plan) -> None:
        """Rebuild ``trials.parquet`` and ``history.parquet``; a file that is as it must be is left alone.

        Raises:
            StorageError: the disk refused.
        """
        write_parquet(self.root / "trials.parquet", self.trials_frame(plan))
        self._logged.write(plan.trials)

    @property
    def _logged(self) -> LoggedTable:
        def is_damaged(trial: Trial) -> bool:
            folder = self.trial(trial.id).folder / "history"
            return any(folder == each.path or folder in each.path.parents for each in self.damage())

        return LoggedTable(self.root, lambda trial: self.trial(trial.id).history, is_damaged)

    # Ownership

    @contextlib.contextmanager
    def lock(
        self,
        command: str | Sequence[str],
        *,
        heartbeat: float = HEARTBEAT,
        patience: float = PATIENCE,
        together: str | None = None,
    ) -> Iterator[Lock]:
        """Own the folder; what dead writers left is swept. Parameters as of :class:`unroll.ledger.lock.Lock`.

        Raises:
            UserError: a living owner has it (named with host, process and since when).
            StorageError: the disk refused.
        """
        with Lock(self._lock, command, heartbeat=heartbeat, patience=patience, together=together) as lock:
            own = (
                self._runs,
                self._analysis,
                self._packs,
                self._submissions,
                self.root / "sources",
                self._kept,
                self._tuning,
            )
            for folder in (self.root, *own, *self._trials.glob("*"), *self._trials.glob("*/*/")):
                sweep(folder)
            yield lock

    def owner(self) -> Owner | None:
        """Who owns the folder, dead or alive; None if nobody does.

        Raises:
            OSError: the disk refused.
        """
        return read_owner(self._lock)

    def is_current(self, token: str) -> bool:
        """Whether ``token`` still names the owner: a worker whose driver lost the folder must stop writing.

        One file is read. A disk that does not answer is no reason to stop; a record that cannot be written is.
        """
        try:
            owner = self.owner()
        except OSError:
            return True
        return owner is not None and owner.token == token

    def request_stop(self, token: str) -> None:
        """Ask the workers of the owner with this token to stop.

        Raises:
            StorageError: the disk refused.
        """
        write_atomic(self._stop, json.dumps({"token": token}).encode())

    def stop_requested(self, token: str) -> bool:
        """Whether workers of the owner with this token must stop: asked to, or the owner is no longer it."""
        if not self.is_current(token):
            return True
        try:
            request = json.loads(read_file(self._stop))
        except (OSError, ValueError):
            return False
        return isinstance(request, dict) and request.get("token") == token

    def clear_stop(self) -> None:
        """Forget a request to stop.

        Raises:
            StorageError: the disk refused.
        """
        remove(self._stop)

    @property
    def _lock(self) -> Path:
        return self.root / "lock"

    @property
    def _stop(self) -> Path:
        return self.root / "stop"


def _is_empty(folder: Path) -> bool:
    try:
        return folder.is_dir() and all(path.name.startswith(".") for path in folder.iterdir())
    except OSError as error:
        raise StorageError(folder, error) from error
