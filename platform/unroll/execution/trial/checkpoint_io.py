"""Lightning's checkpoints, kept by the ledger: captured at a batch's end, committed once its log rows are out."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from pytorch_lightning.plugins.io import CheckpointIO

if TYPE_CHECKING:
    from unroll.ledger.checkpoints import CheckpointStore

_HEADER = struct.Struct(">8sQ16s")  # magic, place in the history, digest of the source files
_MAGIC = b"UNROLL@2"


class Found(NamedTuple):
    """A checkpoint to go on from."""

    step: int
    place: int | None
    """Place in the history up to which its rows were written; None in checkpoints of older versions."""


class LedgerCheckpointIO(CheckpointIO):
    """Serialises into memory; :meth:`commit` makes the last capture durable.

    Lightning hands out a batch's log rows only after the hooks in which a checkpoint can be taken. Between capture and
    commit the caller writes those rows, so that a checkpoint never stands without the history before it, and passes
    their place, which is kept with the state: a resume logs anew what was logged after it, also at the same step.

    Args:
        store: where the checkpoints lie.
        sources: digest of the source files that run (``Job.sources``): what others captured is not gone on from.
        fence: called before one is written; raises if that may not be.
    """

    def __init__(self, store: CheckpointStore, *, sources: str, fence: Callable[[], None]) -> None:
        self.store, self.sources, self._fence = store, sources, fence
        self._captured: tuple[int, bytes] | None = None
        self._found: bytes | None = None

    def find(self) -> Found | None:
        """The newest undamaged checkpoint, which a load then gives, whatever happens on disk meanwhile.

        None where there is none, or where other source files captured it: half of a trial would be theirs.
        """
        self._found = None
        if (found := self.store.load()) is None:
            return None
        step, data = found
        place, sources, state = None, "", data
        if data.startswith(_MAGIC):
            _, place, digest = _HEADER.unpack_from(data)
            sources, state = digest.rstrip(b"\0").decode("ascii", "replace"), data[_HEADER.size :]
        if sources and self.sources and sources != self.sources:
            return None
        self._found = state
        return Found(step, place)

    def peek(self) -> dict[str, Any]:
        """State of each callback in what :meth:`find` found."""
        return dict(self._read("cpu")["callbacks"])

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:  # noqa: ARG002
        """Capture the state; nothing is on disk before :meth:`commit`."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        self._captured = (int(checkpoint["global_step"]), buffer.getvalue())

    @property
    def captured_step(self) -> int | None:
        """Optimizer step of a capture that waits for its commit."""
        return self._captured[0] if self._captured else None

    def commit(self, *, place: int) -> None:
        """Write the captured state durably; the one before it is kept.

        Args:
            place: where the history stands, see :meth:`unroll.ledger.TrialRecords.append_history`.
        """
        if self._captured:
            step, data = self._captured
            self._fence()
            self.store.save(_HEADER.pack(_MAGIC, place, self.sources.encode()) + data, step=step)
            self._captured = None

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = None) -> dict[str, Any]:  # noqa: ARG002
        """Give what :meth:`find` found; only tensors and plain types are accepted, never pickled code.

        Raises:
            FileNotFoundError: nothing was found.
        """
        state, self._found = self._read(map_location), None
        return state

    def _read(self, map_location: Any) -> dict[str, Any]:
        if self._found is None:
            raise FileNotFoundError("the trial has no readable checkpoint")
        state: dict[str, Any] = torch.load(io.BytesIO(self._found), map_location=map_location, weights_only=True)
        return state

    def remove_checkpoint(self, path: Any) -> None:  # noqa: ARG002
        """Forget every checkpoint of the trial."""
        self.store.clear()
