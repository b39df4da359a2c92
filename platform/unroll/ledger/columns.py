"""The columns of the table of trials, whose names no metric may have."""

from __future__ import annotations

from collections.abc import Iterable

from unroll.contract import UserError

ENVIRONMENT = ("device", "vectors", "threads", "loop", "compiler", "torch", "cudnn", "python", "system")
"""What a trial's numbers depend on beside its identity (``Outcome.environment``): a column each.

``vectors`` are the processor's instructions that torch makes use of; ``loop`` and ``compiler`` come from
``contract.Task.conditions``. The host's name is none of them: it changes no number.
"""

TRIAL_COLUMNS = {
    "trial": "String",
    "study": "String",
    "task": "String",
    "arm": "String",
    "seed": "Int64",
    "phase": "String",
    "status": "String",
    "message": "String",
    "parameters": "Int64",
    "selected_epoch": "Int64",
    "steps": "Int64",
    "items": "Int64",
    "seconds": "Float64",
    "items_per_second": "Float64",
    **dict.fromkeys(ENVIRONMENT, "String"),
}
"""Name -> type in Polars, before the metrics: a column of ``Float64`` each."""

WARM_COLUMNS = {"warm_start": "String", "steps_before": "Int64", "items_before": "Int64", "seconds_before": "Float64"}
"""Behind these, where any trial begins with another one: its id, and what was spent on that, on what that began with,
and so on. ``steps``, ``items`` and ``seconds`` are a trial's own; the sum of both is what it cost in all."""


def check_metrics(names: Iterable[str]) -> None:
    """Refuse metrics that are named like another column of the trials.

    Raises:
        UserError: one is.
    """
    for name in names:
        if name in TRIAL_COLUMNS or name in WARM_COLUMNS:
            raise UserError(
                "a metric must not be named like a column of the trials",
                where=name,
                advice=f"call it by its split, such as validation/{name}",
            )
