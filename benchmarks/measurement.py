"""What a benchmark finds: ratios with their goals, and the facts that they come from."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Literal

from rich.table import Table

PACKAGES = ("torch", "pytorch-lightning", "ray", "wandb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A quotient of two times that were measured side by side, in the same run on the same machine; or a share.

    Attributes:
        name: what is divided by what, or what it is the share of.
        repeats: its value in each repeat.
        goal: what the median should reach.
        bound: whether the goal is a lower or an upper bound.
    """

    name: str
    repeats: tuple[float, ...]
    goal: float
    bound: Literal["at least", "at most"]

    @property
    def median(self) -> float:
        """Median of the repeats."""
        return statistics.median(self.repeats)

    @property
    def reached(self) -> bool:
        """Whether the median is on the right side of the goal."""
        return self.median >= self.goal if self.bound == "at least" else self.median <= self.goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One benchmark in one setting.

    Attributes:
        name: benchmark and setting.
        facts: times in seconds and sizes, by name.
        ratios: what the goals are about.
    """

    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    ratios: tuple[Ratio, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain types for a JSON file."""
        ratios = [asdict(ratio) | {"median": ratio.median, "reached": ratio.reached} for ratio in self.ratios]
        return {"name": self.name, "facts": dict(self.facts), "ratios": ratios}


def describe_machine() -> dict[str, Any]:
    """What the numbers depend on; the load tells whether other programs were running."""
    from unroll.execution.trial.process import processor

    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "processor": processor(),
        "cores": available_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
        "load average of the last minute": round(os.getloadavg()[0], 2),
    }


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def tabulate(measurements: Sequence[Measurement]) -> Table:
    """All ratios with their goals, for people."""
    table = Table("benchmark", "ratio", "median", "range", "goal", "")
    for measurement in measurements:
        for ratio in measurement.ratios:
            table.add_row(
                measurement.name,
                ratio.name,
                f"{ratio.median:.2f}",
                f"{min(ratio.repeats):.2f} to {max(ratio.repeats):.2f}" if len(ratio.repeats) > 1 else "",
                f"{ratio.bound} {ratio.goal:g}",
                "reached" if ratio.reached else "missed",
            )
    return table
