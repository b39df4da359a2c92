"""What a trial logged: nothing lost, nothing twice, rewound to a checkpoint."""

from collections.abc import Callable
from typing import Any

import pytest

from unroll.ledger import HistoryRow, Ledger, Outcome
from unroll.study.plan import Plan

MakeRow = Callable[..., HistoryRow]
TRIAL = "trial0000"


@pytest.fixture
def values(ledger: Ledger, make_plan: Callable[..., Plan]) -> Callable[[], dict[tuple[int, str], float]]:
    """(step, metric) -> value in the frame, which must not hold one twice."""

    def read() -> dict[tuple[int, str], float]:
        frame = Ledger.open(ledger.root).history_frame(make_plan(1))
        rows = frame.select("step", "metric", "value").rows()
        assert len({row[:2] for row in rows}) == len(rows)
        assert frame["step"].is_sorted()
        return {(step, metric): value for step, metric, value in rows}

    return read


def test_the_last_segment_counts(ledger: Ledger, make_row: MakeRow, values: Any) -> None:
    ledger.trial(TRIAL).append_history([make_row(1, 1.0, "a"), make_row(1, 2.0, "b")], step=1)
    ledger.trial(TRIAL).append_history([make_row(1, 3.0, "a"), make_row(2, 4.0, "a")], step=2)
    assert values() == {(1, "a"): 3.0, (1, "b"): 2.0, (2, "a"): 4.0}


def test_a_step_can_be_added_to(ledger: Ledger, make_row: MakeRow, values: Any) -> None:
    for number in range(12):  # more than one digit
        ledger.trial(TRIAL).append_history(
            [make_row(7, number, f"metric{number}"), make_row(7, number, "last")], step=7
        )
    assert values() == {(7, f"metric{number}"): number for number in range(12)} | {(7, "last"): 11}


def test_rewinding_keeps_rows_up_to_the_step(ledger: Ledger, make_row: MakeRow, values: Any) -> None:
    ledger.trial(TRIAL).append_history([make_row(1), make_row(5)], step=5)
    ledger.trial(TRIAL).append_history([make_row(7), make_row(10)], step=10)  # holds rows on both sides of step 8
    ledger.trial(TRIAL).append_history([make_row(15)], step=15)
    ledger.trial(TRIAL).rewind_history(8)
    assert [step for step, _ in values()] == [1, 5, 7]
    ledger.trial(TRIAL).rewind_history(8)
    assert [step for step, _ in values()] == [1, 5, 7]
    ledger.trial(TRIAL).rewind_history(-1)
    assert values() == {}


def test_a_history_that_is_rewound_still_goes_to_where_it_was_rewound(ledger: Ledger, values: Any) -> None:
    trial = ledger.trial(TRIAL)
    trial.append_history([], step=5)  # nothing was logged up to there
    trial.rewind_history(4)
    trial.history.check(4)
    assert ledger.damage() == []
    trial.history.check(5)
    assert [damage.received for damage in ledger.damage()] == ["it ends at step 4 of 5"]


def test_a_resumed_trial_logs_nothing_twice(ledger: Ledger, make_row: MakeRow, values: Any) -> None:
    ledger.trial(TRIAL).append_history([make_row(1, 1.0), make_row(2, 2.0)], step=2)
    ledger.trial(TRIAL).append_history([make_row(3, -1.0)], step=3)
    ledger.trial(TRIAL).rewind_history(2)
    ledger.trial(TRIAL).append_history([make_row(3, 3.0), make_row(4, 4.0)], step=4)
    assert list(values().values()) == [1.0, 2.0, 3.0, 4.0]


def test_rewinding_to_a_place_forgets_what_came_later_at_the_same_step(
    ledger: Ledger, make_row: MakeRow, values: Any
) -> None:
    ledger.trial(TRIAL).append_history([make_row(5, 1.0, "a")], step=5)
    place = ledger.trial(TRIAL).append_history([make_row(5, 2.0, "b")], step=5)
    ledger.trial(TRIAL).append_history([make_row(5, 3.0, "b"), make_row(5, 3.0, "c")], step=5)
    ledger.trial(TRIAL).append_history([make_row(6, 4.0, "a")], step=6)
    ledger.trial(TRIAL).rewind_history(5, place=place)
    assert values() == {(5, "a"): 1.0, (5, "b"): 2.0}
    assert ledger.trial(TRIAL).last_logged() == {"a": 1.0, "b": 2.0}
    assert ledger.trial(TRIAL).append_history([], step=7) == place + 1


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        (0, "what was logged between step 0 and step 20 is missing"),
        (1, "what was logged between step 10 and step 30 is missing"),
        (2, "what was logged between step 20 and step 40 is missing"),
        (3, "it ends at step 30 of 40"),
    ],
)
def test_a_lost_segment_of_a_completed_trial_is_told(
    ledger: Ledger, make_row: MakeRow, make_plan: Callable[..., Plan], lost: int, told: str
) -> None:
    for step in (10, 20, 30, 35):
        ledger.trial(TRIAL).append_history([make_row(step)], step=step)
    ledger.trial(TRIAL).rewind_history(30)
    ledger.trial(TRIAL).append_history([make_row(40)], step=40)
    ledger.record(Outcome(trial=TRIAL, status="completed", steps=40))
    ledger.trials_frame(make_plan(1))
    assert ledger.damage() == []
    path = sorted((ledger.trial(TRIAL).folder / "history").iterdir())[lost]
    whole = path.read_bytes()
    path.unlink()
    ledger.trials_frame(make_plan(1))
    (damage,) = ledger.damage()
    assert f"the history of a completed trial must be whole up to its last step (received {told})" in str(damage)
    path.write_bytes(whole)
    ledger.trials_frame(make_plan(1))
    assert ledger.damage() == []


def test_older_segments_are_read_and_gone_on_from(
    ledger: Ledger, make_row: MakeRow, make_plan: Callable[..., Plan], values: Any
) -> None:
    folder = ledger.trial(TRIAL).folder / "history"
    ledger.trial(TRIAL).append_history([make_row(1, 1.0)], step=1)
    ledger.trial(TRIAL).append_history([make_row(2, 2.0, "a")], step=2)
    ledger.trial(TRIAL).append_history([make_row(2, 3.0, "a"), make_row(2, 3.0, "b")], step=2)
    ledger.trial(TRIAL).append_history([make_row(4, 4.0), make_row(5, 4.0)], step=5)
    names = ("0000000001.json", "0000000002.json", "0000000002-2.json", "0000000005.json")
    for path, name in zip(sorted(folder.iterdir()), names, strict=True):
        path.rename(folder / name)
    ledger.trial(TRIAL).rewind_history(4)  # as a checkpoint of an older version asks for
    assert ledger.trial(TRIAL).append_history([make_row(5, 5.0)], step=5) == 5
    assert list(values().values()) == [1.0, 3.0, 3.0, 4.0, 5.0]
    ledger.record(Outcome(trial=TRIAL, status="completed", steps=5))
    ledger.trials_frame(make_plan(1))
    assert ledger.damage() == []
    next(folder.glob("0000000004.*.json")).unlink()
    ledger.trials_frame(make_plan(1))
    assert "between step 2 and step 5 is missing" in str(ledger.damage())


def test_rows_beyond_the_step_are_a_mistake(ledger: Ledger, make_row: MakeRow) -> None:
    with pytest.raises(ValueError, match="rows of a segment must not lie beyond its step 2"):
        ledger.trial(TRIAL).append_history([make_row(3)], step=2)


def test_an_empty_segment_says_how_far_the_history_goes(ledger: Ledger) -> None:
    ledger.trial(TRIAL).append_history([], step=5)
    assert (ledger.trial(TRIAL).folder / "history" / "0000000005.000001.json").exists()


@pytest.mark.parametrize("lasting", [False, True])
def test_every_failed_append_leaves_all_or_nothing(
    ledger: Ledger, make_row: MakeRow, values: Any, failing_disk: Any, lasting: bool
) -> None:
    def prepare() -> None:
        ledger.trial(TRIAL).rewind_history(-1)
        ledger.trial(TRIAL).append_history([make_row(1)], step=1)

    rows = [make_row(2), make_row(3)]
    for error in failing_disk.fail_everywhere(
        lambda: ledger.trial(TRIAL).append_history(rows, step=3), prepare=prepare, lasting=lasting
    ):
        steps = [step for step, _ in values()]
        assert steps in (([1], [1, 2, 3]) if error else ([1, 2, 3],))


@pytest.mark.parametrize("lasting", [False, True])
def test_every_failed_rewind_can_be_repeated(
    ledger: Ledger, make_row: MakeRow, values: Any, failing_disk: Any, lasting: bool
) -> None:
    def prepare() -> None:
        ledger.trial(TRIAL).rewind_history(-1)
        for step in range(2, 10, 2):
            ledger.trial(TRIAL).append_history([make_row(step - 1), make_row(step)], step=step)

    for error in failing_disk.fail_everywhere(
        lambda: ledger.trial(TRIAL).rewind_history(3), prepare=prepare, lasting=lasting
    ):
        steps = [step for step, _ in values()]
        assert steps == list(range(1, len(steps) + 1))
        assert len(steps) >= 3 if error else len(steps) == 3
        ledger.trial(TRIAL).rewind_history(3)
        assert [step for step, _ in values()] == [1, 2, 3]
