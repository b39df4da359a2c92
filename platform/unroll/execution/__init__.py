"""Run: Ray Tune and its in-process twin, the trainable, checkpoints, resume, preflight."""

from unroll.execution.job_queue import counted_trials, find_missing
from unroll.execution.runner import Observer, Runner, Summary, run_plan
from unroll.execution.time_limit import TimeLimit, trial_seconds

__all__ = ["Observer", "Runner", "Summary", "TimeLimit", "counted_trials", "find_missing", "run_plan", "trial_seconds"]
