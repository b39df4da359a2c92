"""A child that works for a runner may end in any way: its parent hears of it, and nothing of it is left."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.execution.test_kills import wait_for
from unroll import interruption
from unroll.contract import UserError
from unroll.execution.on_ray import apart, runner
from unroll.execution.on_ray.apart import TURN, Link, Lost, run_apart
from unroll.execution.on_ray.runner import RayRunner
from unroll.execution.runner import Stopping
from unroll.ledger import Ledger, StorageError
from unroll.ledger.outcome import Outcome


class Ears:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def started(self, total: int, missing: int) -> None:
        raise AssertionError("the runner's caller tells that")

    def refresh(self) -> None:
        return

    def finished(self, outcome: Outcome) -> None:
        self.heard.append(outcome)

    def message(self, text: str) -> None:
        self.heard.append(text)


@pytest.fixture
def call(tmp_path: Path) -> Callable[[Callable[[Link], None]], list[object]]:
    """Runs work apart; gives what was heard."""

    def run(work: Callable[[Link], None]) -> list[object]:
        ears, ledger = Ears(), Ledger.create(tmp_path / "results")
        with ledger.lock("test") as lock, interruption.listening(), interruption.patience():
            stopping = Stopping(ledger, lock.token, ears)
            run_apart(work, observer=ears, ready=lambda: ears.message("ready"), stopping=stopping)
        return ears.heard

    return run


Call = Callable[[Callable[[Link], None]], list[object]]


def test_what_the_child_tells_arrives_in_order(call: Call) -> None:
    outcome = Outcome(trial="t", status="completed", metrics={"loss": float("inf")})

    def work(link: Link) -> None:
        link.message("one")
        link.ready()
        link.finished(outcome)
        sys.stdout.write("not on the screen")
        os.write(1, b"neither")

    assert call(work) == ["one", "ready", outcome]


def test_an_error_arrives_as_itself_with_where_it_was_raised(call: Call) -> None:
    def work(link: Link) -> None:
        raise UserError("rule", where="here", received="this", advice="do that")

    with pytest.raises(UserError, match="here: rule \\(received this\\); do that") as caught:
        call(work)
    assert "in work" in str(caught.value.__cause__)


def test_a_refusal_of_the_disk_stays_one(call: Call, tmp_path: Path) -> None:
    def work(link: Link) -> None:
        raise StorageError(tmp_path, OSError(28, "No space left on device"))

    with pytest.raises(StorageError, match="No space left on device") as caught:
        call(work)
    assert caught.value.errno == 28


def test_an_error_that_cannot_travel_is_told_in_words(call: Call) -> None:
    class Local(Exception):
        pass

    def work(link: Link) -> None:
        raise Local("what it was")

    with pytest.raises(RuntimeError, match="Local: what it was"):
        call(work)


class Demanding(Exception):
    """Pickle writes it, and cannot make it anew."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")


def test_an_error_that_arrives_as_nothing_is_told_in_words(call: Call) -> None:
    def work(link: Link) -> None:
        raise Demanding(7, "what it was")

    with pytest.raises(RuntimeError, match="Demanding: 7 what it was"):
        call(work)


@pytest.mark.parametrize("end", [lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os._exit(0)])
def test_a_child_that_dies_is_lost(call: Call, end: Callable[[], None]) -> None:
    def work(link: Link) -> None:
        end()
        time.sleep(60)

    with pytest.raises(Lost):
        call(work)


def test_a_child_is_lost_with_what_it_depends_on_and_leaves_no_process(call: Call, tmp_path: Path) -> None:
    def work(link: Link) -> None:
        part = subprocess.Popen(["sleep", "60"])
        other = subprocess.Popen(["sleep", "60"], start_new_session=True)
        (tmp_path / "other").write_text(str(other.pid))
        link.depend([part.pid])
        part.kill()
        time.sleep(60)

    with pytest.raises(Lost):
        call(work)
    other = Path(f"/proc/{(tmp_path / 'other').read_text()}")
    wait_for(lambda: not other.exists() or ") Z " in (other / "stat").read_text(), seconds=10)


@pytest.mark.parametrize(("dies", "told"), [(False, UserError), (True, Lost)])
def test_an_error_counts_if_what_the_child_depended_on_lived_until_then(
    dies: bool, told: type[Exception], call: Call
) -> None:
    def work(link: Link) -> None:
        part = subprocess.Popen(["sleep", "60"])
        link.depend([part.pid])
        if dies:
            part.kill()
            part.wait()
        link.depend([])
        part.kill()
        part.wait()
        time.sleep(3 * TURN)
        raise UserError("what it found")

    with pytest.raises(told):
        call(work)


def test_what_went_wrong_on_ray_is_told_although_ray_ends_before(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[subprocess.Popen[bytes]] = []

    @contextmanager
    def connected(*_: object, **__: object) -> Iterator[None]:
        parts.append(subprocess.Popen(["sleep", "60"]))
        try:
            yield
        finally:
            parts[0].kill()
            parts[0].wait()
            time.sleep(3 * TURN)

    def tune(*_: object) -> None:
        raise UserError("what it found")

    monkeypatch.setitem(sys.modules, "unroll.execution.on_ray.bridge", SimpleNamespace(Bridge=lambda *_, **__: None))
    monkeypatch.setattr(runner, "connected", connected)
    monkeypatch.setattr(runner, "own_processes", lambda: [part.pid for part in parts])
    monkeypatch.setattr(RayRunner, "_check_room", lambda *_: None)
    monkeypatch.setattr(RayRunner, "_tune", tune)
    job: Any = SimpleNamespace(resources=SimpleNamespace(cpus=1.0))
    ledger: Any = None
    with pytest.raises(UserError, match="what it found"):
        call(lambda link: RayRunner()._drive([job], ledger, "token", None, link))


def test_no_signal_of_politeness_reaches_a_child_or_what_it_starts(call: Call) -> None:
    def work(link: Link) -> None:
        below = subprocess.Popen(["sleep", "60"])
        for number in interruption.SIGNALS:
            os.kill(os.getpid(), number)
            below.send_signal(number)
        time.sleep(0.2)
        link.message(f"alive: {below.poll() is None}")
        below.kill()

    assert call(work) == ["alive: True"]


def test_a_signal_before_ready_ends_the_child_at_once(call: Call) -> None:
    def work(link: Link) -> None:
        os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(60)

    with pytest.raises(interruption.Interrupted):
        call(work)


def test_a_signal_that_comes_while_the_child_is_born_leaves_none(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def twice() -> Iterator[None]:
        with interruption.unheard():
            yield
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(apart, "unheard", twice)
    with pytest.raises(interruption.Interrupted):
        call(lambda link: time.sleep(60))
    assert multiprocessing.active_children() == []


def test_after_ready_the_child_may_save_first(call: Call, tmp_path: Path) -> None:
    def work(link: Link) -> None:
        link.ready()
        os.kill(os.getppid(), signal.SIGTERM)
        wait_for((tmp_path / "results" / "stop").exists)
        link.message("saved")

    heard = call(work)
    assert heard == ["ready", "stopping: every running trial saves its state (again to end at once)", "saved"]


def test_a_second_signal_ends_the_child_at_once(call: Call, tmp_path: Path) -> None:
    def work(link: Link) -> None:
        link.ready()
        os.kill(os.getppid(), signal.SIGINT)
        wait_for((tmp_path / "results" / "stop").exists)
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(60)

    with pytest.raises(interruption.Interrupted):
        call(work)
