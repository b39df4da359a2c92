"""Twenty kills at random moments of a study that logs in every way and selects states: results and history stay."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.execution.family import descendants
from tests.execution.test_kills import done, running_worker, wait_for
from unroll.ledger import Ledger

ROOT = Path(__file__).parent / "project"
SETTINGS = (
    *("training.batches=25", "training.batch_seconds=0.04", "limits.checkpoint_seconds=0.05"),
    *("training.select=best", "training.epochs=3", "training.patience=2"),
)
TRIALS = 4

Start = Callable[[Path], Any]


@pytest.fixture(scope="module")
def start(line: Any, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Starts the study into a folder."""
    project = tmp_path_factory.mktemp("once") / "project"
    shutil.copytree(ROOT, project)
    study = project / "studies" / "marked"

    def begin(results: Path) -> Any:
        return line.start(
            "run", str(study), "--results", str(results), "--no-report", *SETTINGS, UNROLL_ROOT=str(project)
        )

    return begin


def to_its_end(run: Any) -> None:
    output, _ = run.communicate(timeout=300)
    assert run.returncode == 0, output


def numbers(results: Path) -> tuple[Any, Any]:
    """All results and all that was logged, in order, without what a clock decides."""
    ledger = Ledger.open(results)
    plan = ledger.plan()
    trials, history = ledger.trials_frame(plan), ledger.history_frame(plan)
    assert trials["status"].to_list() == ["completed"] * TRIALS
    assert ledger.damage() == []
    assert history.select("trial", "step", "metric").is_unique().all()
    metrics = [name for name in trials.columns if "/" in name]
    return trials.select("trial", "steps", "items", "selected_epoch", *metrics).rows(), history.drop("seconds").rows()


@pytest.fixture(scope="module")
def undisturbed(start: Start, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    results = tmp_path_factory.mktemp("undisturbed") / "results"
    to_its_end(start(results))
    return numbers(results)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10))
@pytest.mark.parametrize("victim", ["everything", "worker"])
def test_results_and_history_are_the_undisturbed_ones(
    victim: str, number: int, start: Start, undisturbed: tuple[Any, Any], tmp_path: Path
) -> None:
    chance = random.Random(f"{victim} {number}")
    results = tmp_path / "results"
    run = start(results)
    after, jitter = chance.randrange(TRIALS), chance.uniform(0, 1.0)
    wait_for(lambda: (done(results) >= after and running_worker(results)) or run.poll() is not None)
    time.sleep(jitter)
    family = [*descendants(run.pid), run.pid]
    victims = family if victim == "everything" else [running_worker(results)]
    for pid in filter(None, victims):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if victim == "everything":
        run.communicate(timeout=60)
        to_its_end(start(results))
    else:
        to_its_end(run)
    assert numbers(results) == undisturbed
