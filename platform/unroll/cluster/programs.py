"""Run the program that reaches a place: ``sbatch``, ``kubectl``, ``ssh``."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

from unroll.contract import UserError

SECONDS = 60.0
"""Longest wait for an answer."""


def call(words: Sequence[str], *, advice: str, input: str = "") -> str:  # noqa: A002  (as in subprocess)
    """Run a program to its end.

    Args:
        words: the program and its arguments; no shell reads them.
        advice: what to do where it is not here.
        input: its standard input.

    Returns:
        What it printed.

    Raises:
        UserError: there is no such program here, it failed, or it did not answer in time.
    """
    if shutil.which(words[0]) is None:
        raise UserError(f"the program {words[0]} must be here", where=words[0], received="none", advice=advice)
    try:
        done = subprocess.run(  # noqa: S603
            list(words), input=input, capture_output=True, text=True, timeout=SECONDS, check=False, errors="replace"
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"{words[0]} must answer within {SECONDS:g} s", where=" ".join(words[:2])) from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise UserError(f"{words[0]} must accept what is sent", where=" ".join(words[:3]), received=said)
    return done.stdout.strip()
