"""The records of one trial: what it is, how its attempts ended, what it logged, and where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from unroll.contract import UserError
from unroll.ledger.claims import PATIENCE, Claim, Fenced
from unroll.ledger.files import read_file, write_atomic
from unroll.ledger.history import History, Segment
from unroll.ledger.kept import Kept
from unroll.ledger.outcome import FINAL, HistoryRow, Outcome, Progress
from unroll.ledger.records import Reader, write_record, write_record_once
from unroll.ledger.scores import Scores, ScoresRecord
from unroll.ledger.shown import ShownExamples
from unroll.ledger.weights import Weights
from unroll.study.trial import Trial


class TrialRecords:
    """The folder ``trials/<id>`` of a results folder, made by :meth:`unroll.ledger.Ledger.trial`.

    Args:
        folder: where everything about the trial lies; it need not exist yet.
        trial_id: whose it is.
        reader: reads records and remembers which were damaged.
        kept: where the results folder has what rebuilds modules around weights.
    """

    def __init__(self, folder: Path, trial_id: str, reader: Reader, kept: Kept) -> None:
        self.folder = folder
        self._id, self._reader = trial_id, reader
        self.history = History(folder / "history", trial_id, reader)
        """What it logged; who may write goes through :meth:`append_history` and :meth:`rewind_history`."""
        self.weights = Weights(folder, trial_id, kept, self._refuse_final)
        """What it learned, if that stayed."""
        self.scores = Scores(folder, trial_id, reader, self._refuse_final)
        """What each example of the test data added to its metrics, if its task keeps that."""

    # What it is

    def register(self, trial: Trial) -> None:
        """Write the trial down, once. A damaged copy is replaced: the id is a hash of what it held.

        Names of study and arm may differ, and a setting may have been added with a default since: neither is part of
        an id. A setting that both have must be equal: an id leaves out defaults, so a default that was changed without
        raising the task's version would put old numbers under new settings.

        Raises:
            UserError: another trial has this id.
            StorageError: the disk refused.
        """
        try:
            write_record_once(self._file, "trial", trial)
        except FileExistsError:
            if self.known(trial) is None and not self._file.is_dir():
                write_record(self._file, "trial", trial)

    def read(self) -> Trial | None:
        """The trial as it was written down; None if it was not, or is damaged."""
        return self._reader.read(self._file, "trial", Trial, owner=self._id)

    def known(self, trial: Trial) -> Trial | None:
        """What was written down under the trial's id, if that can be read.

        Raises:
            UserError: it is another trial.
        """
        known = self.read()
        if known is not None and (differing := differences(known, trial)):
            raise UserError(
                "a trial's id must stand for one content",
                where=str(self._file),
                received=f"another {' and '.join(differing)}",
                advice="raise the task's version if a default was changed, or name another folder with --results",
            )
        return known

    @property
    def _file(self) -> Path:
        return self.folder / "trial.json"

    # How it ended

    def record(self, outcome: Outcome) -> int:
        """Write down how an attempt ended, for good; gives the attempt's number. Durable once this returns.

        Raises:
            Fenced: the trial has its result.
            StorageError: the disk refused.
        """
        self._refuse_final()
        return self._add(outcome)

    def _add(self, outcome: Outcome) -> int:
        """Write an outcome under the next free number, which is returned."""
        number = max((number for number, _ in self._numbered()), default=0) + 1
        while True:
            try:
                write_record_once(self.folder / "attempts" / f"{number:04}.json", "outcome", outcome)
            except FileExistsError:  # another process was quicker
                number += 1
            else:
                return number

    def outcome(self) -> Outcome | None:
        """How the trial ended: its latest final outcome, else its latest; None if none can be read.

        A result that was reached is not undone by a later note of failure.
        """
        latest: Outcome | None = None
        for _, path in sorted(self._numbered(), reverse=True):
            outcome = self._reader.read(path, "outcome", Outcome, owner=self._id)
            if outcome is not None and outcome.status in FINAL:
                return outcome
            latest = latest or outcome
        return latest

    def attempts(self) -> list[Outcome]:
        """How every attempt ended that was written down, oldest first; damaged ones are left out."""
        read = (self._reader.read(path, "outcome", Outcome, owner=self._id) for _, path in sorted(self._numbered()))
        return [outcome for outcome in read if outcome is not None]

    def _numbered(self) -> list[tuple[int, Path]]:
        files = self._reader.list(self.folder / "attempts")
        return [(int(p.stem), p) for p in files if p.suffix == ".json" and p.stem.isascii() and p.stem.isdigit()]

    def result(self) -> Outcome | None:
        """The outcome that is a result, after which nothing of the trial changes any more; None before."""
        outcome = self.outcome()
        return outcome if outcome is not None and outcome.status in FINAL else None

    def _refuse_final(self) -> None:
        if result := self.result():
            raise Fenced(f"trial {self._id} is {result.status}, and what is final is not changed")

    def take_over(
        self,
        outcomes: Sequence[Outcome],
        history: Segment | None,
        shown: ShownExamples | None,
        scores: tuple[ScoresRecord, bytes] | None = None,
    ) -> None:
        """Write down what another folder holds of the trial, which is registered; what an attempt left here goes.

        The outcomes are written last, so that a process which dies on the way leaves a trial without a result.

        Raises:
            Fenced: the trial has its result.
            StorageError: the disk refused.
        """
        self._refuse_final()
        self.history.replace(history)
        if shown is not None:
            self.show(shown)
        if scores is not None:
            self.scores.take_over(*scores)
        for outcome in outcomes:
            self._add(outcome)

    # What it logged

    def append_history(self, rows: Sequence[HistoryRow], *, step: int) -> int:
        """Write down what was logged since the last call, up to ``step`` inclusive. Durable once this returns.

        Gives a place in the history, to which :meth:`rewind_history` can go back.

        Raises:
            ValueError: a row lies beyond ``step``.
            Fenced: the trial has its result.
            StorageError: the disk refused.
        """
        self._refuse_final()
        return self.history.append(rows, step=step)

    def rewind_history(self, step: int, *, place: int | None = None) -> None:
        """Forget what was logged after a checkpoint, before a resume from there.

        Args:
            step: the checkpoint's; -1 where the trial begins anew.
            place: what the last :meth:`append_history` before the checkpoint gave: what was logged later goes, also at
                the same step. None for checkpoints that do not record it: what lies beyond ``step`` goes.

        Raises:
            Fenced: the trial has its result.
            StorageError: the disk refused.
        """
        self._refuse_final()
        if place is None:
            self.history.rewind(step)
        else:
            self.history.rewind_to(place)

    def last_logged(self) -> dict[str, float]:
        """Each metric's last value in the history."""
        return {metric: value for _, _, _, metric, value in self.history.rows()}

    # What it shows

    def show(self, shown: ShownExamples) -> None:
        """Write down what its model made of examples; what an attempt before left is replaced.

        Raises:
            Fenced: the trial has its result.
            StorageError: the disk refused.
        """
        self._refuse_final()
        write_record(self.folder / "examples.json", "examples", shown)

    def shown(self) -> ShownExamples | None:
        """What its model made of examples; None where nothing is shown, or the record is damaged."""
        return self._reader.read(self.folder / "examples.json", "examples", ShownExamples, owner=self._id)

    # Where it is

    def claim(self, *, token: str, patience: float = PATIENCE) -> Claim:
        """Have the trial for one attempt, from ``with`` to its end.

        Args:
            token: the owner's, who wants it to be run.
            patience: seconds to wait for an attempt before this one that does not let go.
        """
        return Claim(self.folder / "claims", self._id, token=token, patience=patience)

    def note_progress(self, progress: Progress) -> None:
        """Leave a note where the trial is.

        Raises:
            StorageError: the disk refused.
        """
        write_atomic(self.folder / "progress.json", progress.model_dump_json().encode(), durable=False)

    def progress(self) -> Progress | None:
        """Where the trial is; None without a readable note."""
        try:
            return Progress.model_validate_json(read_file(self.folder / "progress.json"))
        except (OSError, ValidationError):
            return None


def differences(known: Trial, trial: Trial) -> list[str]:
    """Names of what an id stands for and what is not the same in both."""
    parts = ("task", "task_version", "seed", "phase", "fingerprint", "parameters", "monitor", "warm_start", "scheduler")
    differing = [name for name in parts if getattr(known, name) != getattr(trial, name)]
    mine, theirs = _flat(known.settings), _flat(trial.settings)
    former = {name: repr(value) for name, value in trial.former.items()}
    shared = mine.keys() & theirs.keys()
    return differing + [name for name in shared if mine[name] not in (theirs[name], former.get(name))]


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Dotted path -> value as written down (NaN equals NaN)."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = repr(value)
    return found
