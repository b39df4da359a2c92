"""What examples added to metrics: whole, or told as damaged; never half; of bounded size."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest

from unroll.contract import ExampleScores, Formula
from unroll.ledger import Fenced, Ledger, Outcome
from unroll.ledger.records import write_record
from unroll.ledger.scores import PackedScores, ScoresError, ScoresRecord, decode_table

TRIAL = "a0"
SCORES = ExampleScores(
    test_set="00ff",
    sums={"right": np.array([1, 0, 300]), "nats": np.array([0.1, 2.5, 7.0]), "unused": np.array([0, 0, 1])},
    metrics={"test/accuracy": Formula.share("right"), "test/loss": Formula.share("nats", "right")},
)


def test_they_are_read_as_they_were_written(ledger: Ledger) -> None:
    scores = ledger.trial(TRIAL).scores
    assert scores.of("test/loss") is None
    scores.write(SCORES)
    found = scores.of("test/loss")
    assert found is not None
    record, sums = found
    assert (record.test_set, record.examples, record.sums) == ("00ff", 3, ("right", "nats", "unused"))
    assert record.metrics["test/loss"].formula() == Formula(above=({"nats": 1.0},), below=({"right": 1.0},))
    assert sums.keys() == {"right", "nats"}
    assert sums["right"].tolist() == [1, 0, 300]
    assert sums["nats"] == pytest.approx([0.1, 2.5, 7.0], rel=1e-7)
    assert scores.of("test/other") is None
    again = Ledger.create(ledger.root.parent / "again").trial(TRIAL).scores
    again.write(SCORES)
    assert scores.read() == again.read(), "equal scores have equal bytes"
    assert not ledger.damage()


def test_a_record_without_its_table_a_table_without_a_record_and_other_bytes_count_as_nothing(ledger: Ledger) -> None:
    records = ledger.trial(TRIAL)
    table, record = records.folder / "scores.parquet", records.folder / "scores.json"
    for harm in (table.unlink, lambda: table.write_bytes(b"PAR1"), lambda: record.write_bytes(b"{}")):
        records.scores.write(SCORES)
        harm()
        assert records.scores.read() is None
        assert len(ledger.damage()) == 1
        records.scores.write(SCORES)
        assert records.scores.read() is not None
    record.unlink()  # as a kill between the two leaves it
    assert records.scores.read() is None


def test_what_is_final_gets_no_other_scores(ledger: Ledger) -> None:
    ledger.record(Outcome(trial=TRIAL, status="completed"))
    with pytest.raises(Fenced):
        ledger.trial(TRIAL).scores.write(SCORES)


def test_scores_that_mean_nothing_are_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="must be finite"):
        ledger.trial(TRIAL).scores.write(ExampleScores(test_set="", sums={"a": [1.0, float("nan")]}, metrics={}))
    with pytest.raises(ValueError, match="one number for each example"):
        ExampleScores(test_set="", sums={"a": [1], "b": [1, 2]}, metrics={})
    with pytest.raises(ValueError, match="names b, which is no sum"):
        ExampleScores(test_set="", sums={"a": [1]}, metrics={"test/x": Formula.share("b")})
    with pytest.raises(ValueError, match="as many sums above as below"):
        Formula(above=[], below=[])
    assert not ledger.trial(TRIAL).folder.exists()


def record_of(data: bytes, **changes: object) -> ScoresRecord:
    known = {"trial": TRIAL, "test_set": "x", "examples": 2, "sums": ("a",), "metrics": {}, "size": len(data)}
    return ScoresRecord.model_validate({**known, "sha256": "0" * 64, **changes})


def test_a_strangers_table_is_looked_at_before_it_is_unpacked() -> None:
    file = io.BytesIO()
    pl.DataFrame({"a": np.zeros(10**6, np.int8)}).write_parquet(file)
    data = file.getvalue()
    assert len(data) < 10_000, "a small file that claims to be large"
    for record in (record_of(data), record_of(data, sums=("b",)), record_of(b"")):
        with pytest.raises(ScoresError):
            decode_table(record, data if record.size else b"PAR1 nothing PAR1", ["a"])
    with pytest.raises(ValueError, match="more than"):
        record_of(data, examples=2**40)
    texts = io.BytesIO()
    pl.DataFrame({"a": ["x", "y"]}).write_parquet(texts)
    with pytest.raises(ScoresError, match="holds no numbers"):
        decode_table(record_of(b""), texts.getvalue(), ["a"])


def test_bytes_that_polars_panics_over_are_no_table(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of files whose bytes were changed at random a few did; its panic is no Exception, and would end the program."""
    ledger.trial(TRIAL).scores.write(SCORES)
    found = ledger.trial(TRIAL).scores.read()
    assert found is not None

    def panic(*_: object) -> None:
        raise pl.exceptions.PanicException("range end index out of range")

    monkeypatch.setattr(pl.LazyFrame, "collect_schema", panic)
    with pytest.raises(ScoresError, match="no table of numbers: PanicException"):
        decode_table(*found, ["nats"])
    assert ledger.trial(TRIAL).scores.of("test/loss") is None
    assert len(ledger.damage()) == 1


def test_a_packed_table_matches_its_record(ledger: Ledger) -> None:
    scores = ledger.trial(TRIAL).scores
    scores.write(SCORES)
    found = scores.read()
    assert found is not None
    packed = PackedScores.of(*found)
    assert (packed.record, packed.data) == found
    with pytest.raises(ValueError, match="does not match its record"):
        PackedScores(trial=TRIAL, record=found[0], table=("AAAA",))
    write_record(scores._record, "scores", found[0].model_copy(update={"trial": "b1"}))
    assert scores.read() is None, "another trial's"
