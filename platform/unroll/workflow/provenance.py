"""Where a run's results come from: the code, the versions, the machine, the command."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unroll.ledger import RunRecord

PACKAGES = ("unroll", "torch", "pytorch-lightning", "ray", "wandb", "polars", "numpy", "pydantic")
CODE = ("platform", "tasks")
"""Folders of code: a file in them that git does not know yet makes a run's code dirty."""
COMPUTED = (*CODE, "studies")
"""Folders that decide what is computed: a change to a file that git knows in them makes a run's code dirty.

A study that is not committed yet is no such change: the ledger holds the whole plan."""


def begin_record(command: list[str], *, planned: int, done_before: int) -> RunRecord:
    """What is known of a run before it starts, and all that is ever known of one that is killed.

    Args:
        command: the command line that asks for it.
        planned: trials of the plan.
        done_before: those of them that this run leaves alone.
    """
    from unroll.ledger import RunRecord
    from unroll.study import project_root

    commit, dirty = git_state(project_root())
    return RunRecord(
        started=now(),
        command=command,
        git_commit=commit,
        git_dirty=dirty,
        versions=versions(),
        hardware=hardware(),
        planned=planned,
        done_before=done_before,
    )


def now() -> str:
    """The present time: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def git_state(folder: Path) -> tuple[str, bool | None]:
    """Commit of the repository around ``folder`` and whether its code differs; ("", None) where there is none."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return "", None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", *COMPUTED)
    added = _git(folder, "status", "--porcelain", "--", *CODE)
    return commit, None if changed is None or added is None else bool(changed or added)


def _git(folder: Path, *words: str) -> str | None:
    program = shutil.which("git")
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603  (fixed words)
            # Without optional locks: `git status` would refresh the index, beside whatever else uses the repository.
            [program, "--no-optional-locks", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
    except (subprocess.SubprocessError, OSError):
        return None
    return done.stdout.strip()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers may depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, str | int | float]:
    """The driver's machine; what a trial ran on stands in its outcome."""
    from unroll.execution.trial.process import processor

    found: dict[str, str | int | float] = {
        "host": socket.gethostname(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count() or 0,
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found["memory_gb"] = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    return found | _gpus()


def _gpus() -> dict[str, str | int | float]:
    import torch

    if not torch.cuda.is_available():
        return {}
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {"gpus": len(names), "gpu": ", ".join(sorted(set(names)))}
