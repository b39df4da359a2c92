"""The ledger against the obvious model of it: dictionaries, with crashes in between."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from unroll.ledger import CheckpointStore, Fenced, HistoryRow, Ledger, Outcome, StorageError
from unroll.ledger.outcome import FINAL
from unroll.ledger.processes import machine
from unroll.study.plan import Plan

numbers = st.integers(0, 2)
values = st.floats()


class LedgerMachine(RuleBasedStateMachine):
    """Two trials, each trained, checkpointed, ended and resumed in any order; the disk may die in any call."""

    plan: Plan
    disk: Any

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.ledger = Ledger.create(self.root / "results")
        self.ids = [trial.id for trial in self.plan.trials]
        self.outcomes: dict[str, list[Outcome]] = {name: [] for name in self.ids}
        self.history: dict[str, dict[tuple[int, str], float]] = {name: {} for name in self.ids}
        self.checkpoints: dict[str, tuple[int, bytes] | None] = dict.fromkeys(self.ids)
        self.at = dict.fromkeys(self.ids, 0)

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    def act(self, write: Callable[[], object], crash_at: int) -> bool:
        """Whether the call reached the disk; a crash leaves temporary files of a dead writer behind."""
        try:
            with self.disk.fail(crash_at or 10**9, errno.EIO, lasting=True):
                write()
        except StorageError:
            self.ledger = Ledger.open(self.ledger.root)
            return False
        return True

    def refused(self, name: str, write: Callable[[], object]) -> bool:
        """Whether the trial has its result, after which nothing may change it."""
        if not any(outcome.status in FINAL for outcome in self.outcomes[name]):
            return False
        with pytest.raises(Fenced):
            write()
        return True

    @rule(number=numbers, status=st.sampled_from(["completed", "stopped", "timeout"]), value=values, crash=numbers)
    def record(self, number: int, status: Any, value: float, crash: int) -> None:
        name = self.ids[number]
        outcome = Outcome(trial=name, status=status, metrics={"m": value}, steps=self.at[name])
        if self.refused(name, lambda: self.ledger.record(outcome)):
            return
        known = len(self.outcomes[name])
        if self.act(lambda: self.ledger.record(outcome), crash * 5):
            self.outcomes[name].append(outcome)
        elif len(list((self.ledger.trial(name).folder / "attempts").glob("[!.]*"))) > known:
            self.outcomes[name].append(outcome)  # it failed after it was written: then it must be there wholly

    @rule(number=numbers, rows=st.lists(st.tuples(st.integers(1, 5), st.sampled_from("ab"), values), max_size=4))
    def train(self, number: int, rows: list[tuple[int, str, float]]) -> None:
        name, at = self.ids[number], self.at[self.ids[number]]
        written = [HistoryRow(step=at + s, epoch=1, seconds=0.0, metric=m, value=v) for s, m, v in rows]
        if self.refused(name, lambda: self.ledger.trial(name).append_history(written, step=at + 5)):
            return
        self.ledger.trial(name).append_history(written, step=at + 5)
        self.history[name] |= {(row.step, row.metric): row.value for row in written}
        self.at[name] = at + 5

    @rule(number=numbers, data=st.binary(max_size=20))
    def save(self, number: int, data: bytes) -> None:
        name = self.ids[number]
        self.store(name).save(data, step=self.at[name])
        self.checkpoints[name] = (self.at[name], data)

    @rule(number=numbers, crash=st.integers(1, 20))
    def save_and_crash(self, number: int, crash: int) -> None:
        name = self.ids[number]
        new = (self.at[name] + 1, b"new")
        if self.act(lambda: self.store(name).save(new[1], step=new[0]), crash) or self.store(name).load() == new:
            self.checkpoints[name] = new

    @rule(number=numbers, back=st.integers(0, 12))
    def rewind(self, number: int, back: int) -> None:
        name = self.ids[number]
        step = max(0, self.at[name] - back)
        if self.refused(name, lambda: self.ledger.trial(name).rewind_history(step)):
            return
        self.ledger.trial(name).rewind_history(step)
        self.history[name] = {key: value for key, value in self.history[name].items() if key[0] <= step}
        self.at[name] = step

    @rule()
    def reopen(self) -> None:
        self.ledger = Ledger.open(self.ledger.root)

    @rule()
    def move(self) -> None:
        elsewhere = self.ledger.root.with_name(self.ledger.root.name + "x")
        self.ledger = Ledger.open(Path(shutil.move(self.ledger.root, elsewhere)))

    @precondition(lambda self: any(self.outcomes.values()))
    @rule()
    def compact(self) -> None:
        self.ledger.compact(self.plan)
        for table in ("trials.parquet", "history.parquet"):
            (self.ledger.root / table).unlink()  # derived: nobody may need them

    @rule(number=numbers)
    def own_after_a_crash(self, number: int) -> None:
        folder = self.ledger.trial(self.ids[number]).folder / "attempts"
        folder.mkdir(parents=True, exist_ok=True)
        leftover = folder / f".0001.json.{machine()}-{os.getpid()}-1-0123abcd.tmp"
        leftover.write_bytes(b"half")
        with self.ledger.lock("unroll run") as lock:
            assert self.ledger.is_current(lock.token)
        assert not leftover.exists()

    def store(self, name: str) -> CheckpointStore:
        return CheckpointStore(self.ledger.trial(name).folder / "checkpoint")

    @invariant()
    def outcomes_agree(self) -> None:
        for name in self.ids:
            final = [outcome for outcome in self.outcomes[name] if outcome.status in FINAL]
            expected = (final or self.outcomes[name])[-1:]
            found = self.ledger.trial(name).outcome()
            assert repr([found] if found else []) == repr(expected)

    @invariant()
    def history_agrees(self) -> None:
        rows = self.ledger.history_frame(self.plan).select("trial", "step", "metric", "value").rows()
        expected = {(name, *key): value for name in self.ids for key, value in self.history[name].items()}
        assert {row[:3]: row[3].hex() for row in rows} == {key: value.hex() for key, value in expected.items()}
        assert len(rows) == len(expected)

    @invariant()
    def checkpoints_agree(self) -> None:
        assert {name: self.store(name).load() for name in self.ids} == self.checkpoints

    @invariant()
    def nothing_is_damaged(self) -> None:
        assert self.ledger.damage() == []


def test_the_ledger_is_its_model(make_plan: Callable[..., Plan], failing_disk: Any) -> None:
    class Machine(LedgerMachine):
        plan = make_plan(3)
        disk = failing_disk

    run_state_machine_as_test(Machine, settings=settings(max_examples=15, stateful_step_count=20, deadline=None))
