"""A trial with all that a worker needs to run it, wherever it runs."""

from __future__ import annotations

from typing import Any

from unroll.study.declaration import Keep, Limits, Resources, Wandb
from unroll.study.trial import Frozen, Trial


class Job(Frozen):
    """What is sent to a worker. Not a record: it holds locations, which differ from machine to machine."""

    trial: Trial
    settings: dict[str, Any]
    """Complete nested settings with the locations: what ``Task.settings`` validates."""
    resources: Resources
    limits: Limits
    wandb: Wandb
    metric: str | None
    """What decides the study: a trial that never logs it has no result. None for a preparation."""
    log_every_steps: int
    keep: Keep = "last"
    """Which trained weights stay; no number depends on it."""
    keep_by: str | None = None
    """The validation metric that decides which weights are the best, where those are to stay."""
    sources: str = ""
    """Digest of the source files that the trial runs (``Arm.sources``)."""
    cache: str
    """Folder for prepared data on whatever node the job runs."""
