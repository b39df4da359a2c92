"""Studies in a real ledger, as a run would have left them."""

from __future__ import annotations

import itertools
import math
import os
import random
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from unroll.ledger import HistoryRow, Ledger, Outcome, RunRecord
from unroll.study.plan import Arm, MetricSpec, Plan
from unroll.study.trial import Trial

METRIC = "validation/perplexity"
LEVELS = {"elman": 13.4, "gru": 11.9, "lstm": 13.3}
ENVIRONMENT = {
    "device": "Xeon",
    "threads": "1",
    "host": "node-7",
    "python": "3.11.2",
    "torch": "2.13.0+cpu",
    "system": "Linux x86_64",
}
EPOCHS = 10
STEPS = 120

MakeLedger = Callable[..., Ledger]


def make_plan(levels: Mapping[str, float], seeds: int, **changes: Any) -> Plan:
    """A plan with one factor, a floor and a parameter target."""
    arms = [
        Arm(
            name=name,
            levels={"network.cell": name},
            parameters=200_000 + 37 * i,
            target_parameters=200_000,
            bounds={METRIC: 10.7},
            facts={"corpus": "toy_language", "vocabulary": 214, "train tokens": 929_589},
            fingerprint="5f0c9a",
            steps=EPOCHS * STEPS,
        )
        for i, name in enumerate(levels)
    ]
    trials = [
        Trial(
            id=f"t{i:02}{seed:03}",
            study="cells",
            task="language_modeling",
            task_version=1,
            arm=arm.name,
            seed=seed,
            phase="confirm",
            settings={
                "network": {"cell": arm.name, "depth": 1},
                "training": {"learning_rate": 0.002, "epochs": EPOCHS},
            },
            fingerprint=arm.fingerprint,
            parameters=arm.parameters,
        )
        for i, arm in enumerate(arms)
        for seed in range(seeds)
    ]
    plan = Plan(
        study="cells",
        question="Do gated cells model language better than an Elman network of the same size?",
        task="language_modeling",
        task_version=1,
        item="token",
        metric=METRIC,
        metrics={
            METRIC: MetricSpec(direction="minimize", unit="", description="exp of the mean NLL per token"),
            "test/perplexity": MetricSpec(direction="minimize", unit="", description="the same on the test split"),
        },
        baseline=next(iter(levels)),
        factors={"network.cell": list(levels)},
        arms=arms,
        trials=trials,
        declaration={},
    )
    return plan.model_copy(update=changes)


def finish(
    ledger: Ledger,
    trial: Trial,
    level: float,
    ends: Mapping[tuple[str, int], tuple[str, str]],
    environment: Mapping[str, str] | None = None,
    metrics: Iterable[str] = (),
) -> None:
    """Record a whole trial: curve and outcome; of ``metrics`` those that have no value otherwise."""
    status, message = ends.get((trial.arm, trial.seed), ("completed", ""))
    if status == "missing":
        return
    ledger.register(trial)
    luck = random.Random(trial.seed).gauss(0, 0.25) + random.Random(trial.id).gauss(0, 0.12)
    last = EPOCHS if status == "completed" else 4
    rows = [
        HistoryRow(
            step=STEPS * e, epoch=e - 1, seconds=1.3 * e, metric=METRIC, value=level + luck + 160 * math.exp(-1.1 * e)
        )
        for e in range(1, last + 1)
    ]
    if status == "diverged":
        rows.append(HistoryRow(step=STEPS * 4 + 1, epoch=4, seconds=6.0, metric=METRIC, value=math.nan))
    ledger.trial(trial.id).append_history(rows, step=STEPS * 4 + 1 if status == "diverged" else STEPS * last)
    reported = {**dict.fromkeys(metrics, luck), METRIC: rows[-1].value, "test/perplexity": rows[-1].value + 0.2}
    ledger.record(
        Outcome(
            trial=trial.id,
            status=status,
            message=message,
            metrics=reported if status in ("completed", "diverged") else {},
            steps=STEPS * last,
            items=STEPS * last * 640,
            seconds=13.0 + trial.seed / 10 + luck,
            environment={**ENVIRONMENT, **(environment or {})},
        )
    )


RUN = RunRecord(
    started="2026-11-20T09:00:00Z",
    finished="2026-11-20T09:04:10Z",
    command=["unroll", "run", "cells"],
    git_commit="d18da6e4c0ffee",
    git_dirty=False,
    versions={"unroll": "0.1.0", "torch": "2.13.0", "ray": "2.60.0"},
    hardware={"cpu": "Xeon", "cores": 2, "gpus": 0},
    planned=24,
    counts={"completed": 24},
    seconds=250.0,
)


@pytest.fixture
def make_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeLedger:
    """Build a ledger: levels per arm, number of seeds, and the trials that ended or ran otherwise than the rest."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # no test here cuts the power
    numbers = itertools.count()

    def make(
        levels: Mapping[str, float] = LEVELS,
        seeds: int = 8,
        ends: Mapping[tuple[str, int], tuple[str, str]] | None = None,
        environments: Mapping[tuple[str, int], Mapping[str, str]] | None = None,
        **changes: Any,
    ) -> Ledger:
        ledger = Ledger.create(tmp_path / f"results{next(numbers)}")
        plan = make_plan(levels, seeds, **changes)
        ledger.save_plan(plan)
        for trial in plan.trials:
            finish(
                ledger,
                trial,
                levels[trial.arm],
                ends or {},
                (environments or {}).get((trial.arm, trial.seed)),
                plan.metrics,
            )
        ledger.save_run(RUN, name="20261120T090000Z-1")
        return ledger

    return make
