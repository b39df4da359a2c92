"""One allocation of SLURM: on several nodes Ray is started across them for the time of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Annotated, Literal

from pydantic import Field

from unroll.cluster.programs import call
from unroll.cluster.submission import Submission, line, script
from unroll.cluster.target import Duration, Line, Target, Word, begin

ADVICE = "submit from a login node of the SLURM cluster, or see what would be sent with --dry-run"
GRACE = 120
"""Seconds before its end at which a job is told, so that trials save their state."""


class Slurm(Target):
    """What every job of SLURM may ask for."""

    time: Duration = Field(description="Longest time of one job: HH:MM:SS or DAYS-HH:MM:SS.")
    partition: Word | None = Field(default=None, description="Partition; the cluster's default when left out.")
    account: Word | None = Field(default=None, description="Account that pays.")
    qos: Word | None = Field(default=None, description="Quality of service.")
    memory: Word | None = Field(default=None, description="Memory of a node (--mem), such as 64G.")
    directives: tuple[Annotated[Line, Field(pattern=r"^--[a-z]")], ...] = Field(
        default=(), description="Further options of sbatch, such as --constraint=a100."
    )

    def header(self, submission: Submission, options: Mapping[str, object]) -> list[str]:
        """The script's first lines, up to what it runs."""
        asked = {
            "job-name": submission.job,
            "time": self.time,
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "mem": self.memory,
            **options,
        }
        given = [f"#SBATCH --{name}={value}" for name, value in asked.items() if value is not None]
        return ["#!/usr/bin/env bash", *given, *(f"#SBATCH {directive}" for directive in self.directives)]

    def send(self, submission: Submission, files: Mapping[str, str]) -> str:  # noqa: ARG002
        """Hand the only script to ``sbatch``. Raises as the base says."""
        (text,) = files.values()
        return call(["sbatch", "--parsable"], advice=ADVICE, input=text).partition(";")[0]

    def cancel(self, handle: str) -> Sequence[str]:
        """See the base."""
        return ["scancel", "--state=PENDING", *handle.split()]


def told_in_time(submission: Submission, run: str) -> list[str]:
    """Lines that run a command to its end and, when the job is told to leave, ask the run to save its state."""
    stop = line(["unroll", "stop", str(submission.results)])
    return [
        f"trap '{stop} || true' TERM",
        f"{run} &",
        "# a signal ends `wait`, not the run: it is waited for until it has gone",
        "while true; do wait $! && code=0 || code=$?; kill -0 $! 2> /dev/null || break; done",
        "exit $code",
    ]


ACROSS = """
# A Ray of this job's own: with a token that only this account can read, and files that go with the job.
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
head="$first:$((20000 + SLURM_JOB_ID % 20000))"
export RAY_TMPDIR="/tmp/unroll-$SLURM_JOB_ID"
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$HOME/.unroll/ray-$SLURM_JOB_ID.token"
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=600 RAY_USAGE_STATS_ENABLED=0
mkdir -p "${RAY_AUTH_TOKEN_PATH%/*}"
od -An -N32 -tx1 /dev/urandom | tr -d ' \\n' > "$RAY_AUTH_TOKEN_PATH"
trap 'rm -f "$RAY_AUTH_TOKEN_PATH"; srun rm -rf "$RAY_TMPDIR" || true' EXIT
"""


class Way(Slurm):
    """``kind: slurm``."""

    kind: Literal["slurm"]
    nodes: int = Field(default=1, ge=1, le=10_000, description="Nodes of the allocation.")
    cpus: int = Field(ge=1, le=100_000, description="CPU cores of each node that trials may use.")
    gpus: int = Field(default=0, ge=0, le=64, description="GPUs of each node.")

    def render(self, submission: Submission) -> Mapping[str, str]:
        """One script for ``sbatch``."""
        options = {
            "nodes": self.nodes,
            "ntasks-per-node": 1,
            "cpus-per-task": self.cpus,
            "gpus-per-node": self.gpus or None,
            "signal": f"B:TERM@{GRACE}",
            "output": submission.log,
            "open-mode": "append",
        }
        if self.nodes == 1:
            top = [*self.header(submission, options), "#SBATCH --requeue"]
            run = told_in_time(submission, f"srun {line(submission.command())}")
            return {"job.sbatch": script(top, begin(self, submission), run)}
        # `ray symmetric-run` ends every Ray of this account on its nodes, so no other job may be there.
        start = f"--num-cpus {self.cpus}" + (f" --num-gpus {self.gpus}" if self.gpus else "")
        ray = f'srun --wait=30 ray symmetric-run --address "$head" --min-nodes "$SLURM_JOB_NUM_NODES" {start} --'
        top = [*self.header(submission, {**options, "output": submission.folder / "ray.log"}), "#SBATCH --exclusive"]
        # Ray 2.60 leaves with 1 whatever the driver left with: its own process loses the Ray that it has just ended.
        code = quote(str(submission.folder / "exit"))
        command = line(submission.command(), address='"$0"')
        driver = f"{command} > >(tee -a {quote(str(submission.log))}) 2>&1; echo $? > {code}"
        *lines, _ = told_in_time(submission, f'{ray} bash -c {quote(driver)} "$head"')
        run = [f"echo 1 > {code}", *lines, f"exit $(cat {code})"]
        return {"job.sbatch": script([*top, "#SBATCH --requeue"], begin(self, submission), ACROSS, run)}
