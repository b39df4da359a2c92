"""What a dashboard at W&B shows, in words of our own: :mod:`unroll.tracking.workspace` says it in wandb's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from unroll.tracking.local import Destination

REPORT_KEY = "report"
"""What the page is logged as, in the run that holds the report."""
CHARTS_KEY = "charts/"
"""Beginning of what the report's charts are logged as."""
REPORT_JOB = "report"
"""Job type of the run that holds the report."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: runs' numbers as mean and standard deviation over those that agree in ``by``, or of the report."""

    kind: Literal["curve", "bars", "page", "text"]
    title: str
    metric: str = ""
    """Full name of what is shown, a row's or a summary's; of a page, what it is logged as."""
    by: str = ""
    """Entry of the runs' config, dotted where it is nested."""
    text: str = ""
    """Markdown, of a text."""


@dataclass(frozen=True, slots=True)
class Section:
    """Panels below one heading."""

    name: str
    panels: tuple[Panel, ...]
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One workspace: exactly these runs, grouped by arm, and the report."""

    name: str
    at: Destination
    study: str
    phase: str
    runs: tuple[str, ...]
    """Ids of the runs, as the plan has them: W&B may hold others, of trials that are planned no longer."""
    report: str
    """Id of the run that holds the report."""
    sections: tuple[Section, ...]
