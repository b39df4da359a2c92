"""What a Lightning module logs, on its way into the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytorch_lightning.loggers.logger import Logger

from unroll.ledger.columns import check_metrics
from unroll.ledger.outcome import HistoryRow

Clock = Callable[[], tuple[int, int, float]]
"""Gives (optimizer steps done, epoch counted from one, seconds of the trial)."""


class HistoryLogger(Logger):
    """A Lightning logger that keeps rows in memory until a checkpoint makes them durable."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.rows: list[HistoryRow] = []
        self.latest: dict[str, float] = {}
        """Last value of every metric: the final metrics when the trial ends."""

    @property
    def name(self) -> str:
        """Lightning's name for this logger."""
        return "ledger"

    @property
    def version(self) -> str:
        """Lightning's version for this logger."""
        return ""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Ignored: the trial's settings are in its record."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:  # noqa: ARG002
        """Keep one row per metric, at the number of optimizer steps done."""
        at, epoch, seconds = self._clock()
        for metric, value in metrics.items():
            if metric != "epoch":  # Lightning's own addition; every row has it already
                self.add(HistoryRow(step=at, epoch=epoch, seconds=seconds, metric=metric, value=float(value)))

    def add(self, row: HistoryRow) -> None:
        """Keep one row.

        Raises:
            UserError: the metric is named like a column of the trials, which no record may hold.
        """
        check_metrics([row.metric])
        self.rows.append(row)
        self.latest[row.metric] = row.value

    def take(self, step: int) -> list[HistoryRow]:
        """Remove and return the rows up to ``step``, inclusive."""
        taken = [row for row in self.rows if row.step <= step]
        self.rows = [row for row in self.rows if row.step > step]
        return taken
