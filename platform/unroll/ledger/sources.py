"""The source files behind results: what a digest in an outcome stands for, and whose results other files gave."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from unroll.ledger.outcome import FINAL, Outcome
from unroll.ledger.records import Reader, write_record_once
from unroll.study.plan import Plan
from unroll.study.sources import compare_sources
from unroll.study.trial import Frozen

_KIND = "sources"
FORGOTTEN = "source files that are no longer known"
"""Stands where a digest's record is lost: other code ran, and which is unknown."""
MOST_FILES = 3
"""Changed files that are named in one line."""


class SourceFiles(Frozen):
    """What one digest stands for."""

    files: dict[str, str]
    """Source file below the project -> hash of its code."""


class Sources:
    """Records in the folder ``sources`` of a results folder: ``<digest>.json``, written once."""

    def __init__(self, folder: Path, reader: Reader) -> None:
        self._folder, self._reader = folder, reader

    def keep(self, sources: Mapping[str, Mapping[str, str]]) -> None:
        """Write down what digests stand for; a damaged record is left to who reads it.

        Raises:
            StorageError: the disk refused.
        """
        for digest, files in sources.items():
            if digest:
                with contextlib.suppress(FileExistsError):
                    write_record_once(self._folder / f"{digest}.json", _KIND, SourceFiles(files=dict(files)))

    def changed(self, plan: Plan, outcomes: Iterable[Outcome]) -> dict[str, list[str]]:
        """Results that other sources gave than the plan's arms have now, or that began with such a result.

        Outcomes without sources, of older versions, are taken as unchanged.

        Returns:
            Id of the trial -> its source files that differ, or those of what it began with.
        """
        now = {trial: sources for trial, sources in plan.sources_of.items() if sources}
        outcomes = list(outcomes)
        other = [o for o in outcomes if o.status in FINAL and o.sources and o.sources != now.get(o.trial, o.sources)]
        known = {digest: self.read(digest) for digest in {outcome.sources for outcome in other}}
        differing = {}
        for outcome in other:
            then = known[outcome.sources]
            files = plan.sources.get(now[outcome.trial], {})
            differing[outcome.trial] = compare_sources(then.files, files) if then else [FORGOTTEN]
        ended = {outcome.trial for outcome in outcomes if outcome.status in FINAL}
        return differing | {
            later.id: files
            for trial, files in differing.items()
            for later in plan.begun_with(trial)
            if later.id in ended and later.id not in differing
        }

    def read(self, digest: str) -> SourceFiles | None:
        """What a digest stands for; None where that is lost or damaged."""
        if not digest.isalnum():  # it becomes part of a path
            return None
        return self._reader.read(self._folder / f"{digest}.json", _KIND, SourceFiles)


def describe_changed(plan: Plan, changed: Mapping[str, list[str]]) -> str:
    """How many trials of which arms other sources gave, and which files those are."""
    arms = {trial.id: trial.arm for trial in plan.every_trial}
    concerned = dict.fromkeys(arms[trial] for trial in changed)
    files = [file for file, _ in Counter(file for files in changed.values() for file in files).most_common()]
    more = f" and {len(files) - MOST_FILES} more" if len(files) > MOST_FILES else ""
    trials = "1 trial" if len(changed) == 1 else f"{len(changed)} trials"
    return f"{trials} of {', '.join(concerned)}, before {', '.join(files[:MOST_FILES])}{more} changed"
