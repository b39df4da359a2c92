"""A Ray cluster that runs: through Ray Jobs, so that the driver lives there and this machine may be switched off."""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from unroll.cluster.submission import Submission, line, logged, script
from unroll.cluster.target import Line, Target
from unroll.contract import UserError

SHIPPED = ("pyproject.toml", "platform", "tasks", "studies")
"""Of the project, what travels to the cluster; never results, data or hidden files."""
LEFT_HERE = ("__pycache__", ".*", "*.pack", "*.png")


def _url(text: str) -> str:
    found = urlsplit(text)
    if found.scheme not in ("http", "https") or not found.hostname or found.username or found.query or found.fragment:
        raise ValueError("must be the address of Ray's dashboard: http://HOST:8265")
    return text


class Way(Target):
    """``kind: ray``."""

    kind: Literal["ray"]
    address: Annotated[Line, AfterValidator(_url)] = Field(
        description="Ray's dashboard, where jobs are handed in: http://HOST:8265."
    )
    concurrency: int | None = Field(default=None, ge=1, description="Most trials at a time.")

    def render(self, submission: Submission) -> Mapping[str, str]:
        """What is handed to Ray's Jobs API, without the project's code."""
        options = ["--concurrency", str(self.concurrency)] if self.concurrency else []
        # The project travels as the job's working folder; the code in it is what runs, whatever is installed there.
        run = line(["python", "-m", *submission.command("--address", "auto", *options)])
        here = 'export PYTHONPATH="$PWD/platform"'
        made = f"mkdir -p {shlex.quote(str(submission.folder))}"
        text = script("set -euo pipefail", "umask 077", here, list(self.setup), made, logged(run, submission))
        job = {
            "submission_id": submission.job,
            "entrypoint": f"bash -c {shlex.quote(text)}",
            "runtime_env": {"env_vars": dict(self.environment)},
            "metadata": {"study": submission.study, "results": str(submission.results)},
        }
        return {"job.json": json.dumps(job, indent=2, ensure_ascii=False) + "\n"}

    def send(self, submission: Submission, files: Mapping[str, str]) -> str:
        """Hand it to the cluster, with the project's code. Raises as the base says."""
        from ray.exceptions import RayError

        from unroll.ray_internals import job_client

        job = json.loads(files["job.json"])
        with tempfile.TemporaryDirectory(prefix="unroll-submit-") as folder:
            for name in SHIPPED:
                _copy(Path(submission.project, name), Path(folder, name))
            job["runtime_env"]["working_dir"] = folder
            try:
                handle = job_client(self.address).submit_job(**job)
            except (
                RayError,
                OSError,
                RuntimeError,
                ValueError,
            ) as error:  # of Ray, HTTP, the cluster
                raise refused(self.address, error) from error
        return str(handle)

    def cancel(self, handle: str) -> Sequence[str]:
        """See the base."""
        return ["ray", "job", "stop", "--address", self.address, handle]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*LEFT_HERE))
    elif source.is_file():
        shutil.copy(source, target)


def refused(address: str, error: Exception) -> UserError:
    """Ray's own words in one line."""
    text = str(error).strip() or type(error).__name__
    return UserError(
        "the Ray cluster must take the job",
        where=address,
        received=text.splitlines()[0][:300],
        advice="does `ray job list --address ...` work from here? a cluster with tokens wants RAY_AUTH_MODE=token",
    )
