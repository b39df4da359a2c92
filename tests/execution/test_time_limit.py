"""A run whose time is short: whole seeds are left, in one process and on Ray, and the next run goes on with them."""

import heapq
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.execution.killing import Start, starter, to_its_end
from tests.execution.test_warm_starts import Made, make, quick_disk
from unroll.execution import TimeLimit, find_missing, time_limit
from unroll.execution.job_queue import JobQueue
from unroll.execution.time_limit import WholeSeeds
from unroll.ledger import Ledger, Outcome, partial_seeds, seeds_left_out
from unroll.study import Job

__all__ = ["make", "quick_disk"]

SECONDS = {"plain": 10.0, "bent": 20.0, "doubled": 1.0, "preparation of bent": 5.0}
"""Of a trial; a seed of all takes 36 s in one process, and 26 s where there is room for two: after 5 s bent begins."""


class Day:
    """Runs jobs on a clock of its own, which stands still but while trials run.

    Args:
        monkeypatch: puts the clock in its place.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.said = 0.0, list[str]()
        monkeypatch.setattr(time_limit, "time", SimpleNamespace(monotonic=lambda: self.now))

    def run(
        self,
        jobs: list[Job],
        ledger: Ledger,
        *,
        until: float,
        slots: int = 1,
        known: Mapping[tuple[str, str], float] | None = None,
        seconds: Callable[[Job], float] = lambda job: SECONDS[job.trial.arm],
    ) -> dict[int, list[str]]:
        """The arms that ended, by seed."""
        seeds = WholeSeeds(TimeLimit(until, known or {}), ledger, slots=lambda: slots, tell=self.said.append)
        queue = JobQueue(find_missing(jobs, ledger, retry=False), ledger, whole_seeds=seeds)
        running: list[tuple[float, str, Job]] = []
        ended: dict[int, list[str]] = {}
        while True:
            while len(running) < slots and (job := queue.next()):
                heapq.heappush(running, (self.now + seconds(job), job.trial.id, job))
            if not running or running[0][0] > until:
                assert running or queue.exhausted
                return ended
            self.now, _, job = heapq.heappop(running)
            ledger.record(Outcome(trial=job.trial.id, status="completed", seconds=seconds(job)))
            ended.setdefault(job.trial.seed, []).append(job.trial.arm)
            queue.ended(job.trial.id)


@pytest.fixture
def day(monkeypatch: pytest.MonkeyPatch) -> Day:
    return Day(monkeypatch)


WHOLE = ["bent", "doubled", "plain", "preparation of bent"]


@pytest.mark.parametrize(
    ("slots", "until", "whole"),
    [
        pytest.param(1, 36 * 3 + 1.0, 3, id="one after the other"),
        pytest.param(1, 36 * 3 - 1.0, 2, id="a second too few"),
        pytest.param(2, 1000.0, 5, id="time enough"),
        pytest.param(1, 30.0, 0, id="the first one is begun in any case"),
    ],
)
def test_a_seed_that_would_not_end_in_time_is_not_begun_nor_any_after_it(
    slots: int, until: float, whole: int, make: Callable[..., Made], day: Day
) -> None:
    plan, jobs, ledger = make(seeds=5)
    folder = ledger("results")
    ended = day.run(jobs, folder, until=until, slots=slots)
    assert [seed for seed, arms in ended.items() if sorted(arms) == WHOLE] == list(range(whole))
    assert len(ended) == max(whole, 1), "nothing was begun for nothing"
    assert partial_seeds(plan, folder) == list(range(whole, 5))
    assert seeds_left_out(plan, folder) == [], "no run had a limit"
    assert len(day.said) == (0 < whole < 5)
    if whole == 3:
        assert day.said == ["no time for a further seed, which would end in 36 s: seeds 3, 4 are left out"]


def test_where_the_time_of_every_arm_is_known_no_seed_is_begun_in_vain(make: Callable[..., Made], day: Day) -> None:
    _, jobs, ledger = make(seeds=4)
    known = {(arm, "confirm"): seconds for arm, seconds in SECONDS.items()}
    for until in range(26, 110, 7):
        day.now = 0.0
        ended = day.run(jobs, ledger(f"results {until}"), until=until, slots=2, known=known)
        assert all(sorted(arms) == WHOLE for arms in ended.values())
        assert day.now <= until
        assert len(ended) == 4 or day.now + 36 > until, "there was no time for one more"


def test_what_is_left_is_run_by_the_same_command_and_what_failed_leaves_no_seed_open(
    make: Callable[..., Made], day: Day
) -> None:
    plan, jobs, ledger = make(seeds=3)
    folder = ledger("results")
    day.run(jobs, folder, until=50.0)
    assert partial_seeds(plan, folder) == [1, 2]
    ended = day.run(jobs, folder, until=200.0)
    assert {seed: sorted(arms) for seed, arms in ended.items()} == {1: WHOLE, 2: WHOLE}
    other = ledger("other")
    for job in jobs:
        if job.trial.arm in ("plain", "preparation of bent"):
            status: Any = "completed" if job.trial.arm == "plain" else "failed_user"
            other.record(Outcome(trial=job.trial.id, status=status))
    assert partial_seeds(plan, other) == [], "bent and doubled wait for what failed"


@pytest.mark.slow
@pytest.mark.parametrize(("study", "batch_seconds"), [("tuned", 0.03), ("warm", 0.02)])
@pytest.mark.parametrize("runner", [("--runner", "inline"), ("resources.cpus=0.5",)], ids=["inline", "ray"])
def test_a_run_that_is_out_of_time_leaves_whole_seeds_and_can_be_continued(
    study: str, batch_seconds: float, runner: tuple[str, ...], line: Any, tmp_path: Path
) -> None:
    start: Start = starter(line, tmp_path, study)
    slowly = (f"training.batch_seconds={batch_seconds}", "seeds=12", *(("tune.draws=2",) if study == "tuned" else ()))
    left = [0]
    for _ in range(4):  # a machine that is busy may need more than one run for the first seed: each goes on
        limited = start(tmp_path / "results", *slowly, *runner, "--max-hours", f"{14 / 3600:.5f}")
        said, _ = limited.communicate(timeout=120)
        assert limited.returncode == 1, said
        ledger = Ledger.open(tmp_path / "results")
        plan = ledger.plan()
        if (left := seeds_left_out(plan, ledger))[0] > 0:
            break
    assert left == list(range(min(left), 12)), "the first seeds are whole"
    assert min(left) > 0, said
    done = ledger.outcomes(trial.id for trial in plan.trials)
    assert all(trial.id in done for trial in plan.trials if trial.seed not in left)
    begun = {trial.seed for trial in plan.trials if trial.id in done} & {*left}
    assert len(begun) <= 1, "at most the one whose time was misjudged"
    assert f"time      too short for all: left for the next run are seeds {min(left)}–11" in said
    assert "continue  unroll run" in said
    to_its_end(start(tmp_path / "results", *slowly, *runner))
    assert seeds_left_out(plan, ledger) == []
    to_its_end(start(tmp_path / "whole", *slowly, "--runner", "inline"))
    whole = Ledger.open(tmp_path / "whole")
    compared = ["arm", "seed", "status", "steps", "test/loss"]
    frames = [each.trials_frame(each.plan()).select(compared).sort("arm", "seed") for each in (ledger, whole)]
    assert frames[0].equals(frames[1])
