"""One trial's run at W&B, opened and finished in bounded time whatever W&B does."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, final

from unroll.tracking import server
from unroll.tracking.deadline import within
from unroll.tracking.local import mark_synced

if TYPE_CHECKING:
    import pytorch_lightning as pl
    import wandb

Mode = Literal["offline", "online", "disabled"]

INIT_SECONDS = 8.0
FINISH_SECONDS = 10.0
GRACE_SECONDS = 5.0
"""wandb keeps its own deadlines; this much later we stop believing that it does."""
STEP = "trainer/global_step"
GOOD_ENDS = frozenset({"completed", "diverged", "stopped"})
_SPELLINGS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


@final
class Mirror:
    """One trial as W&B shows it. Made by :func:`mirror`; every method is safe to call whatever has happened."""

    def __init__(self, run: wandb.Run | None, *, online: bool = False, problem: str | None = None) -> None:
        self._run = run
        self._online = online
        self.problem = problem
        """One line about the first trouble; None while all is well."""

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
        run = self._run
        if run is None:
            return
        try:
            run.summary.update({**_spelled(summary), "status": status})
        except Exception as error:
            self._note(error)
        self.close(exit_code=0 if status in GOOD_ENDS else 1)

    def close(self, *, exit_code: int) -> None:
        """End the run as it is; the context manager does so for a trial that never came to ``finish``."""
        run, self._run = self._run, None
        if run is None:
            return
        try:
            within(FINISH_SECONDS + GRACE_SECONDS, lambda: run.finish(exit_code=exit_code))
            if self._online and self.problem is None:
                mark_synced(Path(run.settings.sync_dir))
        except Exception as error:
            server.mistrust()
            self._note(error)

    def _note(self, error: Exception) -> None:
        self.problem = self.problem or f"W&B: {type(error).__name__}: {error}".splitlines()[0]


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
        run_id: the trial's id; a later attempt at the same trial continues the same run.
        group: the study.
        job_type: the phase.
        name: what W&B shows.
        tags: searchable words.
        config: the trial's settings; no secret belongs here.
        folder: W&B makes its folder ``wandb`` in here.
    """
    identity = {"project": project, "entity": entity, "id": run_id, "group": group, "job_type": job_type, "name": name}
    opened = _open(mode, {**identity, "tags": list(tags), "config": dict(config), "dir": str(folder)})
    try:
        yield opened
    finally:
        opened.close(exit_code=1)


def close_mirror() -> None:
    """Let go of W&B's service process; call it when the process ends, not between trials. Bounded, never raises."""
    import wandb

    with suppress(Exception, SystemExit):  # wandb exits where its service failed
        within(GRACE_SECONDS, wandb.teardown)


def _open(mode: Mode, identity: dict[str, Any]) -> Mirror:
    if mode == "disabled":
        return Mirror(None)
    try:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        problem = _obstacle() if mode == "online" else None
        online = mode == "online" and problem is None
        return Mirror(_start("online" if online else "offline", identity), online=online, problem=problem)
    except Exception as error:
        failed = Mirror(None)
        failed._note(error)
        return failed


def _obstacle() -> str | None:
    if not server.has_credentials():
        return "W&B: no key is configured; this run is kept on disk"
    return None if server.is_reachable() else "W&B: not reachable; this run is kept on disk"


def _start(mode: Mode, identity: dict[str, Any]) -> wandb.Run:
    import wandb

    Path(identity["dir"]).mkdir(parents=True, exist_ok=True)
    settings = _quiet_settings()
    run = within(
        INIT_SECONDS + GRACE_SECONDS,
        lambda: wandb.init(mode=mode, resume="allow", reinit="create_new", settings=settings, **identity),
    )
    run.define_metric(STEP)
    run.define_metric("*", step_metric=STEP, step_sync=True)
    return run


def _spelled(summary: Mapping[str, float]) -> dict[str, float | str]:
    """NaN and infinities as W&B itself spells them in a history; in a summary it would turn them into nothing."""
    return {key: value if math.isfinite(value) else _SPELLINGS[str(value)] for key, value in summary.items()}


def _quiet_settings() -> wandb.Settings:
    """No word on the console, nothing about the machine, every second on disk, no wait without an end."""
    import wandb

    return wandb.Settings(
        console="off",
        silent=True,
        disable_git=True,
        x_save_requirements=False,
        symlink=False,
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_transaction_log_flush_interval=1,
        init_timeout=INIT_SECONDS,
        finish_timeout=FINISH_SECONDS,
        finish_timeout_raises=True,
        stop_fn=lambda: None,  # a button at W&B would interrupt the main thread, which belongs to others
    )
