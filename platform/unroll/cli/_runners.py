"""The two ways to run trials, by name."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from unroll.contract import UserError

if TYPE_CHECKING:
    from unroll.execution import Runner


class RunnerName(StrEnum):
    """Who trains the trials."""

    RAY = "ray"
    INLINE = "inline"


class IfChanged(StrEnum):
    """What becomes of results of other source files, see ``unroll.execution.changed``."""

    REFUSE = "refuse"
    KEEP = "keep"
    RERUN = "rerun"


def choose_runner(name: RunnerName, *, address: str | None, concurrency: int | None) -> Runner:
    """Build the runner that was asked for; Ray itself is imported when it has something to run.

    Raises:
        UserError: options of the one runner were given for the other.
    """
    if name is RunnerName.RAY:
        from unroll.execution.ray_runner import RayRunner

        return RayRunner(address=address, concurrency=concurrency)
    if address is not None or concurrency is not None:
        given = "--address" if address is not None else "--concurrency"
        rule = "the inline runner runs one trial after another in this process"
        raise UserError(rule, where="--runner inline", received=given, advice=f"leave {given} out or use --runner ray")
    from unroll.execution.inline_runner import InlineRunner

    return InlineRunner()
