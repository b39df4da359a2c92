"""How a trial ended, and what it logged on the way."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from unroll.contract import UserError
from unroll.ledger.columns import check_metrics
from unroll.ledger.pathless import Pathless
from unroll.study.trial import Count, Finite, Frozen, Seconds, later

Status = Literal[
    "completed", "diverged", "pruned", "stopped", "out_of_memory", "timeout", "failed_user", "failed_infrastructure"
]
"""``pruned``: a trial of the phase ``tune`` that was ended early, being behind others (``Trial.scheduler``)."""

FINAL: frozenset[Status] = frozenset({"completed", "diverged", "pruned"})
"""Outcomes that are results. A trial with any other status is still missing from the study."""


class Selected(Frozen):
    """The validation after which a trial's tested state was taken."""

    epoch: Count
    """Counted from one."""
    step: Count
    """Optimizer steps done."""


class Outcome(Frozen):
    """The typed end of one attempt at a trial."""

    trial: str
    status: Status
    message: Pathless = ""
    """One line for people: why it ended so, or what went wrong beside it (W&B was not reachable).

    Paths of the machine are shortened to their last part; the trial's ``traceback.txt`` has them in full."""
    metrics: dict[str, float] = Field(default={})
    """Each metric's last logged value, by full name; NaN and infinities are kept.

    Of a completed trial they are the final ones: with ``selected``, its validation metrics are those of the tested
    state, whatever was logged later. Any other trial has whatever it had logged when it ended: values of
    models that were not trained to the end, so select the status before averaging.
    """
    selected: Selected | None = later(None)
    """Where the tested state was taken (``contract.Selection.best``); None: the last state, or none was tested."""
    steps: Count = 0
    items: Count = 0
    seconds: Seconds = 0.0
    """Wall-clock of training and evaluation, summed over the attempts that led here."""
    started: str = ""
    finished: str = ""
    environment: dict[str, str] = Field(default={})
    """Hardware, versions, thread count and the code that ran, which the numbers depend on, of the attempt that ended
    here."""
    sources: str = ""
    """Digest of the source files that it ran (``Plan.sources``); empty in outcomes of older versions."""
    pack: str = later("")
    """Digest of the pack that it was taken over from (``packs.PackRecord``); empty where it ran for this folder."""

    @property
    def stood_in(self) -> str:
        """Why other code computed this than was asked for (``contract.Task.conditions``); empty where none did."""
        return self.environment.get("loop", "").partition(": ")[2]

    @field_validator("metrics")
    @classmethod
    def _are_no_columns(cls, metrics: dict[str, float]) -> dict[str, float]:
        try:
            check_metrics(metrics)
        except UserError as error:
            raise ValueError(f"'{error.where}': {error.rule}") from None
        return metrics


class HistoryRow(Frozen):
    """One logged value. (step, metric) is unique within a trial."""

    step: Count
    epoch: Count
    seconds: Seconds
    metric: str
    value: float


class Progress(Frozen):
    """Where a running trial is: a passing note for people, neither durable nor part of any result."""

    trial: str
    host: str
    pid: Count
    step: Count
    epoch: Count
    steps: Count | None = None
    seconds: Seconds = 0.0
    updated: Finite = 0.0
    """Unix time, seconds."""
    metrics: dict[str, float] = Field(default={})
