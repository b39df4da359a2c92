"""Every private part of Lightning that the platform uses; the package pins Lightning's version.

Each name has a test (``tests/execution/test_internals.py``) that fails when a version of Lightning no longer has it.
"""

from __future__ import annotations

import pytorch_lightning as pl


def restore_loader(trainer: pl.Trainer) -> None:
    """Put the training loader where the checkpoint was taken, also between two epochs; call it when training starts.

    Lightning 2.6 leaves a loader's state unread there, since no epoch is interrupted, and the first order would come
    again. The epoch that follows asks the loader for its batches anew.
    """
    loop = trainer.fit_loop
    if loop._combined_loader_states_to_load and loop._combined_loader is not None:
        loop._combined_loader._load_state_dicts(loop._combined_loader_states_to_load)
        loop._combined_loader_states_to_load = []
