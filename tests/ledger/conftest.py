"""A small plan to remember things about, and a disk that fails when told to."""

import errno
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from unroll.ledger import HistoryRow, Ledger, Outcome, StorageError
from unroll.study.plan import Arm, MetricSpec, Plan
from unroll.study.trial import Trial

PERPLEXITY = "validation/perplexity"


@pytest.fixture(autouse=True)
def no_power_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests kill processes, not the power: waiting for the disk's own cache would only cost minutes."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


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
            metrics={PERPLEXITY: MetricSpec(direction="minimize", unit="", description="exp of the mean loss")},
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


class FailingDisk:
    """Makes the n-th call that changes the disk fail, once or from then on."""

    CALLS = ("open", "write", "fsync", "replace", "rename", "link", "unlink", "mkdir", "pwrite")

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.failures = 0

    @contextmanager
    def fail(self, nth: int, code: int, *, lasting: bool) -> Iterator[None]:
        calls, self.failures = 0, 0

        def failing(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                nonlocal calls
                calls += 1
                if calls == nth or (lasting and calls > nth):
                    self.failures += 1
                    raise OSError(code, os.strerror(code))
                return real(*args, **kwargs)

            return call

        with self._monkeypatch.context() as patch:
            for name in self.CALLS:
                patch.setattr(os, name, failing(getattr(os, name)))
            yield

    def fail_everywhere(
        self,
        act: Callable[[], object],
        *,
        prepare: Callable[[], object] = lambda: None,
        code: int = errno.ENOSPC,
        lasting: bool = False,
    ) -> Iterator[StorageError | None]:
        """Prepare and act with the first call failing, then with the second, ..., until none fails; what was raised."""
        for nth in itertools.count(1):
            prepare()
            error = None
            try:
                with self.fail(nth, code, lasting=lasting):
                    act()
            except StorageError as caught:
                error = caught
            yield error
            if not self.failures:
                return


@pytest.fixture
def failing_disk(monkeypatch: pytest.MonkeyPatch) -> FailingDisk:
    return FailingDisk(monkeypatch)


def sweep_damage(data: bytes, *, limit: int = 200) -> Iterator[bytes]:
    """The data cut short at every byte, and with every byte damaged; of long data ``limit`` places of each."""
    places = range(0, len(data), max(1, len(data) // limit))
    yield from (data[:place] for place in places)
    yield from (data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :] for place in places)


@pytest.fixture
def damages() -> Callable[..., Iterator[bytes]]:
    return sweep_damage
