"""The live table on screens of every size: what must be seen is seen, and nothing runs over."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from tests.cli.test_progress import Clock
from unroll.ledger import Ledger, Outcome, Progress
from unroll.study import Plan, load_study, make_plan
from unroll.terminal.live_table import TURN_SECONDS, cut, draw, headline, take_turns
from unroll.terminal.progress import watch
from unroll.workflow.tally import Tally

METRIC = "validation/perplexity"
SIZES = [(80, 24), (40, 24), (200, 24), (80, 10), (40, 12), (20, 8), (80, 5), (120, 60)]


Make = Callable[..., Tally]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return make_plan(
        load_study("quickstart", ["seeds=2", "match=null", "network.hidden=4"]), cache=tmp_path_factory.mktemp("cache")
    )


@pytest.fixture
def make(base: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A tally of so many arms, two seeds each, of which so many trials run; the first three arms have a result."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # no test here cuts the power
    numbers = itertools.count()

    def tally(arms: int, running: int, *, prefix: str = "arm", clock: Clock | None = None) -> Tally:
        plan = _plan(base, arms, prefix)
        ledger = Ledger.create(tmp_path / f"results{next(numbers)}")
        found = Tally(plan, ledger, missing={trial.id for trial in plan.trials}, clock=clock or Clock())
        found.started()
        for number, trial in enumerate([trial for trial in plan.trials if trial.seed == 0][:3]):
            found.finished(_outcome(trial.id, 9.5 + number))
        for trial in [trial for trial in plan.trials if trial.seed == 1][max(0, arms - running) :]:
            ledger.note_progress(_note(trial.id))
        return found

    return tally


def _plan(base: Plan, arms: int, prefix: str) -> Plan:
    arm, *_ = base.arms
    first = [trial for trial in base.trials if trial.arm == arm.name]
    trials = [
        trial.model_copy(update={"id": f"{number:03}{trial.id[3:]}", "arm": f"{prefix} {number:02}"})
        for number in range(arms)
        for trial in first
    ]
    named = [arm.model_copy(update={"name": f"{prefix} {number:02}"}) for number in range(arms)]
    return base.model_copy(update={"arms": named, "trials": trials})


def _outcome(trial: str, value: float) -> Outcome:
    return Outcome(trial=trial, status="completed", metrics={METRIC: value}, seconds=2.0)


def _note(trial: str) -> Progress:
    metrics = {"train/loss": 4.5, METRIC: 90.0}
    return Progress(
        trial=trial, host="here", pid=1, step=25, epoch=2, steps=100, seconds=61.0, updated=1.0, metrics=metrics
    )


def lines(tally: Tally, width: int, height: int) -> list[str]:
    return [line.plain for line in draw(tally, width=width, height=height)]


@pytest.mark.parametrize(("arms", "running"), [(2, 1), (16, 2), (16, 16), (40, 0)])
@pytest.mark.parametrize("prefix", ["arm", "network.cell=lstm, training.remedy=scheduled_sampling", "日本語の腕"])
def test_no_line_runs_over_and_counts_are_always_seen(make: Make, arms: int, running: int, prefix: str) -> None:
    tally = make(arms, running, prefix=prefix)
    for width, height in SIZES:
        shown = lines(tally, width, height)
        assert max(map(cell_len, shown)) <= width
        assert len(shown) < height
        told = " ".join(shown[-4:])
        assert told.endswith(headline(tally, tally.running()))


def test_sixteen_arms_and_their_metric_are_all_seen_on_a_usual_terminal(make: Make) -> None:
    shown = lines(make(16, 2), 80, 24)
    told = {line.split("  ")[0]: line.split()[-1] for line in shown[:17]}
    assert set(told) == {f"arm {number:02}" for number in range(16)} | {"arm"}
    assert (told["arm 00"], told["arm 02"]) == ("9.500", "11.50")  # means of what is completed
    assert (told["arm 14"], told["arm 15"]) == ("~90.00", "~90.00")  # what runs has reached
    assert METRIC in shown[0]
    assert sum("seed 1" in line for line in shown) == 2
    assert shown[-1] == "3 of 32 trials ended, 2 running"


def test_arms_for_which_there_is_no_room_come_in_turn_and_those_that_run_stay(make: Make) -> None:
    clock = Clock()
    tally = make(40, 2, clock=clock)
    seen = set[str]()
    for _ in range(4):
        shown = [line[:6] for line in lines(tally, 80, 24) if line.startswith("arm ") and "seed" not in line]
        assert shown[1:3] == ["arm 38", "arm 39"]
        seen.update(shown[1:])
        assert any("more arms, in turn" in line for line in lines(tally, 80, 24))
        clock.now += TURN_SECONDS
    assert seen == {f"arm {number:02}" for number in range(40)}


@pytest.mark.parametrize("busy", [[], [0], [1, 5], list(range(9))])
@pytest.mark.parametrize("places", [1, 2, 5, 8])
def test_in_turn_every_line_comes_by(busy: list[int], places: int) -> None:
    shown = [take_turns([number in busy for number in range(9)], places, turn) for turn in range(9)]
    assert max(map(len, shown)) <= places
    assert {number for page in shown for number in page} == set(range(9))


def test_on_a_screen_without_any_room_nothing_breaks(make: Make) -> None:
    for height in range(1, 8):
        assert len(lines(make(16, 16), 30, height)) <= max(2, height)


@pytest.mark.parametrize("text", ["network.cell=lstm", "日本語の腕", "ab"])
def test_a_name_is_cut_in_its_middle(text: str) -> None:
    assert [cell_len(cut(text, width)) <= width for width in range(1, 20)] == [True] * 19
    assert cut("network.cell=lstm", 9) == "netw…lstm"
    assert cut(text, 100) == text


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10)])
def test_what_is_drawn_is_never_higher_than_the_terminal(make: Make, width: int, height: int) -> None:
    """Rich would replace the last lines, which tell the time left, by an ellipsis."""
    file = io.StringIO()
    voice = Console(file=file, width=width, height=height, force_terminal=True, color_system=None, markup=False)
    tally = make(40, 16)
    with watch(tally, voice) as observer:
        observer.refresh()
        frame = file.getvalue()
    assert "3 of 80 trials ended" in frame
    assert frame.count("\n") < height
