"""A trial with all that a worker needs to run it, wherever it runs."""

from __future__ import annotations

from typing import Any

from unroll.contract import Direction
from unroll.study.declaration import Keep, Limits, Resources, Wandb
from unroll.study.trial import Frozen, Trial


class Awaited(Frozen):
    """The tuning of one arm, as who waits for it has to know it."""

    tuning: str
    """Its id."""
    draws: tuple[tuple[str, ...], ...]
    """The trials of each draw, one per tuning seed."""
    searched: tuple[str, ...]
    """Dotted paths of the settings that are searched."""
    metric: str
    """What chooses: its mean over the tuning seeds."""
    direction: Direction

    @property
    def trials(self) -> set[str]:
        """All of them."""
        return {trial for draw in self.draws for trial in draw}


class Job(Frozen):
    """What is sent to a worker. Not a record: it holds locations, which differ from machine to machine."""

    trial: Trial
    settings: dict[str, Any]
    """Complete nested settings with the locations: what ``Task.settings`` validates."""
    resources: Resources
    limits: Limits
    wandb: Wandb
    metric: str | None
    """What decides the study, or a tuning: a trial that never logs it has no result. None for a preparation."""
    awaits: Awaited | None = None
    """Of a pending trial: the tuning that chooses its settings."""
    log_every_steps: int
    keep: Keep = "last"
    """Which trained weights stay; no number depends on it."""
    keep_by: str | None = None
    """The validation metric that decides which weights are the best, where those are to stay."""
    sources: str = ""
    """Digest of the source files that the trial runs (``Arm.sources``)."""
    cache: str
    """Folder for prepared data on whatever node the job runs."""
