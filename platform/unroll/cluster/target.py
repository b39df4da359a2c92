"""What every target says: a small file that tells where a study is sent, and what it finds there."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from shlex import quote
from typing import Annotated

from pydantic import AfterValidator, Field

from unroll.cluster.submission import Submission
from unroll.study import Frozen

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
_DURATION = re.compile(r"(\d{1,3}-)?\d{1,3}:\d{2}:\d{2}")
_ONE_LINE = re.compile(r"[^\x00-\x1f\x7f\u2028\u2029]+")


def _absolute(text: str) -> str:
    path = PurePosixPath(text)
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError("must be an absolute path, the same on every node")
    return str(path)


def _one_line(text: str) -> str:
    if not _ONE_LINE.fullmatch(text):
        raise ValueError("must be one line of text")
    return text


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError("must be one word of letters, digits and ._:@-")
    return text


def _duration(text: str) -> str:
    if not _DURATION.fullmatch(text):
        raise ValueError("must be HH:MM:SS or DAYS-HH:MM:SS")
    return text


def _without_secrets(variables: dict[str, str]) -> dict[str, str]:
    for name in variables:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"must name variables, and {name!r} is no such name")
        if _SECRET.search(name):
            raise ValueError(f"must hold no secret such as {name}, which belongs into a file of the nodes")
    return variables


Line = Annotated[str, AfterValidator(_one_line)]
"""Text that stays one line of a script, whatever is in it."""
Folder = Annotated[Line, AfterValidator(_absolute)]
Word = Annotated[str, AfterValidator(_word)]
"""A name that no shell and no manifest can take for anything else."""
Duration = Annotated[str, AfterValidator(_duration)]
"""``HH:MM:SS`` or ``DAYS-HH:MM:SS``."""


class Target(Frozen):
    """A place to send studies to. Each way of sending is one subclass, in a file of its own in ``ways``."""

    results: Folder = Field(description="Folder that all nodes share: results of a study go to <results>/<study>.")
    project: Folder | None = Field(
        default=None, description="Where the project lies there; where it lies here, if left out."
    )
    setup: tuple[Line, ...] = Field(
        default=(), description="Shell lines before anything else: module load ..., source .../activate."
    )
    environment: Annotated[dict[str, Line], AfterValidator(_without_secrets)] = Field(
        default={}, description="Variables of the run. Secrets are refused."
    )

    @abstractmethod
    def render(self, submission: Submission) -> Mapping[str, str]:
        """The files that are sent: name -> text, in the order in which they are used. Nothing is touched."""

    @abstractmethod
    def send(self, submission: Submission, files: Mapping[str, str]) -> str:
        """Send what :meth:`render` gave.

        Returns:
            What the place calls it: a job's number, a name.

        Raises:
            UserError: the place refused, or the program that reaches it is not here.
        """

    @abstractmethod
    def cancel(self, handle: str) -> Sequence[str]:
        """The command that takes back what was sent and has not begun; none where nothing waits."""

    def shares(self, trials: int) -> int:  # noqa: ARG002
        """Into how many jobs without a driver the trials are divided; 0: one driver runs them all."""
        return 0


def begin(target: Target, submission: Submission) -> list[str]:
    """The first lines of every script: strict, private, in the project, with what the target asks for."""
    here = quote(target.project or submission.project)
    variables = [f"export {name}={quote(value)}" for name, value in target.environment.items()]
    return ["set -euo pipefail", "umask 077", f"cd {here}", *target.setup, *variables]
