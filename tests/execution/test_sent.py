"""One study, sent in every way: the numbers are those of an undisturbed run, and who asks a run to end is heard."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.execution.cluster_of_three import TOKEN, ClusterOfThree, cannot_be
from tests.execution.conftest import CommandLine
from tests.execution.test_kills import done, wait_for

ROOT = Path(__file__).parents[2]
SETUP = f'setup: ["export PATH={Path(sys.executable).parent}:$PATH"]\n'


class Sender:
    """A project whose studies are sent, with a stand-in for SLURM before everything else on the way to programs."""

    def __init__(self, line: CommandLine, folder: Path) -> None:
        self.project, self.results = folder / "project", folder / "results"
        self.results.mkdir()
        (self.project / "studies").mkdir(parents=True)
        (self.project / "studies" / "small").symlink_to(line.study.parent)
        (self.project / "tasks").symlink_to(ROOT / "tasks")
        (self.project / "clusters").mkdir()
        programs, jobs = folder / "bin", folder / "jobs"
        programs.mkdir()
        jobs.mkdir()
        for name in ("sbatch", "srun", "scontrol", "scancel"):
            script = f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("slurm.py")} {name} "$@"\n'
            (programs / name).write_text(script, encoding="utf-8")
            (programs / name).chmod(0o755)
        self.jobs = jobs
        self._environment = line.environment | {"STAND_IN": str(jobs), "HOME": str(folder)}
        self._environment.pop("UNROLL_ROOT", None)  # of a test that ran Ray in this very process before
        self._environment["PATH"] = f"{programs}:{os.environ['PATH']}"

    @property
    def small(self) -> Path:
        return self.results / "small"

    def target(self, name: str, keys: str) -> None:
        text = f"results: {self.results}\n{SETUP}{keys}\n"
        (self.project / "clusters" / f"{name}.yaml").write_text(text, encoding="utf-8")

    def call(self, *words: str, expect: int = 0, environment: Mapping[str, str] = MappingProxyType({})) -> str:
        program = Path(sys.executable).with_name("unroll")
        ended = subprocess.run(
            [program, *words],
            cwd=self.project,
            env=self._environment | dict(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == expect, ended.stdout
        return ended.stdout

    def await_jobs(self, *jobs: int) -> list[str]:
        """Wait until these have ended; their exit codes, of arrays one for each task."""
        files = [self.jobs / str(job) / "done" for job in jobs]
        wait_for(lambda: all(file.exists() for file in files))
        return [file.read_text(encoding="utf-8") for file in files]


@pytest.fixture
def sender(line: CommandLine, tmp_path: Path) -> Sender:
    return Sender(line, tmp_path)


def by_trial(trials: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {trial["trial"]: trial for trial in trials}


def test_an_array_gives_the_numbers_of_one_run(
    sender: Sender, line: CommandLine, undisturbed: list[dict[str, Any]]
) -> None:
    sender.target("many", "kind: slurm_array\ntime: 01:00:00\ntrials_per_job: 4")
    said = sender.call("submit", "small", "--on", "many")
    assert "small to many in 2 jobs and a last one, as 101 102" in said
    assert sender.await_jobs(101, 102) == ["0 0", "0"]
    assert by_trial(line.results(sender.small)) == by_trial(undisturbed)
    assert (sender.small / "report" / "report.html").is_file()
    assert "8 of 8 trials completed" in sender.call("logs", str(sender.small))
    assert "0: [4/4] " in sender.call("logs", str(sender.small), "--all")
    assert sender.call("submit", "small", "--on", "many", expect=2).endswith("(received every trial has its result)\n")


@pytest.mark.slow
def test_an_array_that_is_stopped_goes_on_where_it_was(sender: Sender, line: CommandLine, tmp_path: Path) -> None:
    longer = "training.epochs=20"
    line.run(tmp_path / "undisturbed", longer)
    sender.target("many", "kind: slurm_array\ntime: 01:00:00\ntrials_per_job: 2")
    sender.call("submit", "small", "--on", "many", longer)
    wait_for(lambda: list(sender.small.glob("trials/*/progress.json")))
    said = sender.call("stop", str(sender.small))
    assert "took back what still waits of 101 102 on many" in said
    codes, _ = sender.await_jobs(101, 102)
    assert set(codes.split()) == {"130"}
    begun = {path.name for path in sender.small.glob("trials/*") if list(path.glob("checkpoint/*"))}
    assert begun
    sender.call("submit", "small", "--on", "many", longer)
    sender.await_jobs(103, 104)
    assert by_trial(line.results(sender.small)) == by_trial(line.results(tmp_path / "undisturbed"))


@pytest.mark.slow
def test_one_node_of_slurm_gives_the_same(sender: Sender, line: CommandLine, undisturbed: list[dict[str, Any]]) -> None:
    sender.target("one", "kind: slurm\ntime: 01:00:00\ncpus: 2")
    sender.call("submit", "small", "--on", "one")
    assert sender.await_jobs(101) == ["0"]
    assert by_trial(line.results(sender.small)) == by_trial(undisturbed)


@pytest.fixture
def three() -> Iterator[ClusterOfThree]:
    if reason := cannot_be():
        pytest.skip(f"there are no network namespaces here: {reason}")
    with ClusterOfThree() as cluster:
        yield cluster


@pytest.mark.slow
def test_three_nodes_of_slurm_give_the_same(
    sender: Sender, three: ClusterOfThree, line: CommandLine, undisturbed: list[dict[str, Any]]
) -> None:
    sender.target("three", "kind: slurm\ntime: 01:00:00\ncpus: 1\nnodes: 3")
    sender.call("submit", "small", "--on", "three", environment={"STAND_IN_NODES": three.nodes})
    assert sender.await_jobs(101) == ["0"]
    assert by_trial(line.results(sender.small)) == by_trial(undisturbed)
    assert not list((sender.jobs.parent / ".unroll").iterdir()), "the token goes with the job"


@pytest.mark.slow
def test_a_job_of_ray_survives_a_node_and_the_head(
    sender: Sender, three: ClusterOfThree, line: CommandLine, undisturbed: list[dict[str, Any]]
) -> None:
    """A study of 24 trials, of which the loss of a node, and then of the head, costs none and changes none."""
    secret = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
    sender.target("cluster", f"kind: ray\naddress: {three.dashboard}")
    three.start()

    said = sender.call("submit", "small", "seeds=12", "--on", "cluster", expect=2)
    assert said.startswith(f"error: {three.dashboard}: the Ray cluster must take the job"), "without its token"

    sender.call("submit", "small", "seeds=12", "--on", "cluster", environment=secret)
    wait_for(lambda: done(sender.small) >= 4)
    three.kill(2)
    wait_for(lambda: done(sender.small) >= 8)
    three.kill(0)
    time.sleep(5)
    before = done(sender.small)
    assert before < 24
    three.kill(1)
    three.start()
    sender.call("submit", "small", "seeds=12", "--on", "cluster", environment=secret)
    wait_for(lambda: (sender.small / "report" / "report.html").is_file())
    trials = by_trial(line.results(sender.small))
    assert len(trials) == 24
    assert {trial["status"] for trial in trials.values()} == {"completed"}
    assert {name: trials[name] for name in by_trial(undisturbed)} == by_trial(undisturbed)
