"""What is sent: a study with its overrides, to be run into a results folder."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from unroll.study import Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One ``unroll submit``."""

    study: str
    overrides: tuple[str, ...]
    name: str
    """Numbers the submissions of a results folder: ``0001``."""
    mark: str
    """Tells jobs of other results folders apart that have the same name."""
    results: PurePosixPath
    """The study's results folder, on the nodes."""
    project: str
    """Where the project lies here."""
    resources: Resources
    """Of one trial."""
    shares: int = 0
    """Jobs that the trials are divided into; 0: one driver runs them all."""

    @property
    def job(self) -> str:
        """A name for the place's own listing."""
        return f"unroll-{self.study[:40]}-{self.name}-{self.mark}".replace("_", "-").lower()

    @property
    def folder(self) -> PurePosixPath:
        """Where scripts and output of this submission lie, in the results folder."""
        return self.results / "submissions" / self.name

    @property
    def log(self) -> PurePosixPath:
        """What the driver prints."""
        return self.folder / "driver.log"

    def command(self, *options: str) -> list[str]:
        """The words of ``unroll run`` there."""
        return ["unroll", "run", self.study, *self.overrides, "--results", str(self.results), *options]


def logged(run: str, submission: Submission) -> str:
    """A line of bash that runs a command in the shell's place, so that signals reach it; its output goes both ways."""
    return f"exec {run} > >(tee -a {shlex.quote(str(submission.log))}) 2>&1"


def line(words: Sequence[str], **raw: str) -> str:
    """One line of a shell.

    Args:
        words: quoted.
        raw: option -> its value as the shell shall read it (a variable), appended unquoted.
    """
    return " ".join([shlex.join(words), *(f"--{name} {value}" for name, value in raw.items())])


def script(*parts: Sequence[str] | str) -> str:
    """The text of a script; a part is lines, or a text of some."""
    return "\n".join(part.rstrip("\n") if isinstance(part, str) else "\n".join(part) for part in parts) + "\n"
