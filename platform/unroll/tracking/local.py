"""What lies on disk only: runs that W&B has not confirmed."""

from __future__ import annotations

import shlex
from pathlib import Path

SYNCED = ".unroll-synced"
"""Marker that a mirror leaves in a run's folder once W&B has confirmed the run's end."""
HEADER_BYTES = 7
"""A log of this size holds wandb's header and no record: ``wandb sync`` stumbles over it."""


def mark_synced(run: Path) -> None:
    """Note that W&B has everything of this run."""
    (run / SYNCED).touch()


def unsynced_runs(folder: Path) -> list[Path]:
    """Folders of the runs below ``folder`` that are only here, oldest first; runs that hold nothing are left out."""
    # online runs are run-*, offline ones offline-run-*
    logs = (log for log in (folder / "wandb").glob("*run-*/run-*.wandb") if log.stat().st_size > HEADER_BYTES)
    return sorted(
        {log.parent for log in logs if not _is_synced(log)}, key=lambda run: run.name.removeprefix("offline-")
    )


def unsynced(folder: Path) -> int:
    """How many runs (by run id: a retried trial is one run) are only on disk."""
    return len({log.stem for run in unsynced_runs(folder) for log in run.glob("run-*.wandb")})


def sync_command(folder: Path) -> str:
    """The command that sends them, "" where there are none. Attempts at one trial are sent in their order.

    It is short where a pattern of the shell means exactly these runs; else each has a line of its own.
    """
    runs = unsynced_runs(folder)
    if len(runs) <= 1:
        return shlex.join(["wandb", "sync", str(runs[0])]) if runs else ""
    for pattern in ("offline-run-*", "run-*"):
        if set((folder / "wandb").glob(pattern)) == set(runs):
            return f"wandb sync {shlex.quote(str(folder / 'wandb'))}/{pattern}"
    return " \\\n  ".join(["wandb sync", *(shlex.quote(str(run)) for run in runs)])


def _is_synced(log: Path) -> bool:
    return (log.parent / SYNCED).exists() or log.with_name(f"{log.name}.synced").exists()
