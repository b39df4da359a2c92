"""The functions of the package: what they are given, what they give, and what they leave as it was."""

from __future__ import annotations

import inspect
import os
import random
import signal
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import unroll
from unroll import api
from unroll.contract import UserErrors
from unroll.ledger import Ledger, Outcome
from unroll.study import Declaration, spell_overrides

pytestmark = pytest.mark.usefixtures("project")
QUICK: dict[str, Any] = {"runner": "inline", "report": False, "progress": False}


class Watcher:
    """An observer that remembers, and may send this process a signal while a trial trains or after one ended."""

    def __init__(self, *, after: int = 0, during: bool = False, number: int = signal.SIGINT) -> None:
        self.after, self.during, self.number = after, during, number
        self.ended: list[str] = []
        self.messages: list[str] = []

    def started(self, total: int, missing: int) -> None:
        self.messages.append(f"{missing} of {total}")

    def refresh(self) -> None:
        if self.during:
            self.during = False
            signal.raise_signal(self.number)

    def finished(self, outcome: Outcome) -> None:
        self.ended.append(outcome.status)
        if len(self.ended) == self.after:
            signal.raise_signal(self.number)

    def message(self, text: str) -> None:
        self.messages.append(text)


def test_a_plan_holds_what_the_command_prints() -> None:
    plan = unroll.plan("tiny", "network.cell=lstm,gru", seeds=3)
    assert plan.arms["arm"].to_list() == ["lstm", "gru"]
    assert plan.arms["trials"].to_list() == [3, 3]
    assert plan.trials.columns == ["trial", "arm", "seed", "phase", "parameters", "done"]
    assert (plan.planned, plan.done, plan.missing, plan.seconds) == (6, 0, 6, None)
    assert not plan.results.exists()
    lines = repr(plan).splitlines()
    assert lines[:2] == ["tiny: Does gating help?", "task language_modeling, decided by validation/perplexity"]
    assert "6 trials, 0 done, 6 missing; in " in lines[3]


@pytest.mark.parametrize("study", ["tiny", Path("studies/tiny"), Path("studies/tiny/study.yaml").absolute])
def test_a_study_is_a_name_a_folder_or_a_file(study: Any, project: Path) -> None:
    assert unroll.plan(study() if callable(study) else study).study == "tiny"


def test_values_may_be_given_as_python_has_them() -> None:
    typed = unroll.plan("tiny", "training.epochs=2", "training.learning_rate=1e-5", "seeds=[4, 7]", "match=null")
    same: list[dict[str, Any]] = [
        {"training": {"epochs": 2, "learning_rate": 1e-5}, "seeds": [4, 7], "match": None},
        {"training.epochs": 2, "training.learning_rate": np.float64(1e-5).item(), "seeds": (4, 7), "match": None},
    ]
    for values in same:
        assert unroll.plan("tiny", **values).trials.equals(typed.trials)


def test_a_text_is_one_value_whatever_stands_in_it() -> None:
    assert spell_overrides({"a": "x, y", "b": Path("c,d"), "c": "null", "d": {"e": True}}) == [
        'a="x, y"',
        'b="c,d"',
        'c="null"',
        "d.e=true",
    ]
    with pytest.raises(unroll.UserError, match="a level's name must be letters"):
        unroll.plan("tiny", network={"cell": "gru,lstm"})
    with pytest.raises(unroll.UserError, match="seeds: a value must be one that YAML can hold"):
        unroll.plan("tiny", seeds={1, 2})


def test_mistakes_are_raised_together_with_the_text_of_the_command() -> None:
    with pytest.raises(UserErrors) as caught:
        unroll.plan("tiny", "sede=2", training={"epoch": 1})
    assert str(caught.value.errors[0]) == "command line: sede: unknown key; did you mean 'seeds'?"
    assert "training.epochs" in str(caught.value.errors[1])
    with pytest.raises(unroll.UserError, match="there is no such study"):
        unroll.run("tny")
    with pytest.raises(unroll.UserError, match="tiny: there are no results yet; unroll run tiny"):
        unroll.results("tiny")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"runner": "slurm"}, "runner: must be one of ray, inline"),
        ({"if_changed": "ask"}, "if_changed: must be one of refuse, keep, rerun"),
        ({"concurrency": 0}, "concurrency: must be at least 1"),
        ({"runner": "inline", "address": "auto"}, "the inline runner runs one trial after another"),
    ],
)
def test_choices_that_are_none_are_refused_before_anything_is_made(options: Any, text: str) -> None:
    with pytest.raises(unroll.UserError, match=text):
        unroll.run("tiny", **options)
    assert not Path("results").exists()


def test_no_option_is_named_like_a_key_of_a_study() -> None:
    for function in (api.plan, api.run):
        options = set(inspect.signature(function).parameters) - {"study", "overrides", "values"}
        assert not options & Declaration.model_fields.keys()


def test_no_room_of_the_package_takes_the_place_of_a_function() -> None:
    """Importing a module puts it into its package under its name, in the place of whatever has that name."""
    assert [name for name in unroll.__all__ if find_spec(f"unroll.{name}")] == []
    assert {name for name in dir(unroll) if not name.startswith("_")} <= set(unroll.__all__)


def test_a_run_goes_on_where_it_was_and_tells_what_it_came_to() -> None:
    watcher = Watcher()
    first = unroll.run("tiny", seeds=1, **QUICK | {"progress": watcher})
    assert (first.completed, first.counts, first.report) == (True, {"completed": 2}, None)
    assert (watcher.messages, watcher.ended) == (["2 of 2"], ["completed", "completed"])
    more = unroll.run("tiny", seeds=2, **QUICK)
    assert more.summary.done_before == 2
    assert more.arms["completed"].to_list() == [2, 2]
    assert "tiny: 4 trials: 4 completed, in " in repr(more)
    (_, run) = Ledger.open(more.folder).runs()
    assert run.command == ["unroll", "run", "tiny", "seeds=2", "--runner", "inline", "--no-report"]
    assert len(unroll.results("tiny")) == 4
    history = unroll.history(more.folder)
    assert history.columns == ["trial", "arm", "seed", "step", "epoch", "seconds", "metric", "value"]
    assert set(history["trial"]) == set(unroll.results(more.folder)["trial"])


def test_the_report_is_written_by_a_run_and_anew() -> None:
    done = unroll.run("tiny", seeds=1, runner="inline", progress=False)
    assert done.report is not None
    before = done.report.read_bytes()
    done.report.unlink()
    files = unroll.report("tiny")
    assert (files.html, files.html.read_bytes()) == (done.report, before)


def test_progress_is_printed_aside_and_can_be_silent(capfd: pytest.CaptureFixture[str]) -> None:
    unroll.run("tiny", seeds=1, runner="inline", report=False)
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith("2 trials, 0 done before, 2 to run\n[1/2] elman seed 0 completed")
    unroll.run("tiny", seeds=2, **QUICK)
    assert capfd.readouterr() == ("", "")


def test_a_process_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLL_CACHE", "cache")
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)

    def state() -> list[object]:
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        drawn = [random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()]
        return [*handlers, *drawn, torch.get_num_threads(), dict(os.environ), list(warnings.filters), Path.cwd()]

    before = state()
    unroll.run("tiny", seeds=1, **QUICK)
    assert state() == before


def test_an_interrupt_ends_the_call_once_trials_have_saved_their_state() -> None:
    handler = signal.getsignal(signal.SIGINT)
    long: dict[str, Any] = {"seeds": 1, "training": {"epochs": 3000}, "network.cell": "lstm"}
    with pytest.raises(KeyboardInterrupt, match="the same call goes on from what is saved"):
        unroll.run("tiny", **long, **QUICK | {"progress": Watcher(during=True)})
    assert signal.getsignal(signal.SIGINT) is handler
    assert unroll.results("tiny")["status"].to_list() == ["stopped"]
    (trial,) = unroll.results("tiny")["trial"]
    assert any((Path("results/tiny/trials") / trial / "checkpoint").iterdir())


def test_an_interrupt_between_trials_leaves_the_rest_for_the_next_call() -> None:
    with pytest.raises(KeyboardInterrupt):
        unroll.run("tiny", **QUICK | {"progress": Watcher(after=1)})
    assert sorted(unroll.results("tiny")["status"]) == ["completed", "missing", "missing", "missing"]
    assert unroll.run("tiny", **QUICK).completed


def test_sigterm_takes_its_usual_course_afterwards() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with pytest.raises(KeyboardInterrupt):
            unroll.run("tiny", **QUICK | {"progress": Watcher(after=1, number=signal.SIGTERM)})
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_another_thread_may_call_also_after_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt):
        unroll.run("tiny", **QUICK | {"progress": Watcher(after=1)})
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(unroll.run, "tiny", **QUICK).result().completed


def test_sources_that_were_edited_since_they_were_imported_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from unroll.study import planning, sources

    unroll.plan("tiny")
    real, cell = sources.find_sources, "tasks/recurrent/cells/lstm.py"
    edited = {cell: "edited"}
    monkeypatch.setattr(planning, "find_sources", lambda *words: real(*words) | edited)
    with pytest.raises(unroll.UserError, match=f"{cell}: source files must not be edited"):
        unroll.run("tiny", **QUICK)
    assert not Path("results").exists()
