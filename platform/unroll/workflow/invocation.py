"""A run as it was asked for, and the command that asks for it, or for what continues it."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from unroll.contract import UserError

if TYPE_CHECKING:
    from unroll.execution import Runner

RunnerName = Literal["ray", "inline"]
"""Who trains the trials: Ray in parallel, or this process one by one."""
IfChanged = Literal["refuse", "keep", "rerun"]
"""What becomes of results of other source files, see ``unroll.workflow.changed``."""


MOST_HOURS = 100_000
"""A limit that no run reaches: eleven years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What ``unroll run`` and :func:`unroll.run` were asked for."""

    study: str
    overrides: tuple[str, ...] = ()
    results: Path | None = None
    """The results folder; None for the study's own in the project."""
    runner: RunnerName = "ray"
    address: str | None = None
    """A Ray cluster that runs; None to start Ray on this machine."""
    concurrency: int | None = None
    """Most trials at a time; None for as many as there is room for."""
    max_hours: float | None = None
    """The longest that it may take; None for as long as it takes."""
    retry: bool = False
    """Whether to run again what failed by a user's mistake."""
    if_changed: IfChanged = "refuse"
    packs: tuple[str, ...] = ()
    """Packs whose trials count as done, each a file or the name of a study beside which one lies."""
    share: str | None = None
    """Of a submission the trials of one job without a driver: ``NAME/INDEX``; None for all trials."""
    report: bool = True
    """Whether to write the report at the end."""
    format: str = "table"
    """What the command prints."""

    def words(self) -> list[str]:
        """The command line, without what is the default anyway."""
        given: Mapping[str, Any] = {
            "--results": self.results,
            "--runner": self.runner if self.runner != "ray" else None,
            "--address": self.address,
            "--concurrency": self.concurrency,
            "--max-hours": None if self.max_hours is None else f"{self.max_hours:g}",
            "--if-changed": self.if_changed if self.if_changed != "refuse" else None,
            "--share": self.share,
            "--format": self.format if self.format != "table" else None,
        }
        # Defaults are left out, so that the command that is shown is as short as the one that was typed.
        options = [word for name, value in given.items() if value is not None for word in (name, str(value))]
        options += [word for pack in self.packs for word in ("--from", pack)]
        switches = [*([] if self.report else ["--no-report"]), *(["--retry"] if self.retry else [])]
        return ["unroll", "run", self.study, *self.overrides, *options, *switches]

    def without(self, overrides: Collection[str]) -> Invocation:
        """The same without some of its overrides."""
        return replace(self, overrides=tuple(word for word in self.overrides if word not in overrides))

    def with_seeds(self, seeds: str) -> Invocation:
        """The same for other seeds; what was set aside once is not to be set aside after the next edit too."""
        others = [word for word in self.overrides if not word.startswith("seeds=")]
        if_changed: IfChanged = "refuse" if self.if_changed == "rerun" else self.if_changed
        return replace(self, overrides=(f"seeds={seeds}", *others), if_changed=if_changed)

    def until(self) -> float | None:
        """When the time is used up if it begins now, on the clock of :func:`time.monotonic`; None without a limit."""
        return None if self.max_hours is None else time.monotonic() + 3600 * self.max_hours

    def make_runner(self, *, fork: bool) -> Runner:
        """Build the runner; Ray itself is imported when it has something to run.

        Args:
            fork: whether Ray's driver may be a fork of this process, see :mod:`unroll.execution.on_ray.apart`.

        Raises:
            UserError: there is no such runner, or options of the one were given for the other.
        """
        if self.runner == "ray":
            from unroll.execution.on_ray.runner import RayRunner

            return RayRunner(address=self.address, concurrency=self.concurrency, fork=fork)
        if self.address is not None or self.concurrency is not None:
            given = "--address" if self.address is not None else "--concurrency"
            rule = "the inline runner runs one trial after another in this process"
            advice = f"leave {given} out or use --runner ray"
            raise UserError(rule, where="--runner inline", received=given, advice=advice)
        from unroll.execution.inline_runner import InlineRunner

        return InlineRunner()

    def check(self) -> None:
        """Refuse what a command line refuses by itself.

        Raises:
            UserError: a choice is none of those that there are.
        """
        for name, value, known in (("runner", self.runner, RunnerName), ("if_changed", self.if_changed, IfChanged)):
            if value not in get_args(known):
                raise UserError(f"must be one of {', '.join(get_args(known))}", where=name, received=repr(value))
        if self.concurrency is not None and self.concurrency < 1:
            raise UserError("must be at least 1", where="concurrency", received=repr(self.concurrency))
        if self.share is not None and (self.runner != "inline" or self.report or self.max_hours is not None):
            rule = "a share of a submission is run by --runner inline --no-report, without --max-hours"
            raise UserError(rule, where="share", received=repr(self.share))
        if self.max_hours is not None and not 0 < self.max_hours < MOST_HOURS:
            raise UserError(
                f"must be above 0 and below {MOST_HOURS:,}", where="max_hours", received=repr(self.max_hours)
            )
