"""Ray Tune's scheduler of a study: all trials in their order, of which those of a tuning may be ended early."""

from __future__ import annotations

from typing import Any

from ray.tune.schedulers import FIFOScheduler

from unroll.execution.halving import Halving
from unroll.execution.on_ray.trainable import WORK
from unroll.study.job import Job


class TuneArms(FIFOScheduler):  # type: ignore[misc]  # Ray is untyped to us
    """Passes every validation of a tuning's trial on to who judges it.

    Args:
        halving: who does.
    """

    def __init__(self, halving: Halving) -> None:
        super().__init__()
        self._halving: Halving | None = halving
        self._jobs: dict[str, Job] = {}

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:  # noqa: ARG002
        """Whether a trial goes on."""
        if trial.trial_id not in self._jobs:
            self._jobs[trial.trial_id] = Job.model_validate_json(trial.config[WORK]["job"])
        job = self._jobs[trial.trial_id]
        if self._halving is None or job.trial.scheduler is None:
            return str(self.CONTINUE)
        ended = self._halving.end(job, epoch=result["epoch"], step=result["optimizer_steps"], metrics=result)
        return str(self.STOP if ended else self.CONTINUE)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_halving": None, "_jobs": {}}
