"""The driver's watch: a trial stands still when its note does, by the driver's clock, and gets a fair start."""

from pathlib import Path

import pytest

from unroll.execution.on_ray.vigil import LONGEST_TURN, START_SECONDS, Vigil
from unroll.ledger import Ledger
from unroll.ledger.outcome import Progress

LIMIT = 8.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """One trial, looked at once a second."""

    def __init__(self, ledger: Ledger) -> None:
        self.clock, self.ledger, self.count = Clock(), ledger, 0
        self.vigil = Vigil(ledger, seconds=LIMIT, trials=["t"], clock=self.clock)

    def note(self, *, clock_of_its_node: float = 0.0, value: float = 1.0) -> None:
        self.count += 1
        self.ledger.note_progress(
            Progress(
                trial="t",
                host="h",
                pid=1,
                step=self.count,
                epoch=1,
                updated=clock_of_its_node,
                metrics={"validation/f1": value},
            )
        )

    def seconds_until_still(self, longest: int = 200) -> int | None:
        for second in range(1, longest):
            self.clock.now += 1
            if self.vigil.look(["t"]) == ["t"]:
                return second
        return None


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "results")


def test_a_note_that_no_longer_changes_is_found_after_the_limit_and_before_twice_the_limit(ledger: Ledger) -> None:
    watched = Watched(ledger)
    for step in range(100):
        watched.note(clock_of_its_node=-step)  # a wrong clock, running backwards
        assert watched.seconds_until_still(longest=3) is None
    after = watched.seconds_until_still()
    assert after
    assert LIMIT < after + 3 < 2 * LIMIT


def test_a_trial_without_a_note_of_its_own_has_longer(ledger: Ledger) -> None:
    Watched(ledger).note()  # by an earlier attempt
    watched = Watched(ledger)
    after = watched.seconds_until_still()
    assert after
    assert START_SECONDS + LIMIT < after < START_SECONDS + 2 * LIMIT
    watched.vigil.forget("t")  # it was tried again
    assert watched.seconds_until_still() == after


def test_the_first_note_counts_although_nobody_looked_before(ledger: Ledger) -> None:
    watched = Watched(ledger)
    watched.note()
    after = watched.seconds_until_still()
    assert after
    assert after < 2 * LIMIT


def test_a_metric_that_is_no_number_is_no_news(ledger: Ledger) -> None:
    watched = Watched(ledger)
    watched.note(value=float("nan"))
    after = watched.seconds_until_still()
    assert after
    assert after < 2 * LIMIT


def test_what_the_driver_did_not_see_does_not_count(ledger: Ledger) -> None:
    watched = Watched(ledger)
    watched.note()
    assert watched.vigil.look(["t"]) == []
    watched.clock.now += 10_000  # the driver itself was stopped
    assert LONGEST_TURN < LIMIT
    assert watched.vigil.look(["t"]) == []
    watched.note()
    assert watched.vigil.look(["t"]) == []


def test_only_those_that_run_are_judged(ledger: Ledger) -> None:
    watched = Watched(ledger)
    watched.note()
    watched.vigil.look(["t"])
    for _ in range(100):
        watched.clock.now += 1
        assert watched.vigil.look([]) == []
    assert watched.vigil.look(["t"]) == []
