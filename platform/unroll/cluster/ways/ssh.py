"""Machines that one has: Ray is started across them over ssh for the time of the run, the first one drives."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from unroll.cluster.programs import call
from unroll.cluster.submission import Submission, line, script
from unroll.cluster.target import Target, Word, begin

ADVICE = "install an ssh client, or run the script by hand on each machine (see --dry-run)"


def _some(hosts: tuple[str, ...]) -> tuple[str, ...]:
    if not hosts:
        raise ValueError("must name a machine")
    return hosts


class Way(Target):
    """``kind: ssh``."""

    kind: Literal["ssh"]
    hosts: Annotated[tuple[Word, ...], AfterValidator(_some)] = Field(
        description="Machines, by the names under which they know each other; [USER@]HOST."
    )
    port: int = Field(default=26379, ge=1024, le=65535, description="Port of the head for the other machines.")
    cpus: int | None = Field(default=None, ge=1, description="CPU cores of each; all that it has when left out.")
    gpus: int | None = Field(default=None, ge=0, description="GPUs of each; all that it has when left out.")

    def render(self, submission: Submission) -> Mapping[str, str]:
        """One script, which every machine runs."""
        head = f"{self.hosts[0].rpartition('@')[2]}:{self.port}"
        token = shlex.quote(str(submission.folder / "ray.token"))
        if len(self.hosts) == 1:
            run = [f"exec {line(submission.command())}"]
        else:
            given = [("--num-cpus", self.cpus), ("--num-gpus", self.gpus)]
            start = [word for name, value in given if value is not None for word in (name, str(value))]
            words = ["ray", "symmetric-run", "--address", head, "--min-nodes", str(len(self.hosts)), *start]
            driver = submission.command("--address", head)
            run = [
                f"export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH={token}",
                f'export RAY_TMPDIR="/tmp/unroll-$UID-{submission.name}"',
                "export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=600 RAY_USAGE_STATS_ENABLED=0",
                f"exec {line(words)} -- {line(driver)}",
            ]
        return {"node.sh": script("#!/usr/bin/env bash", begin(self, submission), run)}

    def send(self, submission: Submission, files: Mapping[str, str]) -> str:
        """Put the script into the results folder, through the first machine, and start it on all of them."""
        folder, log = shlex.quote(str(submission.folder)), shlex.quote(str(submission.log))
        first = f"umask 077; mkdir -p {folder}; cat > {folder}/node.sh; chmod 700 {folder}/node.sh; "
        token = f"od -An -N32 -tx1 /dev/urandom | tr -d ' \\n' > {folder}/ray.token"
        call(_to(self.hosts[0], first + token), advice=ADVICE, input=files["node.sh"])
        for number, host in enumerate(self.hosts):
            output = log if number == 0 else f"{folder}/{number}.log"
            call(_to(host, f"setsid nohup {folder}/node.sh > {output} 2>&1 < /dev/null &"), advice=ADVICE)
        return self.hosts[0]

    def cancel(self, handle: str) -> Sequence[str]:  # noqa: ARG002
        """Nothing waits here: what was sent has begun."""
        return ()


def _to(host: str, command: str) -> list[str]:
    """Never asks for a password: nobody is there to answer."""
    return ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", host, command]
