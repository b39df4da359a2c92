"""Whoever asks the program to leave is answered from its first lines on."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.execution.family import listens
from unroll import interruption

PROGRAM = Path(sys.executable).with_name("unroll")
NUMBERS = pytest.mark.parametrize("number", interruption.SIGNALS)


@NUMBERS
@pytest.mark.parametrize("words", [["run", "tiny", "seeds=1"], ["plan", "tiny"]])
@pytest.mark.usefixtures("project")
def test_from_the_first_lines_on(number: int, words: list[str]) -> None:
    process = subprocess.Popen([str(PROGRAM), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not listens(process.pid):
        time.sleep(0.001)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    if words[0] == "run":
        assert err.splitlines() == ["interrupted: nothing was started", "continue  unroll run tiny seeds=1"]
    else:
        assert err.splitlines() == ["interrupted"]
    assert not Path("results").exists()


@NUMBERS
def test_a_signal_that_python_lost_is_not_forgotten(number: int) -> None:
    with interruption.listening():
        with contextlib.suppress(interruption.Interrupted):  # as a library's bare `except:` would
            signal.raise_signal(number)
        assert interruption.asked()
        with pytest.raises(interruption.Interrupted):
            interruption.check()


@NUMBERS
def test_patience_is_for_one_signal(number: int) -> None:
    before = signal.getsignal(number)
    with interruption.listening(), interruption.patience():
        signal.raise_signal(number)
        assert interruption.asked()
        with pytest.raises(interruption.Interrupted):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_nobody_takes_an_interruption_for_an_error() -> None:
    assert not issubclass(interruption.Interrupted, Exception | KeyboardInterrupt)
