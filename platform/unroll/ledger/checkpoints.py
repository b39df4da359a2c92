"""Checkpoints of one trial: one checksummed file each, the last two are kept."""

from __future__ import annotations

import hashlib
import logging
import struct
from collections.abc import Callable
from pathlib import Path

from unroll.ledger.files import remove, sweep, write_atomic
from unroll.ledger.records import DamagedRecord, UnknownFormat, read_content

_HEADER = struct.Struct(">8sIQQ32s")  # magic, format, step, length of the data, SHA-256
_MAGIC = b"UNROLLCK"
_FORMAT = 1
_KEPT = 2
_SUFFIX = ".checkpoint"
_log = logging.getLogger(__name__)


class CheckpointStore:
    """The checkpoints in one folder. What they hold is not looked at, let alone unpickled.

    Args:
        folder: where they lie; made at the first ``save``.
        on_damage: called with every checkpoint that ``load`` passes over as damaged; None logs a warning.
    """

    def __init__(self, folder: Path, *, on_damage: Callable[[DamagedRecord], None] | None = None) -> None:
        self._folder = folder
        self._on_damage = on_damage or (lambda damage: _log.warning("%s", damage))

    def save(self, data: bytes, *, step: int) -> None:
        """Keep ``data`` as the checkpoint of ``step``, durably, and the one before it; forget all others.

        Raises:
            StorageError: the disk refused; the checkpoints before are untouched.
        """
        header = _HEADER.pack(_MAGIC, _FORMAT, step, len(data), _digest(data, step))
        write_atomic(self._folder / f"{step:010}{_SUFFIX}", header + data)
        sweep(self._folder)
        steps = self._steps()
        kept = sorted(at for at in steps if at <= step)[-_KEPT:]
        for at, path in steps.items():
            if at not in kept and not path.is_dir():
                remove(path)

    def load(self) -> tuple[int, bytes] | None:
        """(step, data) of the newest checkpoint that can be read and is whole; None if there is none.

        Raises:
            UnknownFormat: a newer Unroll wrote it.
            StorageError: the disk does not answer.
        """
        for step, path in sorted(self._steps().items(), reverse=True):
            try:
                return step, _unseal(path, step)
            except FileNotFoundError:
                continue
            except DamagedRecord as damage:
                self._on_damage(damage)
        return None

    def clear(self) -> None:
        """Forget all checkpoints.

        Raises:
            StorageError: the disk refused.
        """
        sweep(self._folder)
        for path in self._steps().values():
            if not path.is_dir():
                remove(path)

    def _steps(self) -> dict[int, Path]:
        try:
            paths = [path for path in self._folder.iterdir() if path.suffix == _SUFFIX]
        except FileNotFoundError:
            return {}
        return {int(path.stem): path for path in paths if path.stem.isascii() and path.stem.isdigit()}


def _digest(data: bytes, step: int) -> bytes:
    digest = hashlib.sha256(struct.pack(">IQQ", _FORMAT, step, len(data)))
    digest.update(data)
    return digest.digest()


def _unseal(path: Path, step: int) -> bytes:
    sealed = read_content(path)
    if len(sealed) < _HEADER.size:
        raise DamagedRecord(path, f"{len(sealed)} bytes, less than the header of a checkpoint")
    magic, version, at, length, checksum = _HEADER.unpack_from(sealed)
    data = sealed[_HEADER.size :]
    whole = magic == _MAGIC and at == step and length == len(data) and checksum == _digest(data, step)
    if magic == _MAGIC and version > _FORMAT and not whole:
        raise UnknownFormat(path, version, _FORMAT)
    if not whole or version != _FORMAT:
        raise DamagedRecord(path, "a checkpoint that does not match its checksum")
    return data
