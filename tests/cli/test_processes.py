"""The command line as a process: quick to start, light when there is nothing to do, and stopped by Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("unroll")
HEAVY = ("torch", "ray", "pytorch_lightning", "wandb", "polars", "altair", "scipy", "numpy")
WATCHED_MAIN = """
import sys
from unroll.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def watched(*words: str) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Run a command; gives also the names of all modules that it loaded."""
    done = subprocess.run([sys.executable, "-c", WATCHED_MAIN, *words], capture_output=True, text=True, check=False)
    loaded = next(line for line in reversed(done.stderr.splitlines()) if line.startswith("loaded:"))
    return done, set(loaded.split()[1:])


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["plan", "tiny", "--format", "xml"]])
def test_help_and_usage_load_nothing_heavy(words: list[str]) -> None:
    _, loaded = watched(*words)
    assert not loaded & set(HEAVY)


def test_completion_offers_the_studies_of_the_project(project: Path) -> None:
    environment = {**os.environ, "_UNROLL_COMPLETE": "complete_bash", "COMP_WORDS": "unroll run t", "COMP_CWORD": "2"}
    done = subprocess.run([str(PROGRAM)], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["tiny"]


@pytest.mark.parametrize(("closed", "told"), [(1, ""), (2, "unroll ")])
def test_a_closed_output_is_like_the_null_device(closed: int, told: str) -> None:
    words = ["sh", "-c", f'"$0" --version {closed}>&-', str(PROGRAM)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(told)


@pytest.mark.usefixtures("project")
def test_a_real_run_ends_and_the_next_one_loads_no_ray() -> None:
    first, _ = watched("run", "tiny", "--runner", "inline")
    assert first.returncode == 0, first.stderr
    assert "4 of 4 trials completed" in first.stdout
    second, loaded = watched("run", "tiny")
    assert second.returncode == 0, second.stderr
    assert "0 to run" in second.stdout
    assert not loaded & {"ray", "wandb", "altair", "vl_convert", "great_tables"}


@pytest.mark.usefixtures("project")
def test_ctrl_c_and_sigterm_save_and_print_the_command_that_continues() -> None:
    words = ["run", "tiny", "training.epochs=150", "seeds=1", "network.cell=elman", "--runner", "inline", "--no-report"]
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen([str(PROGRAM), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for_news(process)
        process.send_signal(number)
        out, err = process.communicate(timeout=240)
        assert process.returncode == 130, err
        assert "Traceback" not in err
        assert out.rstrip().endswith(f"continue  unroll {' '.join(words)}")
    done = subprocess.run([str(PROGRAM), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    attempts = sorted(Path("results/tiny/trials").glob("*/attempts/*.json"))
    ends = [json.loads(file.read_bytes())["body"] for file in attempts]
    assert [end["status"] for end in ends] == ["stopped", "stopped", "completed"]
    assert 0 < ends[0]["steps"] < ends[1]["steps"] < ends[2]["steps"]


def wait_for_news(process: subprocess.Popen[str], seconds: float = 240) -> None:
    """Return when a trial has noted that it trains further."""
    seen, deadline = notes(), time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if notes() != seen:
            return
        time.sleep(0.05)
    raise AssertionError(f"nothing was trained: {process.communicate()}")


def notes() -> list[bytes]:
    return [file.read_bytes() for file in Path("results/tiny/trials").glob("*/progress.json")]
