"""What answers are computed from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from unroll.reporting.findings import Findings
from unroll.reporting.tables.context import settings_table


@dataclass(frozen=True)
class Subject:
    """The findings of a report, and every attempt that the folder knows of."""

    findings: Findings
    attempts: pl.DataFrame
    """``Ledger.attempts_frame``."""

    @cached_property
    def settings(self) -> dict[str, str]:
        """Every setting, dotted, with the value or the values that trials have, as the report shows them."""
        return dict(settings_table(self.findings).rows.select("item", "value").iter_rows())

    @property
    def given(self) -> dict[str, str]:
        """The settings that have a value."""
        return {key: value for key, value in self.settings.items() if value != "null"}

    @cached_property
    def varied(self) -> list[str]:
        """Settings of which trials have several values."""
        return settings_table(self.findings).rows.filter(pl.col("of") == "varies")["item"].to_list()

    @property
    def tuning(self) -> dict[str, Any]:
        """What the study declares of its search; empty where nothing was tuned."""
        found = self.findings.plan.declaration.get("tune")
        return found if isinstance(found, dict) else {}

    def resource(self, name: str) -> float:
        """Cores (``cpus``) or the share of a GPU (``gpus``) that a trial occupied."""
        found = self.findings.plan.declaration.get("resources")
        value = found.get(name) if isinstance(found, dict) else None
        return float(value) if isinstance(value, int | float) else {"cpus": 1.0, "gpus": 0.0}[name]

    def by_arm(self, texts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """(whose, what) with arms that say the same named together; "All arms" where all do."""
        groups: dict[str, list[str]] = {}
        for arm, text in texts:
            groups.setdefault(text, []).append(arm)
        every = len(self.findings.arms)
        return [("All arms" if len(arms) == every else ", ".join(arms), text) for text, arms in groups.items()]
