"""A job array of SLURM without Ray, for many small trials: each job runs its share, and a last one reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from unroll.cluster.programs import call
from unroll.cluster.submission import Submission, line, script
from unroll.cluster.target import begin
from unroll.cluster.ways.slurm import ADVICE, GRACE, Slurm


class Way(Slurm):
    """``kind: slurm_array``."""

    kind: Literal["slurm_array"]
    trials_per_job: int = Field(default=10, ge=1, le=100_000, description="Trials of one job, one after another.")
    at_once: int | None = Field(default=None, ge=1, le=100_000, description="Most jobs that run at the same time.")

    def shares(self, trials: int) -> int:
        """As many jobs as the trials fill."""
        return math.ceil(trials / self.trials_per_job)

    def render(self, submission: Submission) -> Mapping[str, str]:
        """The array, and the job that comes after it."""
        limit = f"%{self.at_once}" if self.at_once else ""
        devices = {
            "cpus-per-task": math.ceil(submission.resources.cpus),
            "gpus": math.ceil(submission.resources.gpus) or None,
            "signal": f"B:TERM@{GRACE}",
            "open-mode": "append",
        }
        array = {"array": f"0-{submission.shares - 1}{limit}", "output": f"{submission.folder}/%a.log", **devices}
        share = submission.command("--runner", "inline", "--no-report")
        last = submission.command("--runner", "inline")
        one = f"exec {line(share, share=f'{submission.name}/$SLURM_ARRAY_TASK_ID')}"
        report = {"output": submission.log, **devices}
        begun = begin(self, submission)
        what = "# what is left, further looks among it, and the report"
        return {
            "array.sbatch": script([*self.header(submission, array), "#SBATCH --requeue"], begun, one),
            "last.sbatch": script(
                self.header(submission, report),
                begun,
                what,
                f"exec {line(last)}",
            ),
        }

    def send(self, submission: Submission, files: Mapping[str, str]) -> str:  # noqa: ARG002
        """Hand both scripts to ``sbatch``. Raises as the base says."""
        array, last = files.values()
        first = call(["sbatch", "--parsable"], advice=ADVICE, input=array).partition(";")[0]
        after = ["sbatch", "--parsable", f"--dependency=afterany:{first}"]
        return f"{first} {call(after, advice=ADVICE, input=last).partition(';')[0]}"
