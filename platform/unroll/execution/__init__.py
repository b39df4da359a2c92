"""Run: Ray Tune and its in-process twin, the trainable, checkpoints, resume, preflight."""
