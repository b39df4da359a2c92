"""Calls of wandb: quiet, without data about the machine, and with bounded waits."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unroll.tracking.deadline import within

if TYPE_CHECKING:
    import wandb

INIT_SECONDS = 20.0
FINISH_SECONDS = 10.0
GRACE_SECONDS = 5.0
"""wandb keeps its own deadlines; this much later we stop believing that it does."""
STEP = "trainer/global_step"
"""The x axis of every chart, as Lightning's logger names it."""
_SPELLINGS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def start_run(mode: Literal["offline", "online"], identity: Mapping[str, Any]) -> wandb.Run:
    """Open a run; ``identity`` is what ``wandb.init`` takes. A run id that exists already is continued.

    Raises:
        Exception: wandb's own, or TimeoutError.
    """
    # Read when the service process is started, which the first run does.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    Path(identity["dir"]).mkdir(parents=True, exist_ok=True)
    run = within(INIT_SECONDS + GRACE_SECONDS, lambda: _init(mode, identity))
    run.define_metric(STEP)
    # Otherwise W&B counts calls of log as steps, and an attempt that is resumed would count on from the first one's.
    run.define_metric("*", step_metric=STEP, step_sync=True)
    return run


def finish_run(run: wandb.Run, summary: Mapping[str, float | str], exit_code: int) -> None:
    """Write the summary and wait, within limits, until W&B has everything (offline: the service, which writes it).

    Raises:
        Exception: wandb's own, or TimeoutError. What was logged is on disk all the same.
    """

    def end() -> None:
        try:
            run.summary.update({key: _spelled(value) for key, value in summary.items()})
        finally:
            run.finish(exit_code=exit_code)

    within(FINISH_SECONDS + GRACE_SECONDS, end)


def close_mirror() -> None:
    """Let go of wandb's service process; call it when the process ends, not between trials. Bounded, never raises.

    A service that hangs is abandoned: it ends by itself once this process is gone.
    """
    if "wandb" not in sys.modules:
        return
    import wandb

    with suppress(Exception):
        within(GRACE_SECONDS, wandb.teardown)
    os.environ.pop("WANDB_SERVICE", None)  # else processes started later would look for a service that is gone


def _init(mode: Literal["offline", "online"], identity: Mapping[str, Any]) -> wandb.Run:
    import wandb

    wandb.setup(wandb.Settings(silent=True))  # the run's own settings come too late to silence all of it
    return wandb.init(mode=mode, resume="allow", reinit="create_new", settings=_quiet_settings(), **identity)


def _spelled(value: float | str) -> float | str:
    """NaN and infinities as wandb itself spells them in a history; in a summary it would turn them into nothing."""
    return value if isinstance(value, str) or math.isfinite(value) else _SPELLINGS[str(float(value))]


def _quiet_settings() -> wandb.Settings:
    import wandb

    return wandb.Settings(
        console="off",
        silent=True,
        disable_git=True,
        symlink=False,  # concurrent trials would fight for it
        x_save_requirements=False,
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_transaction_log_flush_interval=1,  # seconds that a kill may cost; wandb's default is 15
        init_timeout=INIT_SECONDS,
        finish_timeout=FINISH_SECONDS,
        finish_timeout_raises=True,
        stop_fn=lambda: None,  # a button at W&B would interrupt the main thread, which belongs to others
    )
