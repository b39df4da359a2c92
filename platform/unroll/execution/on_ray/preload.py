"""What every trial's process needs, imported before there is a trial: Ray's workers import this module when they start.

wandb's public interface would be imported by the first ``wandb.init``. It asks Python about its own source once per
class, and each time all modules that there are by then are looked through: so it comes before torch and its thousands.
"""

from unroll.execution.importing import gc_paused

with gc_paused():
    import wandb.apis.public  # noqa: F401

    import unroll.execution.on_ray.trainable
    import unroll.tracking.guarded  # noqa: F401
