"""A trial with all that a worker needs to run it, wherever it runs."""

from __future__ import annotations

from typing import Any

from unroll.study.declaration import Limits, Resources, Wandb
from unroll.study.trial import Frozen, Trial


class Job(Frozen):
    """What is sent to a worker. Not a record: it holds locations, which differ from machine to machine."""

    trial: Trial
    settings: dict[str, Any]
    """Complete nested settings with the locations: what ``Task.settings`` validates."""
    resources: Resources
    limits: Limits
    wandb: Wandb
    metric: str
    """What decides the study: a trial that never logs it has no result."""
    log_every_steps: int
    sources: str = ""
    """Digest of the source files that the trial runs (``Arm.sources``)."""
    cache: str
    """Folder for prepared data on whatever node the job runs."""
