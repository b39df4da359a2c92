"""The commands that ``unroll run`` offers at its end say again all that was typed, and only what helps."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from unroll.cli._output import shell_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import FakeRunner, Said

    Unroll = Callable[..., Said]

pytestmark = pytest.mark.usefixtures("project")
OPTIONS = ("--results", "r", "--runner", "ray", "--address", "auto", "--concurrency", "2", "--no-report")
KEPT = "--results r --address auto --concurrency 2 --no-report"


def offers(said: Said) -> dict[str, str]:
    """Word at the line's start -> command."""
    lines = (line.partition(" ") for line in said.out.splitlines() if " unroll run " in line)
    return {word: command.strip() for word, _, command in lines}


def test_every_option_is_kept(unroll: Unroll, runner: FakeRunner) -> None:
    runner.stop_after = 1
    assert offers(unroll("run", "tiny", "seeds=2", *OPTIONS)) == {"continue": f"unroll run tiny seeds=2 {KEPT}"}
    runner.stop_after, runner.status = None, lambda job: "timeout"
    assert offers(unroll("run", "tiny", "seeds=2", *OPTIONS)) == {"again": f"unroll run tiny seeds=2 {KEPT}"}
    runner.status = lambda job: "completed"
    (more,) = offers(unroll("run", "tiny", "seeds=2", *OPTIONS)).values()
    assert more.startswith(f"unroll run tiny seeds=6 {KEPT}   (")


def test_a_mistake_is_retried_and_only_what_is_missing_is_run_again(unroll: Unroll, runner: FakeRunner) -> None:
    runner.status = lambda job: "failed_user" if job.trial.seed else "completed"
    assert offers(unroll("run", "tiny")) == {"retry": "unroll run tiny --retry"}
    assert offers(unroll("run", "tiny", "--retry")) == {"retry": "unroll run tiny --retry"}
    runner.status = lambda job: "timeout"
    said = offers(unroll("run", "tiny", "seeds=3"))
    assert said == {"retry": "unroll run tiny seeds=3 --retry", "again": "unroll run tiny seeds=3"}


def test_the_way_back_to_the_whole_study_is_told_where_its_report_was_replaced(
    unroll: Unroll, runner: FakeRunner
) -> None:
    assert "whole" not in offers(unroll("run", "tiny", "training.epochs=2", "seeds=3")), "there is no whole yet"
    part = unroll("run", "tiny", "network.cell=lstm", "seeds=3", "wandb.mode=offline", "--results", "results/tiny")
    back = offers(part)["whole"]
    assert back == (
        "unroll run tiny seeds=3 wandb.mode=offline --results results/tiny   (the report is of network.cell=lstm)"
    )
    assert "whole" not in offers(unroll("run", "tiny", "seeds=3"))


def test_a_command_is_printable_and_means_the_same_words() -> None:
    words = ["unroll", "it's", "a\nb\t\x1b[2J", "\u202e\\'x", "two  spaces"]
    line = shell_line(words)
    assert line.isprintable()
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == words
    assert shell_line(["unroll", "a b"]) == shlex.join(["unroll", "a b"])


def test_a_folder_of_a_hostile_name_cannot_act_on_the_terminal(unroll: Unroll, runner: FakeRunner) -> None:
    said = unroll("run", "tiny", "--results", "r\x1b[2J\nmore  rm -rf\u202e")
    assert said.code == 0
    assert all(line.isprintable() for line in said.out.splitlines())
    assert len([line for line in said.out.splitlines() if line.startswith("more ")]) == 1
    assert Path("r\x1b[2J\nmore  rm -rf\u202e/plan.json").is_file()
