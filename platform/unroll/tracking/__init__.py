"""Mirror: Weights & Biases shows a study live, and never stalls or fails a trial.

The ledger is the record of truth; what stands at W&B is a copy for looking at. Nothing here imports wandb or
Lightning before a trial asks for it.
"""

from unroll.tracking.local import Destination, logs_by_run, synced_to, unsynced
from unroll.tracking.mirror import Mirror, Mode, mirror
from unroll.tracking.server import has_credentials, is_reachable
from unroll.tracking.service import close_mirror

__all__ = [
    "Destination",
    "Mirror",
    "Mode",
    "close_mirror",
    "has_credentials",
    "is_reachable",
    "logs_by_run",
    "mirror",
    "synced_to",
    "unsynced",
]
