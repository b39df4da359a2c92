"""Where results come from: what one ``unroll run`` was and did."""

from __future__ import annotations

from pydantic import Field

from unroll.ledger.pathless import Pathless
from unroll.study.trial import Count, Finite, Frozen, Seconds, later


class RunRecord(Frozen):
    """Provenance of one ``unroll run``. Times are UTC in ISO 8601."""

    started: str
    finished: str = ""
    """Empty while it runs, and for ever if it was killed."""
    command: list[Pathless] = Field(default=[])
    """The command line as typed, program first; of paths of the machine the last part."""
    git_commit: str = ""
    git_dirty: bool | None = None
    """Whether the working tree differed from the commit; None where there is no repository."""
    versions: dict[str, str] = Field(default={})
    """Package -> version."""
    hardware: dict[str, str | int | Finite] = Field(default={})
    planned: Count = 0
    """Trials of the plan."""
    done_before: Count = 0
    """Trials of the plan that had a final outcome when the run began."""
    counts: dict[str, Count] = Field(default={})
    """Status -> number of trials that this run ended with it."""
    interrupted: bool = False
    max_hours: Finite | None = later(None)
    """The longest that it was allowed to take; None: as long as it takes."""
    unsynced: Count = 0
    """Runs that Weights & Biases has not received."""
    seconds: Seconds = 0.0
    """Wall clock of the run."""
