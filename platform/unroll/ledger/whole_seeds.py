"""Which seeds a limit of time left in part, so that an arm may have them and another one not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from unroll.ledger.frames import MISSING
from unroll.ledger.ledger import Ledger
from unroll.ledger.outcome import FINAL, Outcome
from unroll.study import Plan, Trial

if TYPE_CHECKING:
    import polars as pl


def partial_seeds(plan: Plan, ledger: Ledger) -> list[int]:
    """Seeds of which a trial was not begun or not ended, though nothing but time kept it from that, ascending.

    What failed, or waits for something that failed, makes no seed partial: the report tells that by its own name.
    """
    outcomes = ledger.outcomes(trial.id for trial in plan.every_trial)
    return sorted({trial.seed for trial in plan.trials if _is_open(trial, plan, outcomes)})


def seeds_left_out(plan: Plan, ledger: Ledger) -> list[int]:
    """The seeds that a report leaves out: those that are partial, where a run or one of a pack had a limit of time."""
    runs = [*ledger.runs(), *(run for pack, _ in ledger.taken_over(plan) for run in pack.runs)]
    return partial_seeds(plan, ledger) if any(run.max_hours is not None for run in runs) else []


def without_seeds(trials: pl.DataFrame, seeds: Sequence[int]) -> pl.DataFrame:
    """One row per planned trial, those of some seeds as if they had not run."""
    import polars as pl

    left_out = pl.col("seed").is_in(seeds)
    return trials.with_columns(status=pl.when(left_out).then(pl.lit(MISSING)).otherwise(pl.col("status")))


def _is_open(trial: Trial, plan: Plan, outcomes: dict[str, Outcome]) -> bool:
    outcome = outcomes.get(trial.id)
    if outcome is not None:
        return outcome.status == "stopped"
    if trial.pending:
        arm = next(arm for arm in plan.arms if arm.name == trial.arm)
        tuned = [outcomes.get(each) for draw in arm.draws for each in draw]
        return any(each is None or each.status == "stopped" for each in tuned)
    if trial.warm_start is None:
        return True
    start = next(each for each in plan.every_trial if each.id == trial.warm_start)
    ended = outcomes.get(start.id)
    return (ended is not None and ended.status in FINAL) or _is_open(start, plan, outcomes)
