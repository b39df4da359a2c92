"""A study that is tuned first: the same on Ray, in one process, and after kills in both phases; nothing is unfrozen."""

import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.execution.killing import VICTIMS, Start, kill, starter, to_its_end
from tests.execution.test_kills import running_worker, wait_for
from unroll.ledger import FINAL, Ledger

CONFIRMED, TUNED = 4, 16
SLOWLY = ("training.batch_seconds=0.01",)


@pytest.fixture(scope="module")
def start(line: Any, tmp_path_factory: pytest.TempPathFactory) -> Start:
    return starter(line, tmp_path_factory.mktemp("tuned"), "tuned")


def numbers(results: Path) -> tuple[Any, ...]:
    """All results of both phases, all that was logged, and what was chosen, without what a clock or an id decides."""
    ledger = Ledger.open(results)
    plan = ledger.plan()
    tuned, trials = ledger.tune_frame(plan), ledger.trials_frame(plan)
    assert ledger.damage() == []
    assert trials["status"].to_list() == ["completed"] * CONFIRMED
    assert not any(trial.pending for trial in plan.trials)
    history = ledger.history_frame(plan).drop("seconds", "trial").rows()
    chosen = {won.arm: (won.draw, won.value, [c.value for c in won.candidates]) for won in ledger.winners().values()}
    return (
        tuned.select("arm", "draw", "seed", "status", "steps", "validation/loss").rows(),
        trials.select("arm", "seed", "steps", "validation/loss", "test/loss").rows(),
        history,
        chosen,
    )


def ended(results: Path) -> int:
    """Trials of both phases that have a result."""
    if not (results / "trials").is_dir():
        return 0
    ledger = Ledger.open(results)
    ids = [path.name for path in (results / "trials").iterdir()]
    return sum(outcome.status in FINAL for outcome in ledger.outcomes(ids).values())


@pytest.fixture(scope="module")
def undisturbed(start: Start, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    results = tmp_path_factory.mktemp("undisturbed") / "results"
    said = to_its_end(start(results, "--runner", "inline"))
    assert "4 trials and 16 that tune their settings, 0 done before, 20 to run" in said
    assert "automatic draw 3 seed 1000001 completed, validation/loss" in said
    assert "[20/20]" in said
    assert "4 of 4 trials completed" in said
    found = numbers(results)
    ledger = Ledger.open(results)
    plan = ledger.plan()
    assert {winner.arm for winner in ledger.winners().values()} == {arm.name for arm in plan.arms}
    for outcome in ledger.outcomes(trial.id for trial in plan.tune_trials).values():
        assert not [name for name in outcome.metrics if name.startswith("test/")], "the test is sealed"
    for arm in plan.arms:
        won = ledger.winners()[str(arm.tuning)]
        means = [sum(row[5] for row in found[0] if row[:2] == (arm.name, draw)) / 2 for draw in range(4)]
        assert won.draw == arm.draw == means.index(min(means))
        assert [candidate.value for candidate in won.candidates] == pytest.approx(means, rel=1e-15)
        settings = {str(trial.settings["training"]) for trial in plan.trials if trial.arm == arm.name}
        assert settings == {str(won.settings["training"])}
    said = to_its_end(start(results, "--runner", "inline"))
    assert "20 done before, 0 to run" in said
    assert numbers(results) == found
    return found


def test_ray_gives_the_numbers_of_one_process(start: Start, undisturbed: tuple[Any, ...], tmp_path: Path) -> None:
    to_its_end(start(tmp_path / "results", "resources.cpus=0.5"))
    assert numbers(tmp_path / "results") == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("victim", VICTIMS)
def test_killed_at_any_moment(
    victim: str, number: int, start: Start, undisturbed: tuple[Any, ...], tmp_path: Path
) -> None:
    chance = random.Random(f"{victim} {number}")
    results = tmp_path / "results"
    run = start(results, *SLOWLY, "resources.cpus=0.5")
    # Of five kills two are while arms are tuned, two about the time of the choice and one while arms are confirmed.
    after = (chance.randrange(8), chance.randrange(8, 14), TUNED - 2, TUNED - 1, TUNED + 1)[number]
    wait_for(lambda: (ended(results) >= after and running_worker(results)) or run.poll() is not None)
    time.sleep(chance.uniform(0, 0.5))
    if kill(victim, run, results):
        run.communicate(timeout=60)
        to_its_end(start(results, *SLOWLY, "--runner", chance.choice(["ray", "inline"])))
    else:
        to_its_end(run)
    assert numbers(results) == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 7, TUNED - 1, TUNED, TUNED + 2])
def test_one_process_killed_at_any_moment(
    after: int, start: Start, undisturbed: tuple[Any, ...], tmp_path: Path
) -> None:
    results = tmp_path / "results"
    run = start(results, *SLOWLY, "--runner", "inline")
    wait_for(lambda: ended(results) >= after or run.poll() is not None)
    run.kill()
    run.communicate(timeout=60)
    to_its_end(start(results, *SLOWLY, "--runner", "inline"))
    assert numbers(results) == undisturbed


@pytest.mark.slow
def test_more_draws_are_another_tuning_and_the_first_stays_as_it_was(
    start: Start, undisturbed: tuple[Any, ...], tmp_path: Path
) -> None:
    results = tmp_path / "results"
    to_its_end(start(results, "--runner", "inline"))
    before = {path: path.read_bytes() for path in (results / "tuning").iterdir()}
    said = to_its_end(start(results, "--runner", "inline", "tune.draws=5"))
    assert "4 trials and 20 that tune their settings" in said
    assert {path: path.read_bytes() for path in before} == before
    ledger = Ledger.open(results)
    plan = ledger.plan()
    assert len(ledger.winners()) == 2 * len(before)
    rows = ledger.tune_frame(plan).select("arm", "draw", "seed", "validation/loss").rows()
    assert set(rows) >= {(*row[:3], row[5]) for row in undisturbed[0]}, "draws that are shared were not run again"
    for arm in plan.arms:
        first, second = (won for won in ledger.winners().values() if won.arm == arm.name)
        assert second.value <= first.value
