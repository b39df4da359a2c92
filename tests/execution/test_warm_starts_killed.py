"""A study whose trials begin with other trials: the same on Ray, in one process, and after kills at random moments."""

import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.execution.family import listens
from tests.execution.killing import VICTIMS, Start, kill, starter, to_its_end
from tests.execution.test_kills import done, running_worker, wait_for
from unroll.ledger import Ledger

TRIALS = 9
PREPARATIONS = 3
SLOWLY = ("training.batch_seconds=0.02",)


@pytest.fixture(scope="module")
def start(line: Any, tmp_path_factory: pytest.TempPathFactory) -> Start:
    return starter(line, tmp_path_factory.mktemp("warm"), "warm")


def numbers(results: Path) -> tuple[Any, ...]:
    """All results, all that was logged and all weights, without what a clock decides."""
    ledger = Ledger.open(results)
    plan = ledger.plan()
    trials, history = ledger.trials_frame(plan), ledger.history_frame(plan)
    assert trials["status"].to_list() == ["completed"] * TRIALS
    assert ledger.damage() == []
    assert history.select("trial", "step", "metric").is_unique().all()
    metrics = [name for name in trials.columns if "/" in name]
    weights = [
        (trial.arm, trial.seed, name, part.tolist())
        for trial in plan.every_trial
        for name, part in sorted(ledger.trial(trial.id).weights.read().items())
    ]
    return trials.select("trial", "steps", "items", *metrics).rows(), history.drop("seconds").rows(), weights


@pytest.fixture(scope="module")
def undisturbed(start: Start, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    results = tmp_path_factory.mktemp("undisturbed") / "results"
    said = to_its_end(start(results, "--runner", "inline"))
    assert "9 trials and 3 that others begin with, 0 done before, 12 to run" in said
    assert "[12/12]" in said
    assert "9 of 9 trials completed" in said
    return numbers(results)


@pytest.mark.slow
def test_ray_gives_the_numbers_of_one_process(start: Start, undisturbed: tuple[Any, ...], tmp_path: Path) -> None:
    to_its_end(start(tmp_path / "results", "resources.cpus=0.5"))
    assert numbers(tmp_path / "results") == undisturbed


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize("victim", VICTIMS)
def test_killed_at_any_moment(
    victim: str, number: int, start: Start, undisturbed: tuple[Any, ...], tmp_path: Path
) -> None:
    chance = random.Random(f"{victim} {number}")
    results = tmp_path / "results"
    run = start(results, *SLOWLY, "resources.cpus=0.5")
    after, jitter = chance.randrange(TRIALS + PREPARATIONS), chance.uniform(0, 0.5)
    wait_for(lambda: (done(results) >= after and running_worker(results)) or run.poll() is not None)
    time.sleep(jitter)
    if kill(victim, run, results):
        run.communicate(timeout=60)
        to_its_end(start(results, *SLOWLY, "--runner", chance.choice(["ray", "inline"])))
    else:
        to_its_end(run)
    assert same_trials(numbers(results)) == same_trials(undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("runner", ["ray", "inline"])
def test_interrupted_at_any_moment(
    runner: str, number: int, start: Start, undisturbed: tuple[Any, ...], tmp_path: Path
) -> None:
    results = tmp_path / "results"
    run = start(results, *SLOWLY, "--runner", runner)
    wait_for(lambda: (listens(run.pid) and done(results) >= 2 * number) or run.poll() is not None)
    run.send_signal(signal.SIGTERM)
    output, _ = run.communicate(timeout=300)
    assert run.returncode in (0, 130), output
    to_its_end(start(results, *SLOWLY))
    assert same_trials(numbers(results)) == same_trials(undisturbed)


def same_trials(found: tuple[Any, ...]) -> tuple[Any, ...]:
    """Without ids: how long a batch takes is a setting, on which no number depends."""
    trials, history, weights = found
    return [row[1:] for row in trials], [row[1:] for row in history], weights
