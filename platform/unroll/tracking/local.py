"""What lies on disk only: runs that W&B has not confirmed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SYNCED = ".unroll-synced"
"""Marker in a run's folder: W&B has confirmed everything of this run. wandb's own ``.synced`` does not say that: it is
written whether or not the upload went well."""
HEADER_BYTES = 7
"""A log of this size, or less, holds wandb's header and no record: ``wandb sync`` stumbles over it."""
SET_ASIDE = "set_aside"
"""Folder in ``wandb/`` for logs that hold nothing."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A place for runs at W&B; what is empty is left open."""

    server: str = ""
    entity: str = ""
    project: str = ""

    def agrees(self, other: Destination) -> bool:
        """Whether both may be the same place."""
        pairs = ((self.server, other.server), (self.entity, other.entity), (self.project, other.project))
        return all(not ours or ours == theirs for ours, theirs in pairs)

    def __str__(self) -> str:
        return "/".join(filter(None, (self.server, self.entity, self.project)))


def mark_synced(run: Path, at: Destination | None = None) -> None:
    """Note that W&B has everything of this run.

    Args:
        run: the run's folder.
        at: where; None for wherever it was shown live.
    """
    fields = {"server": at.server, "entity": at.entity, "project": at.project} if at else {}
    (run / SYNCED).write_text(json.dumps(fields) if fields else "", encoding="utf-8")


def synced_to(run: Path) -> Destination | None:
    """Where W&B has confirmed this run; None where it has not."""
    try:
        text = (run / SYNCED).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        fields = json.loads(text or "{}")
        return Destination(*(str(fields.get(name, "")) for name in ("server", "entity", "project")))
    except (ValueError, AttributeError):
        return None


def logs_by_run(folder: Path) -> Mapping[str, tuple[Path, ...]]:
    """Run id -> its logs below ``folder``, the oldest first; also those that hold nothing."""
    # online runs are run-*, offline ones offline-run-*
    logs = sorted(
        (folder / "wandb").glob("*run-*/run-*.wandb"), key=lambda log: log.parent.name.removeprefix("offline-")
    )
    runs: dict[str, list[Path]] = {}
    for log in logs:
        runs.setdefault(log.stem.removeprefix("run-"), []).append(log)
    return {run_id: tuple(of_run) for run_id, of_run in runs.items()}


def is_empty(log: Path) -> bool:
    """Whether a log holds no record: its process was killed before it wrote one."""
    return log.stat().st_size <= HEADER_BYTES


def set_aside(run: Path) -> Path:
    """Move a run's folder to where nothing looks for runs; gives its new place."""
    place = run.parent / SET_ASIDE
    place.mkdir(exist_ok=True)
    to = next(to for to in _names(place / run.name) if not to.exists())
    run.rename(to)
    return to


def unsynced(folder: Path, *, apart: Collection[str] = ()) -> int:
    """How many runs (by run id: a retried trial is one run) are only on disk.

    Args:
        folder: the results folder.
        apart: runs that do not count.
    """
    return sum(
        any(not is_empty(log) and synced_to(log.parent) is None for log in logs)
        for run_id, logs in logs_by_run(folder).items()
        if run_id not in apart
    )


def _names(path: Path) -> Iterator[Path]:
    yield path
    number = 2
    while True:
        yield path.with_name(f"{path.name}-{number}")
        number += 1
