"""One trial's run at W&B, opened and finished in bounded time whatever W&B does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

from unroll.tracking import server, service
from unroll.tracking.local import mark_synced

if TYPE_CHECKING:
    import pytorch_lightning as pl
    import wandb

Mode = Literal["offline", "online", "disabled"]

LONGEST_TAG = 64
"""Characters; W&B refuses a run with a longer tag, or with an empty one."""
GOOD_ENDS = frozenset({"completed", "diverged", "stopped"})


@final
class Mirror:
    """One trial as W&B shows it. Made by :func:`mirror`; every method is safe to call whatever has happened."""

    def __init__(self, run: wandb.Run | None, *, online: bool = False, problem: str | None = None) -> None:
        self._run = run
        self._online = online
        self.problem = problem
        """One line about the first trouble; None while all is well."""

    @property
    def is_open(self) -> bool:
        """Whether there is a run to log to."""
        return self._run is not None

    def loggers(self) -> list[pl.loggers.Logger]:
        """Loggers for a Lightning trainer: one, or none where there is no run."""
        if self._run is None:
            return []
        from unroll.tracking.guarded import GuardedLogger

        return [GuardedLogger(run=self._run, give_up=self._note)]

    def finish(self, status: str, summary: Mapping[str, float]) -> None:
        """End the run with final metrics by full name; "completed", "diverged" and "stopped" exit with 0.

        Nothing happens when the run has ended already.
        """
        self._end({**summary, "status": status}, exit_code=0 if status in GOOD_ENDS else 1)

    def close(self) -> None:
        """End the run of a trial that never came to ``finish``, with exit code 1."""
        self._end({}, exit_code=1)

    def _end(self, summary: Mapping[str, float | str], *, exit_code: int) -> None:
        run, self._run = self._run, None  # before anything can fail: a run is ended once
        if run is None:
            return
        try:
            service.finish_run(run, summary, exit_code)
        except Exception as error:
            self._note(error)
            _reset_service(self._online)
        if self._online and self.problem is None:
            # Only after a finish that W&B has confirmed: everything else counts as being on disk alone.
            mark_synced(Path(run.settings.sync_dir))

    def _note(self, error: Exception) -> None:
        self.problem = self.problem or _describe(error)


@contextmanager
def mirror(
    *,
    mode: Mode,
    project: str,
    entity: str | None,
    run_id: str,
    group: str,
    job_type: str,
    name: str,
    tags: Sequence[str],
    config: Mapping[str, Any],
    folder: Path,
) -> Iterator[Mirror]:
    """Show one trial at W&B while the block runs. Never raises, never waits long.

    Args:
        mode: "online" falls back to "offline" for this trial where W&B does not answer or no key is configured.
        project: W&B project.
        entity: W&B user or team; None for the key's own.
        run_id: the trial's id; a later attempt at the same trial adds to the same run. Steps that a killed attempt
            had logged after its last checkpoint are there twice then, with the same numbers.
        group: the study.
        job_type: the phase.
        name: what W&B shows.
        tags: searchable words.
        config: the trial's settings; no secret belongs here.
        folder: W&B makes its folder ``wandb`` in here.
    """
    identity = {
        "project": project,
        "entity": entity,
        "id": run_id,
        "group": group,
        "job_type": job_type,
        "name": name,
        "tags": [tag[:LONGEST_TAG] for tag in tags if tag],
        "config": dict(config),
        "dir": str(folder),
    }
    opened = _open(mode, identity)
    try:
        yield opened
    finally:
        opened.close()


def _open(mode: Mode, identity: Mapping[str, Any]) -> Mirror:
    if mode == "disabled":
        return Mirror(None)
    first = _attempt(mode, identity)
    if first.is_open:
        return first
    second = _attempt("offline", identity)  # what is on disk can be sent later
    second.problem = first.problem
    return second


def _attempt(mode: Literal["offline", "online"], identity: Mapping[str, Any]) -> Mirror:
    online = mode == "online"
    try:
        problem = server.find_obstacle() if online else None
        run = service.start_run(mode, identity) if problem is None else None
    except Exception as error:
        _reset_service(online)
        run, problem = None, _describe(error)
    return Mirror(run, online=online, problem=problem)


def _reset_service(online: bool) -> None:
    """After trouble the next run gets a new service process, and no online one for a while."""
    service.close_mirror()
    if online:
        with suppress(Exception):  # what W&B's own settings refuse was reported already
            server.mark_unreachable()


def _describe(error: Exception) -> str:
    return f"W&B: {type(error).__name__}: {error}".splitlines()[0]
