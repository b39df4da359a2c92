"""Trials are run again and compared bit for bit: what is the same is told so, and what is not, with where and why."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from unroll.contract import ExampleScores
from unroll.ledger import Ledger
from unroll.ledger.outcome import Outcome
from unroll.ledger.records import read_record, write_record
from unroll.ledger.scores import encode_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said

    Unroll = Callable[..., Said]

METRIC = "validation/perplexity"


@pytest.fixture
def trained(project: Path, unroll: Unroll) -> Ledger:
    """The study ``tiny`` with one seed, really trained: two trials of a second."""
    assert unroll("run", "tiny", "seeds=1", "--runner", "inline", "--no-report").code == 0
    return Ledger.open(project / "results" / "tiny")


def change(ledger: Ledger, arm: str, **changes: Any) -> None:
    """Write other things into the outcome of an arm's only trial, under a right checksum."""
    (trial,) = (trial for trial in ledger.registered() if trial.arm == arm)
    file = ledger.trial(trial.id).folder / "attempts" / "0001.json"
    write_record(file, "outcome", read_record(file, "outcome", Outcome).model_copy(update=changes))


def test_what_was_trained_is_found_again_and_what_was_changed_is_told(trained: Ledger, unroll: Unroll) -> None:
    (lstm,) = (trial for trial in trained.registered() if trial.arm == "lstm")
    outcome = trained.trial(lstm.id).outcome()
    assert outcome is not None
    said = unroll("verify", "tiny")
    assert said.code == 0
    first, *others = said.out.splitlines()
    assert first.startswith("2 trials run one after another again: about ")
    assert [line.split(":")[0].split(" (")[0] for line in others] == ["elman seed 0", "lstm seed 0"]
    assert all(": identical, " in line for line in others)

    ulp = float.fromhex("0x1p-52")
    found = outcome.metrics[METRIC]
    change(
        trained,
        "lstm",
        metrics=outcome.metrics | {METRIC: found * (1 + ulp)},
        environment=outcome.environment | {"torch": "1.0.0"},
    )
    said = unroll("verify", "tiny", lstm.id[:10], "--format", "json")
    assert said.code == 1
    (verdict,) = json.loads(said.out)
    assert (verdict["identical"], verdict["differing"], verdict["metric"]) == (False, 1, METRIC)
    assert verdict["here"] == found
    assert verdict["difference"] == pytest.approx(ulp, rel=1)
    assert verdict["environment"] == {"torch": ["1.0.0", outcome.environment["torch"]]}
    assert verdict["sources"] == []
    assert "differs in 1 of" in said.err
    assert f"most in {METRIC}" in said.err
    assert "torch: 1.0.0 recorded" in said.err

    assert unroll("pack", "tiny", "--to", "tiny.pack").code == 0
    assert unroll("verify", "tiny.pack", "--arm", "elman").code == 0
    change(trained, "elman", status="diverged", metrics={METRIC: float("nan")})
    said = unroll("verify", "tiny")
    assert said.code == 1
    assert "differs, completed here and diverged in the records" in said.out


def test_what_each_example_added_is_compared_too(project: Path, unroll: Unroll) -> None:
    (project / "studies" / "tags").mkdir()
    (project / "studies" / "tags" / "study.yaml").write_text(
        "question: Which cell tags?\ntask: tagging\nsettings: {data: {sentences: 60}, training: {epochs: 1}}\n"
        "compare: {network.cell: [lstm]}\nseeds: 1\nwandb: {mode: disabled}\n",
        encoding="utf-8",
    )
    assert unroll("run", "tags", "--runner", "inline", "--no-report").code == 0
    ledger = Ledger.open(project / "results" / "tags")
    (lstm,) = ledger.registered()
    scores = ledger.trial(lstm.id).scores
    assert unroll("verify", "tags").code == 0
    found = scores.whole()
    assert found is not None
    record, sums = found
    name = next(name for name, column in sums.items() if len(column) > 3)
    numbers = record.examples * len(record.sums)
    changed = {key: column.copy() for key, column in sums.items()}
    changed[name][2] += 1
    changed[name][3] += 1
    metrics = {key: each.formula() for key, each in record.metrics.items()}
    table = encode_table(ExampleScores(test_set=record.test_set, sums=changed, metrics=metrics))
    mark = {"size": len(table), "sha256": hashlib.sha256(table).hexdigest()}
    (scores._file).write_bytes(table)
    write_record(scores._record, "scores", record.model_copy(update=mark))
    said = unroll("verify", "tags", lstm.id, "--format", "json")
    assert said.code == 1
    (verdict,) = json.loads(said.out)
    assert (verdict["identical"], verdict["differing"]) == (False, 2)
    assert (verdict["first_example"], verdict["first_sum"]) == (3, name)
    assert verdict["values"] > numbers
    assert f"first of the test: example 3 added another {name}" in said.err

    write_record(scores._record, "scores", record.model_copy(update=mark | {"test_set": "beef"}))
    said = unroll("verify", "tags", lstm.id)
    assert (said.code, "example 1 and all others are of another test set" in said.out) == (1, True)
    scores._file.write_bytes(b"PAR1")
    said = unroll("verify", "tags", lstm.id)
    assert (said.code, "scores.parquet" in said.out) == (1, True), "what is damaged is not told as identical"


def test_what_is_none_of_this_code_or_data_is_refused(project: Path, unroll: Unroll, runner: FakeRunner) -> None:
    assert unroll("run", "tiny", "--no-report").code == 0
    ledger = Ledger.open(project / "results" / "tiny")
    trial = next(ledger.registered())
    file = ledger.trial(trial.id).folder / "trial.json"
    for changes, said in (
        ({"task_version": 99}, "received version 99"),
        ({"fingerprint": "f00d"}, "the data here must be the data that the trial was trained on"),
        ({"seed": 77}, "a trial's id must stand for its content"),
        ({"settings": {"data": {"corpus": 7}}}, "the settings of a trial must still be settings of its task"),
    ):
        write_record(file, "trial", trial.model_copy(update=changes))
        told = unroll("verify", "tiny", trial.id)
        assert (told.code, said in told.err) == (2, True), told
    write_record(file, "trial", trial)
    told = unroll("verify", "tiny", trial.id, "network.hidden=3")
    assert told.code == 2
    assert "of a recorded trial only the place of its data can be told" in told.err
    assert unroll("verify", "tiny", "no-such-trial").code == 2


def test_nothing_to_verify_is_told(project: Path, unroll: Unroll, runner: FakeRunner) -> None:
    runner.status = lambda job: "failed_user"
    unroll("run", "tiny", "--no-report")
    said = unroll("verify", "tiny")
    assert said.code == 2
    assert "a trial must have a result before it can be verified" in said.err
