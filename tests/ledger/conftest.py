"""A small plan to remember things about."""

from collections.abc import Callable
from pathlib import Path

import pytest
from unroll.ledger import HistoryRow, Ledger, Outcome
from unroll.study.plan import Arm, MetricNote, Plan
from unroll.study.trial import Trial

PERPLEXITY = "validation/perplexity"


@pytest.fixture
def make_trial() -> Callable[..., Trial]:
    def make(number: int = 0, **changes: object) -> Trial:
        trial = Trial(
            id=f"trial{number:04}",
            study="cells",
            task="language_modeling",
            task_version=1,
            arm="lstm",
            seed=number,
            phase="confirm",
            settings={"network": {"cell": "lstm", "hidden": 8}, "training": {"learning_rate": 0.1}},
            fingerprint="f00d",
            parameters=1234,
        )
        return trial.model_copy(update=changes)

    return make


@pytest.fixture
def make_plan(make_trial: Callable[..., Trial]) -> Callable[..., Plan]:
    def make(count: int = 3) -> Plan:
        return Plan(
            study="cells",
            question="Does gating help?",
            task="language_modeling",
            task_version=1,
            item="token",
            metric=PERPLEXITY,
            metrics={PERPLEXITY: MetricNote(direction="minimize", unit="", description="exp of the mean loss")},
            baseline="lstm",
            factors={"network.cell": ["lstm"]},
            arms=[Arm(name="lstm", levels={"network.cell": "lstm"}, parameters=1234, fingerprint="f00d")],
            trials=[make_trial(number) for number in range(count)],
            declaration={"seeds": count},
        )

    return make


@pytest.fixture
def make_outcome() -> Callable[..., Outcome]:
    def make(number: int = 0, **changes: object) -> Outcome:
        outcome = Outcome(
            trial=f"trial{number:04}",
            status="completed",
            metrics={PERPLEXITY: 17.25 + number},
            steps=100,
            items=6400,
            seconds=2.0,
        )
        return outcome.model_copy(update=changes)

    return make


@pytest.fixture
def make_row() -> Callable[..., HistoryRow]:
    def make(step: int, value: float = 1.0, metric: str = PERPLEXITY) -> HistoryRow:
        return HistoryRow(step=step, epoch=1, seconds=0.5, metric=metric, value=value)

    return make


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "results")
