"""Run: Ray Tune and its in-process twin, the trainable, checkpoints, resume, preflight."""

from unroll.execution.runner import Observer, Runner, Summary, find_missing, run_plan

__all__ = ["Observer", "Runner", "Summary", "find_missing", "run_plan"]
