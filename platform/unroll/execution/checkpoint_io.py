"""Lightning's checkpoints, kept by the ledger: captured at a batch's end, committed once its log rows are out."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import torch
from pytorch_lightning.plugins.io import CheckpointIO

if TYPE_CHECKING:
    from unroll.ledger.checkpoints import CheckpointStore


class LedgerCheckpointIO(CheckpointIO):
    """Serialises into memory; :meth:`commit` makes the last capture durable.

    Lightning hands out a batch's log rows only after the hooks in which a checkpoint can be taken. Between capture and
    commit the caller writes those rows, so that a checkpoint never stands without the history before it.
    """

    def __init__(self, store: CheckpointStore) -> None:
        self.store = store
        self._captured: tuple[int, bytes] | None = None
        self._found: bytes | None = None

    def find(self) -> int | None:
        """Step of the newest undamaged checkpoint, which a load then gives, whatever happens on disk meanwhile."""
        found = self.store.load()
        self._found = found[1] if found else None
        return found[0] if found else None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:  # noqa: ARG002
        """Capture the state; nothing is on disk before :meth:`commit`."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        self._captured = (int(checkpoint["global_step"]), buffer.getvalue())

    @property
    def captured_step(self) -> int | None:
        """Optimizer step of a capture that waits for its commit."""
        return self._captured[0] if self._captured else None

    def commit(self) -> None:
        """Write the captured state durably; the one before it is kept."""
        if self._captured:
            step, data = self._captured
            self.store.save(data, step=step)
            self._captured = None

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = None) -> dict[str, Any]:  # noqa: ARG002
        """Give what :meth:`find` found; only tensors and plain types are accepted, never pickled code.

        Raises:
            FileNotFoundError: nothing was found.
        """
        if self._found is None:
            raise FileNotFoundError("the trial has no readable checkpoint")
        data, self._found = self._found, None
        state: dict[str, Any] = torch.load(io.BytesIO(data), map_location=map_location, weights_only=True)
        return state

    def remove_checkpoint(self, path: Any) -> None:  # noqa: ARG002
        """Forget every checkpoint of the trial."""
        self.store.clear()
