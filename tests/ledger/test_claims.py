"""A trial has one attempt at a time: who comes later has it, and who had it before writes nothing any more."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unroll.ledger import Claim, Fenced, Ledger, processes

TRIAL = "trial0000"
HOLD = """
import sys, time
from pathlib import Path
from unroll.ledger import Ledger
with Ledger(Path(sys.argv[1])).trial("trial0000").claim(token="run"):
    print("held", flush=True)
    time.sleep(600)
"""
TAKE = """
import sys, time
from pathlib import Path
from unroll.ledger import Fenced, Ledger
log = Path(sys.argv[2])
for _ in range(20):
    try:
        with Ledger(Path(sys.argv[1])).trial("trial0000").claim(token="run", patience=60):
            with log.open("a") as file:
                file.write("in\\n")
            time.sleep(0.01)
            with log.open("a") as file:
                file.write("out\\n")
    except Fenced:
        pass
"""


def files(ledger: Ledger) -> list[str]:
    return sorted(path.name for path in (ledger.trial(TRIAL).folder / "claims").glob("[!.]*"))


def start(program: str, *words: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", program, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.fixture
def claim(ledger: Ledger) -> Callable[..., Claim]:
    def make(patience: float = 0.1) -> Claim:
        return ledger.trial(TRIAL).claim(token="run", patience=patience)

    return make


def test_a_trial_is_had_from_with_to_its_end(ledger: Ledger, claim: Callable[..., Claim]) -> None:
    first = claim()
    with pytest.raises(Fenced, match="another attempt has trial trial0000"):
        first.check()
    with first:
        first.check()
        assert files(ledger) == ["000001.json"]
    assert first.is_lost
    assert files(ledger) == []
    with claim() as second:
        second.check()


def test_who_comes_later_has_it(ledger: Ledger, claim: Callable[..., Claim]) -> None:
    with claim() as first:
        with claim() as second:
            second.check()
            assert first.is_lost
            with pytest.raises(Fenced):
                first.check()
        assert first.is_lost, "also when the other has let go"
    assert files(ledger) == []


def test_the_later_one_waits_until_the_other_has_let_go(ledger: Ledger, claim: Callable[..., Claim]) -> None:
    entered, noticed = threading.Event(), threading.Event()

    def follow() -> None:
        with claim(patience=60):
            assert noticed.is_set()
            entered.set()

    with claim() as first:
        other = threading.Thread(target=follow)
        other.start()
        while not first.is_lost:
            assert not entered.is_set()
        noticed.set()
    other.join(timeout=30)
    assert entered.is_set()
    assert files(ledger) == []


def test_of_three_the_last_has_it(ledger: Ledger, claim: Callable[..., Claim]) -> None:
    outcomes: dict[str, bool] = {}
    second, third = claim(patience=60), claim(patience=60)

    def take(name: str, one: Claim) -> None:
        try:
            with one:
                outcomes[name] = True
        except Fenced:
            outcomes[name] = False

    with claim():
        threads = []
        for number, (name, one) in enumerate((("second", second), ("third", third)), 2):
            threads.append(threading.Thread(target=take, args=(name, one)))
            threads[-1].start()
            while f"{number:06}.json" not in files(ledger):
                pass
    for thread in threads:
        thread.join(timeout=30)
    assert outcomes == {"second": False, "third": True}
    assert files(ledger) == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_ended_or_stands_still_holds_nothing_up(
    ledger: Ledger, claim: Callable[..., Claim], how: signal.Signals
) -> None:
    holder = start(HOLD, ledger.root)
    try:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(how)
        if how == signal.SIGKILL:
            holder.wait()
        with claim(patience=0.1 if how == signal.SIGSTOP else 600) as mine:
            mine.check()
            assert files(ledger) == ["000002.json"]
    finally:
        holder.kill()
        holder.communicate()


def test_another_machines_attempt_has_time_to_notice(
    ledger: Ledger, claim: Callable[..., Claim], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(processes, "machine", lambda: "0123456789ab")
        patch.setattr(os, "getpid", lambda: 2**22 + 1)  # here, nobody has that number
        away = claim()
        away.__enter__()
    with claim(patience=0.3) as mine:
        mine.check()
        assert away.is_lost


def test_processes_that_all_want_it_have_it_one_at_a_time(ledger: Ledger, tmp_path: Path) -> None:
    log = tmp_path / "log"
    takers = [start(TAKE, ledger.root, log) for _ in range(3)]
    for taker in takers:
        taker.communicate(timeout=120)
        assert taker.returncode == 0
    lines = log.read_text().split()
    assert lines == ["in", "out"] * (len(lines) // 2)
    assert files(ledger) == []


def test_who_looked_while_another_let_go_is_not_alone(
    ledger: Ledger, claim: Callable[..., Claim], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It saw number 2; by the time it writes 3, that one has gone and another has begun at 1."""
    real, looks = Claim._claims, iter([[(2, ledger.trial(TRIAL).folder / "claims" / "000002.json")]])
    with claim() as first, monkeypatch.context() as patch:
        assert files(ledger) == ["000001.json"]
        patch.setattr(Claim, "_claims", lambda self: next(looks, real(self)))
        with claim(patience=0.1) as late:
            late.check()
            assert first.is_lost


def test_a_lower_number_gives_way(ledger: Ledger, claim: Callable[..., Claim], monkeypatch: pytest.MonkeyPatch) -> None:
    """It saw nobody, and writes 1 when 2 stands already."""
    real, nobody = Claim._claims, list[tuple[int, Path]]()
    looks = iter([nobody])
    with claim(), claim(patience=0.1) as second, monkeypatch.context() as patch:
        assert files(ledger) == ["000002.json"]
        patch.setattr(Claim, "_claims", lambda self: next(looks, real(self)))
        with claim(patience=0.1) as third:
            third.check()
            assert second.is_lost
            assert files(ledger) == ["000003.json"]


def test_a_damaged_claim_is_nobodys(ledger: Ledger, claim: Callable[..., Claim], damages: Any) -> None:
    holder = claim()
    with holder:
        path = ledger.trial(TRIAL).folder / "claims" / "000001.json"
        whole = path.read_bytes()
    for damaged in (*damages(whole.rstrip(), limit=10), json.dumps({"format": 2}).encode()):
        path.write_bytes(damaged)
        with claim(patience=600) as mine:
            mine.check()
    assert files(ledger) == []


def test_every_failed_claim_can_be_repeated(ledger: Ledger, claim: Callable[..., Claim], failing_disk: Any) -> None:
    def take() -> None:
        with claim():
            pass

    for _ in failing_disk.fail_everywhere(take, code=errno.EACCES):
        with claim() as mine:
            mine.check()
    take()
    assert files(ledger) == []
