"""The unit of work: one arm, one seed, one phase, named by its content."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Phase = Literal["tune", "confirm"]


class Frozen(BaseModel):
    """Base of everything that is written down: frozen, no unknown keys, NaN and infinities kept as strings."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class Trial(Frozen):
    """One training run. ``id`` is a hash of task, version, settings that differ from defaults, seed, phase, data."""

    id: str
    study: str
    task: str
    task_version: int
    arm: str
    seed: int
    phase: Phase
    settings: dict[str, Any]
    """Complete nested settings, without the locations (see ``contract.LOCATION``)."""
    fingerprint: str
    parameters: int
