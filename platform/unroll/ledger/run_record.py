"""Where results come from: what one ``unroll run`` was and did."""

from __future__ import annotations

from pydantic import Field

from unroll.study.trial import Frozen


class RunRecord(Frozen):
    """Provenance of one ``unroll run``. Times are UTC in ISO 8601."""

    started: str
    finished: str = ""
    """Empty while it runs, and for ever if it was killed."""
    command: list[str] = Field(default=[])
    """The command line as typed, program first."""
    git_commit: str = ""
    git_dirty: bool | None = None
    """Whether the working tree differed from the commit; None where there is no repository."""
    versions: dict[str, str] = Field(default={})
    """Package -> version."""
    hardware: dict[str, str | int | float] = Field(default={})
    planned: int = 0
    """Trials of the plan."""
    done_before: int = 0
    """Trials of the plan that had a final outcome when the run began."""
    counts: dict[str, int] = Field(default={})
    """Status -> number of trials that this run ended with it."""
    interrupted: bool = False
    unsynced: int = 0
    """Runs that Weights & Biases has not received."""
    seconds: float = 0.0
    """Wall clock of the run."""
