"""Examples that stay with a trial: whole, or told as damaged; of bounded size, without paths."""

import json

import pytest

from unroll.contract import Example
from unroll.ledger import Fenced, Ledger, Outcome, ShownExamples
from unroll.ledger.shown import MOST_EXAMPLES, MOST_WORDS

SHOWN = Example(
    title="test sentence 3",
    texts={"source": "the king sings", "translation": "/home/me/data/rex kanas"},
    rows=("lo", "rex"),
    columns=("the", "king"),
    values=((0.912345, 0.0), (0.25, 0.75)),
    meaning="weight",
)


def test_they_are_read_as_they_were_written(ledger: Ledger) -> None:
    trial = "a0"
    records = ledger.trial(trial)
    assert records.shown() is None
    records.show(ShownExamples.of(trial, [SHOWN]))
    found = records.shown()
    assert found is not None
    (example,) = found.examples
    assert example.values == ((0.9123, 0.0), (0.25, 0.75))
    assert (example.rows, example.columns) == (("lo", "rex"), ("the", "king"))
    assert example.texts == {"source": "the king sings", "translation": ".../rex kanas"}
    records.show(ShownExamples.of(trial, []))
    assert records.shown() == ShownExamples(trial=trial, examples=())


def test_a_damaged_record_is_told_and_shows_nothing(ledger: Ledger) -> None:
    trial = "a0"
    records = ledger.trial(trial)
    records.show(ShownExamples.of(trial, [SHOWN]))
    path = records.folder / "examples.json"
    content = json.loads(path.read_text())
    content["body"]["examples"][0]["values"][0][0] = 0.5
    path.write_text(json.dumps(content))
    assert records.shown() is None
    assert [error.path for error in ledger.damage()] == [path]


def test_what_is_final_shows_nothing_else(ledger: Ledger) -> None:
    trial = "a0"
    ledger.record(Outcome(trial=trial, status="completed"))
    with pytest.raises(Fenced):
        ledger.trial(trial).show(ShownExamples.of(trial, [SHOWN]))


def test_they_are_few_and_short() -> None:
    with pytest.raises(ValueError, match="examples"):
        ShownExamples.of("t", [SHOWN] * (MOST_EXAMPLES + 1))
    words = ("w",) * (MOST_WORDS + 1)
    wide = Example(title="", texts={}, rows=("w",), columns=words, values=((0.0,) * len(words),))
    with pytest.raises(ValueError, match="columns"):
        ShownExamples.of("t", [wide])


def test_a_matrix_fits_its_words() -> None:
    with pytest.raises(ValueError, match="2 rows of 1 numbers"):
        Example(title="", texts={}, rows=("a", "b"), columns=("c",), values=((0.5,),))
    with pytest.raises(ValueError, match="from 0 to 1"):
        Example(title="", texts={}, rows=("a",), columns=("c",), values=((1.5,),))
