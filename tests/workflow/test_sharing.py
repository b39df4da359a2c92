"""Trials are divided among jobs without a driver: each once, and none waits for one of another share."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unroll.contract import UserError
from unroll.ledger import DamagedRecord, Ledger, SubmissionRecord
from unroll.workflow.invocation import Invocation
from unroll.workflow.sharing import divide, read_share


def job(name: str, start: str | None = None, awaits: set[str] | None = None) -> Any:
    awaited = SimpleNamespace(trials=awaits) if awaits else None
    return SimpleNamespace(trial=SimpleNamespace(id=name, warm_start=start), awaits=awaited)


@st.composite
def jobs(draw: st.DrawFn) -> list[Any]:
    found: list[Any] = []
    for number in range(draw(st.integers(1, 30))):
        before = [each.trial.id for each in found]
        start = draw(st.one_of(st.none(), st.sampled_from(before))) if before else None
        awaits = draw(st.sets(st.sampled_from(before), max_size=3)) if before else None
        found.append(job(f"t{number}", start, awaits))
    return found


@given(jobs(), st.integers(1, 40))
def test_each_trial_is_in_one_share_with_all_that_it_waits_for(jobs: list[Any], shares: int) -> None:
    found = divide(jobs, shares)
    assert sorted(trial for share in found for trial in share) == sorted(each.trial.id for each in jobs)
    assert all(found)
    home = {trial: number for number, share in enumerate(found) for trial in share}
    order = {each.trial.id: number for number, each in enumerate(jobs)}
    for each in jobs:
        waits = {each.trial.warm_start} - {None} | (each.awaits.trials if each.awaits else set())
        assert {home[trial] for trial in waits} <= {home[each.trial.id]}
    assert all(share == sorted(share, key=order.__getitem__) for share in found)


@given(st.integers(1, 60), st.integers(1, 60))
def test_independent_trials_are_divided_evenly_and_in_their_order(trials: int, shares: int) -> None:
    found = divide([job(f"t{number}") for number in range(trials)], shares)
    assert [trial for share in found for trial in share] == [f"t{number}" for number in range(trials)]
    assert len(found) <= shares
    assert {len(share) for share in found[:-1]} <= {len(found[0])}


@pytest.mark.parametrize("share", ["0001/2", "0001/x", "0001/-1", "0001", "0002/0", "../0001/0", ""])
def test_a_share_that_is_none_is_refused(share: str, tmp_path: Any) -> None:
    ledger = Ledger.create(tmp_path / "results")
    ledger.submit(SubmissionRecord(submitted="", target="t", command=[], token="x", shares=[["a"], ["b"]]))
    with pytest.raises(UserError):
        read_share(ledger, share)
    assert read_share(ledger, "0001/1")[1] == {"b"}


def test_a_share_is_run_by_the_inline_runner_without_a_report() -> None:
    Invocation(study="s", runner="inline", report=False, share="0001/0").check()
    for wrong in ({"runner": "ray"}, {"report": True}, {"max_hours": 1.0}):
        with pytest.raises(UserError, match="--runner inline --no-report"):
            Invocation(**{"study": "s", "runner": "inline", "report": False, "share": "0001/0"} | wrong).check()  # type: ignore[arg-type]


def test_a_damaged_submission_is_named(tmp_path: Any) -> None:
    ledger = Ledger.create(tmp_path / "results")
    ledger.submit(SubmissionRecord(submitted="", target="t", command=[], token="x", shares=[["a"]]))
    (tmp_path / "results" / "submissions" / "0001.json").write_text("half", encoding="utf-8")
    with pytest.raises(DamagedRecord, match=r"0001\.json"):
        read_share(ledger, "0001/0")
