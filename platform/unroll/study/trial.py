"""The unit of work: one arm, one seed, one phase, named by its content."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Phase = Literal["tune", "confirm"]


class Frozen(BaseModel):
    """Base of everything that is written down: frozen, no unknown keys, NaN and infinities kept as strings."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


def later(default: object) -> Any:
    """A field that records of format 1 lack. It is written only where it differs from ``default``.

    Such a record has the next format number, so that an older Unroll refuses it by name; any other stays as it was.
    """
    return Field(default=default, exclude_if=lambda value: value == default)


TRIAL_ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$"
"""Ids of trials are names of folders."""

Count = Annotated[int, Field(ge=0, lt=2**63)]
"""A whole number that tables can hold."""

Seed = Annotated[int, Field(ge=0, lt=2**31)]

Finite = Annotated[float, Field(allow_inf_nan=False)]

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Trial(Frozen):
    """One training run. ``id`` is a hash of task, version, settings that differ from defaults, seed, phase, data."""

    id: str = Field(pattern=TRIAL_ID)
    study: str
    task: str
    task_version: Count
    arm: str
    seed: Seed
    phase: Phase
    settings: dict[str, Any]
    """Complete nested settings, without the locations (see ``contract.LOCATION``)."""
    former: dict[str, str] = Field(default_factory=dict, exclude=True)
    """Dotted path -> former name of each setting's value that was renamed: older records hold that. Never stored."""
    fingerprint: str
    parameters: Count
    monitor: str | None = later(None)
    """The validation metric that selects the tested state or ends training early; part of the id where there is one."""
    warm_start: str | None = later(None)
    """Id of the trial whose final weights this one begins with; part of the id where there is one."""
    scheduler: str | None = later(None)
    """What may end this trial of the phase ``tune`` early; part of the id where there is one."""
    draw: Count | None = later(None)
    """Number of the draw that this trial of the phase ``tune`` tries; a name, no part of the id."""
    copy_number: Count = later(0)
    """Which copy of the same trial it is, where one is trained under several names; part of the id from 1 on."""
    pending: bool = later(False)
    """Whether a tuning is yet to choose its settings: it stands for a trial that will be run under another id."""

    @property
    def name(self) -> str:
        """What people call it: its arm and seed, and its draw where it tries one."""
        draw = f" draw {self.draw}" if self.draw is not None else ""
        return f"{self.arm}{draw} seed {self.seed}"
