"""What was sent to a cluster, so that it can be followed and taken back from the results folder alone."""

from __future__ import annotations

from pydantic import Field

from unroll.ledger.pathless import Pathless
from unroll.study.trial import Frozen


class SubmissionRecord(Frozen):
    """One ``unroll submit``. Times are UTC in ISO 8601."""

    submitted: str
    target: str
    """Name of the target."""
    command: list[Pathless]
    """The command line as typed; of paths of the machine the last part."""
    handle: str = ""
    """What the place calls it; empty until it was taken there."""
    token: str = ""
    """Of all its jobs, which own the results folder together; empty where one driver owns it."""
    shares: list[list[str]] = Field(default=[])
    """Ids of the trials of each job that has no driver."""
