"""One owner per results folder; a dead one is followed at once."""

import contextlib
import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from unroll.contract import UserError
from unroll.ledger import Ledger, StorageError
from unroll.ledger.processes import machine, start_time

FOREIGN = "0123456789ab"
DEAD = {"machine": machine(), "started": "1"}
OWN = """
import sys, time
from pathlib import Path
from unroll.ledger import Ledger
with Ledger(Path(sys.argv[1])).lock(["unroll", "run", "cells"]) as lock:
    print(lock.token, flush=True)
    time.sleep(60)
"""
CONTEND = """
import os, sys, time
from pathlib import Path
from unroll.contract import UserError
from unroll.ledger import Ledger

root, ledger = Path(sys.argv[1]), Ledger(Path(sys.argv[1]))

def own_once(crash):
    while True:
        try:
            with ledger.lock("contend") as lock:
                os.close(os.open(root / "inside", os.O_CREAT | os.O_EXCL))
                assert ledger.is_current(lock.token)
                time.sleep(0.002)
                os.unlink(root / "inside")
                if crash:
                    os._exit(0)
                return
        except UserError:
            time.sleep(0.002)

children = []
for number in range(16):
    child = os.fork()
    if not child:
        own_once(crash=number % 2)
        os._exit(0)
    children.append(child)
sys.exit(sum(os.waitpid(child, 0)[1] != 0 for child in children))
"""


def start(script: str, root: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        [sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE, text=True, env=environment
    )


@pytest.fixture
def owner(ledger: Ledger) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns the folder; its token is its first line."""
    with start(OWN, ledger.root) as process:
        yield process
        process.kill()


def forge(ledger: Ledger, number: int = 1, *, changes: Mapping[str, object] = MappingProxyType({})) -> Path:
    """An owner's file as another process would have written it."""
    owner = {
        "beat": "000000000000",
        "token": "theirs",
        "host": "elsewhere",
        "machine": FOREIGN,
        "pid": os.getpid(),
        "started": start_time(os.getpid()),
        "since": "2026-01-01T00:00:00+00:00",
        "command": "unroll run",
        **changes,
    }
    path = ledger.root / "lock" / f"{number:06}.held"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(owner, separators=(",", ":")))
    return path


def seconds(act: Callable[[], object]) -> float:
    before = time.monotonic()
    act()
    return time.monotonic() - before


def test_owns_and_gives_free(ledger: Ledger) -> None:
    assert ledger.owner() is None
    with ledger.lock(["unroll", "run", "my study"]) as lock:
        owner = ledger.owner()
        assert owner is not None
        assert (owner.token, owner.pid, owner.command) == (lock.token, os.getpid(), "unroll run 'my study'")
        assert ledger.is_current(lock.token)
        assert not ledger.is_current("another")
    assert ledger.owner() is None
    assert not ledger.is_current(lock.token)
    with ledger.lock("again") as second:
        assert second.token != lock.token
    assert len(os.listdir(ledger.root / "lock")) == 1


def test_an_error_inside_gives_free(ledger: Ledger) -> None:
    with contextlib.suppress(ZeroDivisionError), ledger.lock("unroll run"):
        raise ZeroDivisionError
    assert ledger.owner() is None


def test_a_second_owner_is_refused_at_once(ledger: Ledger, owner: subprocess.Popen[str]) -> None:
    assert owner.stdout
    token = owner.stdout.readline().strip()
    with pytest.raises(UserError) as caught, ledger.lock("unroll run"):
        pass
    known = ledger.owner()
    assert known is not None
    assert known.token == token
    assert str(caught.value) == (
        f"{ledger.root}: a results folder must have one owner at a time "
        f"(received {known.host}, process {owner.pid}, since {known.since}, running 'unroll run cells'); "
        "wait until it ends or stop it, or name another folder with --results"
    )
    assert ledger.is_current(token)


@pytest.mark.parametrize("reaped", [False, True])
def test_a_killed_owner_is_followed_at_once(ledger: Ledger, owner: subprocess.Popen[str], reaped: bool) -> None:
    assert owner.stdout
    token = owner.stdout.readline().strip()
    owner.send_signal(signal.SIGKILL)
    if reaped:
        owner.wait()
    else:
        time.sleep(0.2)  # a zombie now: dead, though its process id is still taken
    with ledger.lock("unroll run", patience=60.0) as lock:
        assert ledger.is_current(lock.token)
        assert ledger.stop_requested(token)


def test_a_process_id_used_again_is_no_owner(ledger: Ledger) -> None:
    forge(ledger, changes=DEAD)
    with ledger.lock("unroll run", patience=60.0):
        pass


def test_a_silent_owner_elsewhere_is_followed_after_patience(ledger: Ledger) -> None:
    forge(ledger)

    def own() -> None:
        with ledger.lock("unroll run", patience=0.5) as lock:
            assert not ledger.is_current("theirs")
            assert ledger.is_current(lock.token)

    assert 0.5 <= seconds(own) < 10


@pytest.mark.parametrize("content", ["", "half", '{"beat":"000000000001","of":"tomorrow"}', "\x80"])
def test_an_unreadable_owner_is_followed_after_patience(ledger: Ledger, content: str) -> None:
    forge(ledger).write_text(content)
    assert ledger.owner() is None
    with ledger.lock("unroll run", patience=0.3):
        pass


@pytest.mark.parametrize("readable", [True, False])
def test_a_beating_owner_elsewhere_is_refused(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, readable: bool) -> None:
    changes = {} if readable else {"of": "tomorrow"}
    beats = itertools.count(1)
    forge(ledger, changes=changes)
    monkeypatch.setattr(time, "sleep", lambda _: forge(ledger, changes={**changes, "beat": f"{next(beats):012}"}))
    who = "elsewhere, process" if readable else "a living owner that this version of Unroll cannot read"
    with pytest.raises(UserError, match=who), ledger.lock("unroll run"):
        pass


def test_the_owner_beats_and_stays_readable(ledger: Ledger) -> None:
    with ledger.lock("unroll run", heartbeat=0.01) as lock:
        seen = set[str]()
        until = time.monotonic() + 10
        while len(seen) < 5 and time.monotonic() < until:
            owner = ledger.owner()
            assert owner is not None
            assert owner.token == lock.token
            seen.add(owner.beat)
    assert len(seen) == 5


def test_a_beat_needs_no_space_and_fails_in_silence(ledger: Ledger, failing_disk: Any) -> None:
    with ledger.lock("unroll run", heartbeat=0.01) as lock, failing_disk.fail(1, errno.EIO, lasting=True):
        time.sleep(0.1)
        assert ledger.is_current(lock.token)
    assert failing_disk.failures


@pytest.mark.parametrize("number", [1, 2])
def test_whoever_lost_the_folder_leaves_it_alone(ledger: Ledger, number: int) -> None:
    """An owner that was asleep for long does not take the folder back from its follower."""
    with ledger.lock("unroll run", heartbeat=0.01) as lock:
        for path in (ledger.root / "lock").iterdir():
            path.unlink()
        follower = forge(ledger, number)
        time.sleep(0.1)
        assert not ledger.is_current(lock.token)
        assert ledger.stop_requested(lock.token)
    assert os.listdir(ledger.root / "lock") == [follower.name]
    assert ledger.is_current("theirs")


def test_who_comes_late_loses(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A starter that found the owner dead long ago must not follow on it when others have come and gone."""
    forge(ledger, 1, changes=DEAD)
    late = ledger.lock("late")
    path = ledger.root / "lock" / "000001.held"
    forge(ledger, 7, changes={"machine": machine()})  # a living one, by now
    path.unlink()
    numbers = iter([1])
    from unroll.ledger.lock import Lock

    wait = Lock._wait_for_free
    monkeypatch.setattr(Lock, "_wait_for_free", lambda self: next(numbers, None) or wait(self))
    with pytest.raises(UserError, match="one owner"), late:
        pass
    assert os.listdir(path.parent) == ["000007.held"]


def test_free_beats_held_of_the_same_number(ledger: Ledger) -> None:
    path = forge(ledger, 3)
    path.with_suffix(".free").write_bytes(path.read_bytes())
    assert ledger.owner() is None
    with ledger.lock("unroll run") as lock:
        assert ledger.is_current(lock.token)


def test_a_forked_child_keeps_the_lock_with_its_parent(ledger: Ledger) -> None:
    script = """
import os, sys
from pathlib import Path
from unroll.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
with ledger.lock("unroll run") as lock:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        print(ledger.is_current(lock.token))
"""
    with start(script, ledger.root) as process:
        assert process.communicate(timeout=60)[0].split() == ["True"]
    assert ledger.owner() is None


def test_many_starters_own_one_after_another(ledger: Ledger) -> None:
    """Half of them die as owners; nobody is ever inside with another, and everybody gets in."""
    with start(CONTEND, ledger.root) as process:
        assert process.wait(timeout=120) == 0


def test_every_failed_start_can_be_repeated(ledger: Ledger, failing_disk: Any) -> None:
    def own() -> None:
        with ledger.lock("unroll run", heartbeat=60.0) as lock:
            assert ledger.is_current(lock.token)

    def bury() -> None:
        shutil.rmtree(ledger.root / "lock", ignore_errors=True)
        forge(ledger, changes=DEAD)

    for error in failing_disk.fail_everywhere(own, prepare=bury, code=errno.EACCES):
        assert error or not ledger.is_current("theirs")
        if error or ledger.owner() is None:  # else only giving it free failed: it is free when this process ends
            own()


def test_stop_reaches_whom_it_is_addressed_to(ledger: Ledger) -> None:
    with ledger.lock("unroll run") as lock:
        assert not ledger.stop_requested(lock.token)
        ledger.request_stop("an owner of before")
        assert not ledger.stop_requested(lock.token)
        ledger.request_stop(lock.token)
        assert ledger.stop_requested(lock.token)
        ledger.clear_stop()
        ledger.clear_stop()
        assert not ledger.stop_requested(lock.token)
        (ledger.root / "stop").write_bytes(b"[half")
        assert not ledger.stop_requested(lock.token)
    assert ledger.stop_requested(lock.token)


def test_a_disk_that_does_not_answer_stops_nobody(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    with ledger.lock("unroll run", heartbeat=60.0) as lock, monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        assert not ledger.stop_requested(lock.token)


def test_a_disk_that_does_not_answer_starts_nobody(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(StorageError, match="Permission denied"), ledger.lock("unroll run"):
        pass


def test_who_owns_together_joins_and_beats_on(ledger: Ledger) -> None:
    with ledger.lock("job 0", together="t" * 32, heartbeat=0.05) as first:
        assert first.token == "t" * 32
        with ledger.lock("job 1", together="t" * 32, heartbeat=0.05) as second:
            assert second.token == first.token
            with pytest.raises(UserError, match="one owner at a time"), ledger.lock("another"):
                pass
    beat = read_beat(ledger)
    with ledger.lock("job 2", together="t" * 32, heartbeat=0.05):  # after all others have ended
        deadline = time.monotonic() + 5
        while read_beat(ledger) == beat and time.monotonic() < deadline:
            time.sleep(0.02)
        assert read_beat(ledger) != beat
        assert ledger.is_current("t" * 32)


def read_beat(ledger: Ledger) -> str:
    owner = ledger.owner()
    assert owner is not None
    return owner.beat


def test_what_is_owned_together_is_free_once_nobody_beats(ledger: Ledger) -> None:
    with ledger.lock("job 0", together="t" * 32):
        pass
    owner = ledger.owner()
    assert owner is not None
    assert not owner.is_gone  # another job may go on
    with ledger.lock("the last", patience=0.3) as last:
        assert ledger.is_current(last.token)
        assert ledger.stop_requested("t" * 32)  # a job that comes late finds that it owns nothing any more
        with pytest.raises(UserError, match="the last"), ledger.lock("job 1", together="t" * 32, patience=0.3):
            pass
    with ledger.lock("job 2", together="t" * 32, patience=0.3):
        assert ledger.is_current("t" * 32)


def test_many_who_own_together_all_join(ledger: Ledger) -> None:
    code = OWN.replace('lock(["unroll", "run", "cells"])', 'lock("job", together="t" * 32)').replace("60", "1")
    jobs = [
        subprocess.Popen([sys.executable, "-c", code, str(ledger.root)], stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    assert [job.communicate(timeout=60)[0].strip() for job in jobs] == ["t" * 32] * 6
    assert [job.returncode for job in jobs] == [0] * 6
    assert len(list((ledger.root / "lock").iterdir())) == 1
